"""Criterion, gradient and average information where random effects join the blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from nestwise._base.arrays import FloatArray
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
from nestwise.core.structured.trailing import Equations, joint_faces, solve_trailing


@dataclass(frozen=True, slots=True, eq=False)
class _Inverse:
    """What the traces need of the inverse of the mixed-model equations, in b's coordinates.

    Parameters
    ----------
    bb : (q, q) float64
        Lambda K^uu Lambda' (ML: Lambda M^-1 Lambda').
    bx : (q, p) float64
        Lambda K^ux; zero for ML.
    half : (p, p) float64
        Root of K^xx; zero for ML.
    """

    bb: FloatArray
    bx: FloatArray
    half: FloatArray


def evaluate_joined(problem: StructuredProblem, par: FloatArray, reml: bool) -> Evaluation:
    """As `nestwise.core.structured.blockwise.evaluate_blocks`, with trailing random effects.

    With r = y - X beta - Z b, P y = V1^-1 r and P_ii = V1_ii^-1 - V1_ii^-1 A_i V1_ii^-1, where A_i
    is [Z X]_i times the inverse of the mixed-model equations times [Z X]_i'.

    Parameters
    ----------
    problem : StructuredProblem
        With trailing terms.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.

    Source
    ------
    Johnson & Thompson (1995), J. Dairy Sci. 78, 449-456 (average information from the mixed-model
    equations).
    """
    patterns = factorise(problem, par)
    equations = None if patterns is None else solve_trailing(problem, patterns, par)
    solution = None
    if equations is not None:
        solution = solve_fixed(equations.C - equations.H.T @ equations.H)
    if patterns is None or equations is None or solution is None:
        return failed(par)
    root = solve_triangular(equations.L, equations.Lambda.T, lower=True)
    b = root.T @ (equations.H[:, -1] - equations.H[:, :-1] @ solution.delta)
    r = problem.y0 - problem.Q @ solution.delta - np.asarray(equations.effects.Z @ b)
    ratio = degrees(problem, reml) / solution.pwrss
    total = Totals.zeros(par.size, problem.p)
    extra, seen = np.zeros((par.size, par.size)), np.zeros((par.size, len(b)))
    inverse = _inverse(equations, solution, root, reml)
    for pattern, one in zip(problem.blocks.patterns, patterns, strict=True):
        found = _moments(problem, pattern, r, inverse, equations)
        S = collect(total, (pattern.rows.shape[0], pattern.rows.shape[1]), one, found, True, ratio)
        for place, t in enumerate(problem.blocks.absorbed):
            Z, level = pattern.Z[place], pattern.level[place]
            inner = Z.T @ (S * (level[:, None] == level)) @ Z
            add_curvature(extra, problem.arrays.entries, t, inner)
        _seen_by_blocks(seen, equations, pattern, one, r)
    _own_terms(problem, par, total, extra, seen, (equations, solution, b, root), reml)
    solved = solve_triangular(equations.L, equations.Lambda.T @ seen.T, lower=True)
    mixed = total.mixed - solved.T @ equations.H[:, :-1]
    gram = total.gram - solved.T @ solved
    logdet = equations.logdet + sum(
        len(pattern.rows) * one.logdet
        for pattern, one in zip(problem.blocks.patterns, patterns, strict=True)
    )
    value = criterion_value(problem, logdet, solution, reml)
    totals = Totals(total.trace, total.score, gram, mixed)
    return evaluation_of(par, value, totals, solution, ratio, extra)


def _inverse(equations: Equations, solution: Solution, root: FloatArray, reml: bool) -> _Inverse:
    """root is L^-1 Lambda'."""
    bb = root.T @ root
    if not reml:
        p = len(solution.delta)
        return _Inverse(bb, np.zeros((len(bb), p)), np.zeros((p, p)))
    across = root.T @ equations.H[:, :-1] @ solution.half
    return _Inverse(bb + across @ across.T, -across @ solution.half.T, solution.half)


