"""The compiled twin of `nestwise.core.structured.blockwise.evaluate_blocks`."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.memo import memo
from nestwise.core import _kernels
from nestwise.core.structured.blocks import Pattern
from nestwise.core.structured.blockwise import (
    Evaluation,
    Solution,
    criterion_value,
    degrees,
    evaluation_of,
    failed,
)
from nestwise.core.structured.covariance import structure_at
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.sums import PatternSums
from nestwise.core.structured.totals import Totals

NONE = np.zeros(0)


def evaluate_compiled(problem: StructuredProblem, par: FloatArray, reml: bool) -> Evaluation | None:
    """Criterion, gradient and average information; None where the structure has no table.

    A structure of very many distinct positions is evaluated pattern by pattern, which is left to
    the readable twin.

    Parameters
    ----------
    problem : StructuredProblem
        With independent blocks.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.
    """
    arrays, errors = problem.arrays, problem.arrays.errors
    with np.errstate(all="ignore"):
        found = structure_at(arrays, problem.blocks, par)
        if found is not None and found.tables is None:
            return None
        tables = () if found is None or found.tables is None else found.tables
        R = np.concatenate([t[0].ravel() for t in tables]) if tables else NONE
        dR = np.concatenate([t[1].ravel() for t in tables]) if tables else NONE
    if not (np.isfinite(R).all() and np.isfinite(dR).all() and np.isfinite(par).all()):
        return failed(par)
    log_sd = par[par.size - errors.features.shape[1] :]
    lambdas = [np.ascontiguousarray(L).ravel() for L in effect_lambdas(arrays, par)]
    df = float(degrees(problem, reml))
    finite, logdet, fixed_logdet, pwrss, delta, half, *sums = _patterns(problem).evaluate(
        R, dR, np.ascontiguousarray(log_sd), lambdas, df, reml
    )
    if not finite:
        return failed(par)
    trace, score, gram, mixed, extra = sums
    solution = Solution(delta, pwrss, half, fixed_logdet)
    value = criterion_value(problem, logdet, solution, reml)
    total = Totals(trace, score, gram, mixed)
    return evaluation_of(par, value, total, solution, df / pwrss, extra)


@memo
def _patterns(problem: StructuredProblem) -> _kernels.StructuredPatterns:
    """The patterns of a problem, copied once into the compiled core."""
    arrays, blocks = problem.arrays, problem.blocks
    entries = np.array(arrays.entries, dtype=np.int32).reshape(len(arrays.entries), 3)
    out = _kernels.structured_patterns(
        problem.p + 1,
        len(blocks.visit),
        arrays.errors.n_arms,
        arrays.errors.n_structure,
        arrays.errors.features.shape[1],
        arrays.errors.structure is not None,
        [len(term.scale) for term in arrays.effects],
        entries,
    )
    for pattern, sums in zip(blocks.patterns, problem.sums, strict=True):
        _add(out, pattern, sums)
    return out


def _add(out: _kernels.StructuredPatterns, pattern: Pattern, sums: PatternSums) -> None:
    out.add(
        sums.count,
        _codes(pattern.position),
        _codes(pattern.subject),
        _codes(pattern.arm),
        _flat(pattern.features),
        _flat(pattern.root),
        [_flat(z) for z in pattern.Z],
        [_codes(level) for level in pattern.level],
        NONE if sums.table is None else _flat(sums.table),
        NONE if sums.rows is None else _flat(sums.rows),
    )


def _codes(values: AnyArray) -> IntArray:
    return np.ascontiguousarray(values, dtype=np.int32)


def _flat(values: FloatArray) -> FloatArray:
    return np.ascontiguousarray(values, dtype=np.float64).ravel()
