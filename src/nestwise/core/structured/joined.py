"""Criterion, gradient and average information where random effects join the blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.structured.blocks import Pattern
from nestwise.core.structured.blockwise import (
    Evaluation,
    Factored,
    Solution,
    collect,
    criterion_value,
    degrees,
    evaluation_of,
    factorise,
    failed,
    solve_fixed,
)
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.sums import Moments
from nestwise.core.structured.totals import Totals, add_curvature
from nestwise.core.structured.trailing import (
    Equations,
    apply_blocks,
    effect_spread,
    solve_trailing,
)

LEAST = 1e-8
"""Diagonal of a Lambda below which it is not divided by."""


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What is known when the equations are solved.

    Parameters
    ----------
    equations, solution
        The equations, and the fixed effects.
    r : (n,) float64
        y - X beta - Z b.
    spread : (n, p) float64
        (X - Z b_X) half: the fixed effects' part of [Z X] K^-1 [Z X]'; no columns for ML.
    inverse : (values,) float64
        M^-1 on its pattern.
    """

    equations: Equations
    solution: Solution
    r: FloatArray
    spread: FloatArray
    inverse: FloatArray


def evaluate_joined(problem: StructuredProblem, par: FloatArray, reml: bool) -> Evaluation:
    """As `nestwise.core.structured.blockwise.evaluate_blocks`, with trailing random effects.

    With r = y - X beta - Z b, P y = V1^-1 r and P_ii = V1_ii^-1 - V1_ii^-1 A_i V1_ii^-1, where A_i
    is [Z X]_i times the inverse of the mixed-model equations times [Z X]_i'. Of that inverse only
    entries between levels that share a block are needed, which are on the pattern of the factor.

    Parameters
    ----------
    problem : StructuredProblem
        With trailing terms.
    par : (t + r,) float64
        Parameters, entries of the Lambdas first.
    reml : bool
        REML or ML.

    Source
    ------
    Johnson & Thompson (1995), J. Dairy Sci. 78, 449-456 (average information from the mixed-model
    equations; the sparse inverse).
    """
    patterns = factorise(problem, par)
    equations = None if patterns is None else solve_trailing(problem, patterns, par)
    solution = None
    if equations is not None:
        solution = solve_fixed(equations.C - equations.H.T @ equations.H)
    if patterns is None or equations is None or solution is None:
        return failed(par)
    state = _state(problem, equations, solution, reml)
    ratio = degrees(problem, reml) / solution.pwrss
    total = Totals.zeros(par.size, problem.p)
    effects, trailing = problem.arrays.effects, problem.blocks.trailing
    extra, rows = np.zeros((par.size, par.size)), np.zeros((par.size, problem.n))
    faces = {t: np.zeros_like(effects[t].Z, shape=2 * (effects[t].Z.shape[1],)) for t in trailing}
    for at, (pattern, one) in enumerate(zip(problem.blocks.patterns, patterns, strict=True)):
        found = _moments(problem, pattern, state, equations.effects.places[at])
        S = collect(total, pattern.rows.shape, one, found, True, ratio)
        for place, t in enumerate(problem.blocks.absorbed):
            Z, level = pattern.Z[place], pattern.level[place]
            inner = Z.T @ (S * (level[:, None] == level)) @ Z
            add_curvature(extra, problem.arrays.entries, t, inner)
        _moved_by_blocks(rows, pattern, one, state.r)
        _add_faces(faces, problem, pattern, one, state, equations.effects.places[at])
    # Z'V1^-1 w of the parameters of the blocks.
    seen = np.ascontiguousarray((equations.effects.Z.T @ rows.T).T)
    _own_terms(problem, par, (total, extra, seen), (state, patterns, faces), ratio)
    solved = equations.lower(np.ascontiguousarray(seen.T))
    mixed = total.mixed - solved.T @ equations.H[:, :-1]
    gram = total.gram - solved.T @ solved
    logdet = equations.logdet + sum(
        len(pattern.rows) * one.logdet
        for pattern, one in zip(problem.blocks.patterns, patterns, strict=True)
    )
    value = criterion_value(problem, logdet, solution, reml)
    totals = Totals(total.trace, total.score, gram, mixed)
    return evaluation_of(par, value, totals, solution, ratio, extra)


def _state(
    problem: StructuredProblem, equations: Equations, solution: Solution, reml: bool
) -> _State:
    H, Z = equations.H, equations.effects.Z
    p = problem.p if reml else 0
    own = np.column_stack([H[:, -1] - H[:, :-1] @ solution.delta, H[:, :-1] @ solution.half[:, :p]])
    rows = np.asarray(Z @ equations.upper(own))
    r = problem.y0 - problem.Q @ solution.delta - rows[:, 0]
    spread = problem.Q @ solution.half[:, :p] - rows[:, 1:]
    return _State(equations, solution, r, spread, equations.effects.pattern.inverse(equations.L))


def _moments(
    problem: StructuredProblem, pattern: Pattern, state: _State, places: AnyArray
) -> Moments:
    """Sums over the blocks of a pattern of r r', of A_i, and of r[j] Q[k, a]."""
    N, v = pattern.rows.shape
    own, Q = state.r[pattern.rows], problem.Q[pattern.rows]
    spread = state.spread[pattern.rows].transpose(1, 0, 2).reshape(v, -1)
    A = spread @ spread.T
    A += effect_spread(state.equations, state.inverse, pattern.rows, places).sum(axis=0)
    F = (own.T @ Q.reshape(N, -1)).reshape(v * v, problem.p)
    return Moments(own.T @ own, A, F)