def _moments(
    problem: StructuredProblem,
    pattern: Pattern,
    r: FloatArray,
    inverse: _Inverse,
    equations: Equations,
) -> Moments:
    """Sums over the blocks of a pattern of r r', of A_i, and of r[j] Q[k, a]."""
    N, v = pattern.rows.shape
    own, Q = r[pattern.rows], problem.Q[pattern.rows]
    spread = (Q @ inverse.half).transpose(1, 0, 2).reshape(v, -1)
    A = spread @ spread.T
    pieces = _pieces(problem, pattern, equations)
    for column, z in pieces:
        part = z[:, :, None] * inverse.bx[column]
        cross = np.einsum("ija,ika->jk", part, Q, optimize=True)
        A += cross + cross.T
        for other, z2 in pieces:
            picked = inverse.bb[column[:, :, None], other[:, None, :]]
            A += np.einsum("ij,ijk,ik->jk", z, picked, z2, optimize=True)
    F = (own.T @ Q.reshape(N, -1)).reshape(v * v, problem.p)
    return Moments(own.T @ own, A, F)


def _pieces(
    problem: StructuredProblem, pattern: Pattern, equations: Equations
) -> list[tuple[FloatArray, FloatArray]]:
    """Column of Z and its value in every row, for each column of each trailing term."""
    out = []
    for t, first in zip(problem.blocks.trailing, equations.effects.first, strict=True):
        term = problem.arrays.effects[t]
        k = term.Z.shape[1]
        codes = term.codes[pattern.rows].astype(np.intp)
        out += [(first + codes * k + j, term.Z[pattern.rows, j]) for j in range(k)]
    return out


def _seen_by_blocks(
    seen: FloatArray, equations: Equations, pattern: Pattern, one: Factored, r: FloatArray
) -> None:
    """Add Z'V1^-1 w of the parameters of the blocks, w = dV V1^-1 r."""
    inverse, active = one.inverse, one.covariance.active
    weighted = r[pattern.rows] @ inverse
    Z = equations.effects.Z[pattern.rows.ravel()]
    for i, dV in zip(active, one.covariance.dV, strict=True):
        seen[i] += Z.T @ (weighted @ (dV @ inverse)).ravel()


def _own_terms(
    problem: StructuredProblem,
    par: FloatArray,
    total: Totals,
    extra: FloatArray,
    seen: FloatArray,
    found: tuple[Equations, Solution, FloatArray, FloatArray],
    reml: bool,
) -> None:
    """Everything of the trailing terms' own parameters: w = Z a, a = dG Z'P y level by level."""
    equations, solution, b, root = found
    H, A = equations.H, equations.A
    s = equations.B[:, -1] - equations.B[:, :-1] @ solution.delta - A @ b
    ratio = degrees(problem, reml) / solution.pwrss
    Y = root @ A
    ZPZ = A - Y.T @ Y
    if reml:
        across = (equations.B[:, :-1] - Y.T @ H[:, :-1]) @ solution.half
        ZPZ = ZPZ - across @ across.T
    entries, lambdas = problem.arrays.entries, effect_lambdas(problem.arrays, par)
    moved: dict[int, FloatArray] = {}
    for t, first in zip(problem.blocks.trailing, equations.effects.first, strict=True):
        term = problem.arrays.effects[t]
        levels, k = term.n_levels, term.Z.shape[1]
        at = slice(first, first + levels * k)
        own = s[at].reshape(levels, k)
        T = joint_faces(ZPZ, first, levels, k).sum(axis=0)
        score = own.T @ own
        mine = [(i, row, col) for i, (u, row, col) in enumerate(entries) if u == t]
        for i, row, col in mine:
            dG = np.zeros((k, k))
            dG[row] = lambdas[t][:, col]
            dG = dG + dG.T
            total.trace[i] = float((T * dG).sum())
            total.score[i] = float((score * dG).sum())
            a = np.zeros(len(b))
            a[at] = (own @ dG).ravel()
            moved[i] = a
            for j, row2, col2 in mine:
                if col == col2:
                    extra[i, j] = 2.0 * (T - ratio * score)[row, row2]
    for i, a in moved.items():
        across = seen @ a
        total.gram[i] += across
        total.gram[:, i] += across
    for i, a in moved.items():
        for j, other in moved.items():
            total.gram[i, j] = a @ A @ other
        seen[i] = A @ a
        total.mixed[i] = equations.B[:, :-1].T @ a
