"""Second derivatives of the covariance of blocks, summed against weights as they are made.

V = Z G Z' + S C S: C from the structure, S = diag(exp(features @ par)). Only C needs differences,
and only where the structure is evaluated, once for all blocks or once a pattern.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.residual.structure import ResidualStructure
from nestwise.core.residual.visits import Visits
from nestwise.core.structured.blocks import Pattern
from nestwise.core.structured.blockwise import Factored
from nestwise.core.structured.covariance import error_covariance, structure_at
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.totals import add_curvature

STEP = 1e-3
"""Step of the four-point differences of the structure's exact first derivatives."""

Place = tuple[int, Visits, FloatArray]
"""Arm, rows of a subject, and weights of their covariances (v, v)."""


def second_columns(
    structure: ResidualStructure, par: FloatArray, visits: Visits
) -> Iterator[FloatArray]:
    """(n_par, v, v) derivatives of dC by each parameter in turn."""
    for move in STEP * np.eye(len(par)):
        near = structure.covariance(par + move, visits)[1]
        near = near - structure.covariance(par - move, visits)[1]
        far = structure.covariance(par + 2.0 * move, visits)[1]
        far = far - structure.covariance(par - 2.0 * move, visits)[1]
        yield (8.0 * near - far) / (12.0 * STEP)


def block_curvature(
    problem: StructuredProblem,
    filled: FloatArray,
    patterns: tuple[Factored, ...],
    weights: list[FloatArray],
) -> FloatArray:
    """(m, m) sums over patterns of <V_ab, weight>.

    Parameters
    ----------
    problem : StructuredProblem
        The model; all random effects absorbed.
    filled : (m,) float64
        Parameters, entries of the Lambdas first.
    patterns : tuple of Factored
        V there.
    weights : list of (v, v) float64
        One a pattern, symmetric.
    """
    arrays, blocks = problem.arrays, problem.blocks
    errors, m = arrays.errors, filled.size
    out = np.zeros((m, m))
    scaled = []
    for pattern, one, weight in zip(blocks.patterns, patterns, weights, strict=True):
        sd = deviations(problem, pattern, filled)
        scaled.append(weight * sd[:, None] * sd)
        if pattern.features.shape[1]:
            _feature_curvature(out, problem, filled, pattern, one, weight)
        for at, t in enumerate(blocks.absorbed):
            Z, level = pattern.Z[at], pattern.level[at]
            inner = Z.T @ (weight * (level[:, None] == level)) @ Z
            add_curvature(out, arrays.entries, t, inner)
    if errors.structure is not None and errors.n_structure:
        for arm, visits, weight in _places(problem, filled, scaled):
            own = _own(problem, arm)
            for b, column in enumerate(second_columns(errors.structure, filled[own], visits)):
                out[own, own.start + b] += np.tensordot(column, weight, 2)
    return 0.5 * (out + out.T)


def block_bends(
    problem: StructuredProblem,
    filled: FloatArray,
    patterns: tuple[Factored, ...],
    W: FloatArray,
) -> list[FloatArray]:
    """(v, v) sums over the residuals' parameters of W_ab V_ab, for each pattern.

    Parameters
    ----------
    problem, filled, patterns
        As in `block_curvature`; random effects may join blocks.
    W : (m, m) float64
        Weights of pairs of parameters, symmetric.
    """
    errors, blocks = problem.arrays.errors, problem.blocks
    tabled = _tabled(problem, filled)
    whole = Visits(blocks.visit, blocks.time, errors.n_visits)
    tables = [
        _bent(problem, filled, W, arm, whole) for arm in range(errors.n_arms if tabled else 0)
    ]
    out = []
    for pattern, one in zip(blocks.patterns, patterns, strict=True):
        v = len(pattern.position)
        C = np.zeros((v, v))
        for arm, at in subjects(pattern) if errors.structure is not None else ():
            position = pattern.position[at]
            grid, places = np.ix_(at, at), np.ix_(position, position)
            C[grid] = (
                tables[arm][places]
                if tabled
                else _bent(problem, filled, W, arm, _visits(problem, position))
            )
        sd = deviations(problem, pattern, filled)
        out.append(C * sd[:, None] * sd + _feature_bends(problem, filled, pattern, one, W))
    return out


def deviations(problem: StructuredProblem, pattern: Pattern, filled: FloatArray) -> FloatArray:
    """(v,) standard deviations of the rows relative to the structure's."""
    if pattern.plain:
        return np.ones(len(pattern.position))
    features = pattern.features
    return np.asarray(pattern.root * np.exp(features @ filled[filled.size - features.shape[1] :]))