def _moved_by_blocks(rows: FloatArray, pattern: Pattern, one: Factored, r: FloatArray) -> None:
    """Put V1^-1 w of the parameters of the blocks, w = dV V1^-1 r, into the rows (m, n)."""
    weighted = r[pattern.rows] @ one.inverse
    for i, dV in zip(one.covariance.active, one.covariance.dV, strict=True):
        rows[i, pattern.rows] = weighted @ (dV @ one.inverse)


def _add_faces(
    faces: dict[int, FloatArray],
    problem: StructuredProblem,
    pattern: Pattern,
    one: Factored,
    state: _State,
    places: AnyArray,
) -> None:
    """Add to each trailing term the sum over its levels of Z'V1^-1 Z Lambda M^-1.

    It equals Z'V^-1 Z Lambda, and is formed without a difference, so that small Lambdas lose no
    digits.
    """
    pieces = state.equations.effects.pieces
    half = state.equations.half[:, pattern.rows]
    for a, (t, column) in enumerate(pieces):
        moved = np.zeros(pattern.rows.shape)
        for b, right in enumerate(half):
            shared = one.inverse * state.inverse[places[a, b]]
            moved += (shared @ right[:, :, None])[:, :, 0]
        Z = problem.arrays.effects[t].Z[pattern.rows]
        faces[t][:, column] += moved.ravel() @ Z.reshape(moved.size, -1)


def _own_terms(
    problem: StructuredProblem,
    par: FloatArray,
    sums: tuple[Totals, FloatArray, FloatArray],
    known: tuple[_State, tuple[Factored, ...], dict[int, FloatArray]],
    ratio: float,
) -> None:
    """Everything of the trailing terms' own parameters: w = Z a, a = dG Z'P y level by level."""
    (total, extra, seen), (state, patterns, faces) = sums, known
    effects, Z = state.equations.effects, state.equations.effects.Z
    weighted = apply_blocks(problem, patterns, np.column_stack([state.r, state.spread]))
    by_effect = np.asarray(Z.T @ weighted)
    entries, lambdas = problem.arrays.entries, effect_lambdas(problem.arrays, par)
    moved: dict[int, FloatArray] = {}
    for t, first in zip(problem.blocks.trailing, effects.first, strict=True):
        term = problem.arrays.effects[t]
        k, Lambda = term.Z.shape[1], lambdas[t]
        own = by_effect[first : first + term.n_levels * k].reshape(term.n_levels, k, -1)
        s, W = own[:, :, 0], own[:, :, 1:]
        spread = np.einsum("lkp,lmp->km", W, W)
        score = s.T @ s
        half = faces[t] - spread @ Lambda
        T = _divided(problem, t, half, Lambda, spread, patterns)
        mine = [(i, row, col) for i, (u, row, col) in enumerate(entries) if u == t]
        for i, row, col in mine:
            dG = np.zeros((k, k))
            dG[row] = Lambda[:, col]
            total.trace[i] = 2.0 * float(half[row, col])
            total.score[i] = 2.0 * float((score @ Lambda)[row, col])
            a = np.zeros(len(by_effect))
            a[first : first + term.n_levels * k] = (s @ (dG + dG.T)).ravel()
            moved[i] = a
            for j, row2, col2 in mine:
                if col == col2:
                    extra[i, j] = 2.0 * (T - ratio * score)[row, row2]
    _add_moved(problem, patterns, state, (total, seen), moved)


def _divided(
    problem: StructuredProblem,
    t: int,
    half: FloatArray,
    Lambda: FloatArray,
    spread: FloatArray,
    patterns: tuple[Factored, ...],
) -> FloatArray:
    """Sum over levels of Z'P Z, from that times Lambda; at Lambda = 0 what it tends to."""
    if np.abs(Lambda.diagonal()).min() > LEAST:
        T = np.linalg.solve(Lambda.T, half.T).T
        return np.asarray(0.5 * (T + T.T))
    term, out = problem.arrays.effects[t], -spread
    for pattern, one in zip(problem.blocks.patterns, patterns, strict=True):
        codes, Z = term.codes[pattern.rows], term.Z[pattern.rows]
        same = (codes[:, :, None] == codes[:, None, :]) * one.inverse
        out = out + np.einsum("njk,njl->kl", Z, same @ Z)
    return np.asarray(out)


def _add_moved(
    problem: StructuredProblem,
    patterns: tuple[Factored, ...],
    state: _State,
    sums: tuple[Totals, FloatArray],
    moved: dict[int, FloatArray],
) -> None:
    """Add the products of w = Z a with each other and with those of the blocks' parameters."""
    total, seen = sums
    Z, places = state.equations.effects.Z, list(moved)
    for i, a in moved.items():
        across = seen @ a
        total.gram[i] += across
        total.gram[:, i] += across
        total.mixed[i] = state.equations.B[:, :-1].T @ a
    rows = np.asarray(Z @ np.column_stack(list(moved.values())))
    weighted = apply_blocks(problem, patterns, rows)
    total.gram[np.ix_(places, places)] = rows.T @ weighted
    seen[places] = np.asarray(Z.T @ weighted).T