def subjects(pattern: Pattern) -> Iterator[tuple[int, AnyArray]]:
    """Arm and rows of each subject of a block."""
    for s in np.unique(pattern.subject):
        at = np.flatnonzero(pattern.subject == s)
        yield int(pattern.arm[at[0]]), at


def _own(problem: StructuredProblem, arm: int) -> slice:
    """Where the structure's parameters of an arm are."""
    size = problem.arrays.errors.n_structure
    first = len(problem.arrays.entries) + arm * size
    return slice(first, first + size)


def _visits(problem: StructuredProblem, position: AnyArray) -> Visits:
    blocks = problem.blocks
    n_visits = problem.arrays.errors.n_visits
    return Visits(blocks.visit[position], blocks.time[position], n_visits)


def _tabled(problem: StructuredProblem, filled: FloatArray) -> bool:
    """Whether the structure is evaluated once for all blocks."""
    found = structure_at(problem.arrays, problem.blocks, filled)
    return found is not None and found.tables is not None


def _places(
    problem: StructuredProblem, filled: FloatArray, weights: list[FloatArray]
) -> Iterator[Place]:
    """Weights of the structure's matrix: one an arm, or one a subject of a pattern."""
    blocks, errors = problem.blocks, problem.arrays.errors
    tabled, u = _tabled(problem, filled), len(blocks.visit)
    grids = np.zeros((errors.n_arms, u, u)) if tabled else np.zeros((0, 0, 0))
    for pattern, weight in zip(blocks.patterns, weights, strict=True):
        for arm, at in subjects(pattern):
            position, own = pattern.position[at], weight[np.ix_(at, at)]
            if tabled:
                np.add.at(grids[arm], np.ix_(position, position), own)
            else:
                yield arm, _visits(problem, position), own
    for arm, grid in enumerate(grids):
        yield arm, Visits(blocks.visit, blocks.time, errors.n_visits), grid


def _bent(
    problem: StructuredProblem, filled: FloatArray, W: FloatArray, arm: int, visits: Visits
) -> FloatArray:
    """Sum of W_ab C_ab over the structure's parameters of an arm."""
    structure, own = problem.arrays.errors.structure, _own(problem, arm)
    assert structure is not None
    v = len(visits.time)
    out = np.zeros((v, v))
    for b, column in enumerate(second_columns(structure, filled[own], visits)):
        out += np.tensordot(W[own, own.start + b], column, 1)
    return out


def _feature_curvature(
    out: FloatArray,
    problem: StructuredProblem,
    filled: FloatArray,
    pattern: Pattern,
    one: Factored,
    weight: FloatArray,
) -> None:
    """Add <V_ab, weight> where a or b is a parameter of the standard deviations."""
    F = pattern.features
    own, slopes, R = _with_features(problem, filled, pattern, one)
    at = np.arange(len(out) - F.shape[1], len(out))
    mixed = 2.0 * (slopes * weight).sum(axis=2) @ F
    out[np.ix_(own, at)] += mixed
    out[np.ix_(at, own)] += mixed.T
    inner = R * weight
    out[np.ix_(at, at)] += 2.0 * (F.T * inner.sum(axis=1)) @ F + 2.0 * F.T @ inner @ F


def _feature_bends(
    problem: StructuredProblem,
    filled: FloatArray,
    pattern: Pattern,
    one: Factored,
    W: FloatArray,
) -> FloatArray:
    """(v, v) sum of W_ab V_ab where a or b is a parameter of the standard deviations."""
    v, s = pattern.features.shape
    if not s:
        return np.zeros((v, v))
    F = pattern.features
    own, slopes, R = _with_features(problem, filled, pattern, one)
    inner = F @ W[-s:, -s:] @ F.T
    size = inner.diagonal()
    bent = R * (size[:, None] + size + 2.0 * inner)
    both = W[own, -s:] @ F.T
    return np.asarray(bent + 2.0 * ((both[:, :, None] + both[:, None, :]) * slopes).sum(axis=0))


def _with_features(
    problem: StructuredProblem, filled: FloatArray, pattern: Pattern, one: Factored
) -> tuple[AnyArray, FloatArray, FloatArray]:
    """The structure's parameters and dV by them; V without the random effects."""
    arrays, blocks, found = problem.arrays, problem.blocks, one.covariance
    first = len(arrays.entries)
    last = first + arrays.errors.n_arms * arrays.errors.n_structure
    mine = (found.active >= first) & (found.active < last)
    R = found.V
    if blocks.absorbed:
        tables = structure_at(arrays, blocks, filled)
        R = error_covariance(arrays, blocks, pattern, filled, tables)[0]
    return found.active[mine], found.dV[mine], R
