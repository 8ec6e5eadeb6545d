"""Random effects that join blocks: the mixed-model equations over whitened rows.

V = V1 + Z G Z' with V1 block diagonal. M = Lambda'Z'V1^-1 Z Lambda + I has entries between levels
that share a block of rows; it is factorised sparsely, or as a full matrix where most levels meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.blockwise import Factored
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.trailingcolumns import TrailingEffects, half_columns


@dataclass(frozen=True, slots=True, eq=False)
class Equations:
    """The mixed-model equations at one par.

    Parameters
    ----------
    effects : TrailingEffects
        Z.
    lambdas : tuple of (k, k) float64
        Relative factor of each trailing term.
    half : (K, n) float64
        Z Lambda: the values that each row has.
    B : (q, c) float64
        Z'V1^-1 [Q y0].
    C : (c, c) float64
        [Q y0]'V1^-1 [Q y0].
    L : (values,) float64
        Cholesky factor of M on its pattern.
    H : (q, c) float64
        L^-1 Lambda'B, so that C - H'H holds the cross-products by V^-1.
    """

    effects: TrailingEffects
    lambdas: tuple[FloatArray, ...]
    half: FloatArray
    B: FloatArray
    C: FloatArray
    L: FloatArray
    H: FloatArray

    @property
    def logdet(self) -> float:
        """log |M|."""
        return 2.0 * float(np.log(self.L[self.effects.diagonal]).sum())

    def lower(self, columns: FloatArray) -> FloatArray:
        """L^-1 Lambda' times columns (q, m); rows in an order of its own."""
        turned = by_level(self.effects, self.lambdas, columns, transposed=True)
        return self.effects.pattern.solve(self.L, turned, True)

    def upper(self, columns: FloatArray) -> FloatArray:
        """Lambda L^-T times columns (q, m) such as `lower` gives."""
        solved = self.effects.pattern.solve(self.L, np.ascontiguousarray(columns), False)
        return by_level(self.effects, self.lambdas, solved, transposed=False)


def by_level(
    effects: TrailingEffects,
    lambdas: tuple[FloatArray, ...],
    columns: FloatArray,
    *,
    transposed: bool,
) -> FloatArray:
    """Lambda, or Lambda', of all trailing effects times columns (q, m)."""
    out = np.empty_like(columns, order="C")
    ends = (*effects.first[1:], len(columns))
    for Lambda, start, end in zip(lambdas, effects.first, ends, strict=True):
        factor = Lambda.T if transposed else Lambda
        own = columns[start:end].reshape(-1, len(Lambda), columns.shape[1])
        out[start:end] = (factor @ own).reshape(end - start, -1)
    return out


def solve_trailing(
    problem: StructuredProblem, patterns: tuple[Factored, ...], par: FloatArray
) -> Equations | None:
    """The mixed-model equations; None when they cannot be factorised.

    Parameters
    ----------
    problem : StructuredProblem
        With trailing terms.
    patterns : tuple of Factored
        V1 at par.
    par : (t + r,) float64
        Parameters, entries of the Lambdas first.
    """
    effects, arrays = problem.trailing, problem.arrays
    assert effects is not None
    every = effect_lambdas(arrays, par)
    halves = half_columns(arrays, every)
    half = np.stack([halves[t][:, j] for t, j in effects.pieces])
    L = effects.pattern.factorise(_normal(problem, patterns, effects, half))
    if not L.size:
        return None
    data = np.column_stack([problem.Q, problem.y0])
    weighted = apply_blocks(problem, patterns, data)
    B = np.asarray(effects.Z.T @ weighted)
    lambdas = tuple(every[t] for t in problem.blocks.trailing)
    turned = by_level(effects, lambdas, B, transposed=True)
    H = effects.pattern.solve(L, turned, True)
    return Equations(effects, lambdas, half, B, data.T @ weighted, L, H)


def _normal(
    problem: StructuredProblem,
    patterns: tuple[Factored, ...],
    effects: TrailingEffects,
    half: FloatArray,
) -> FloatArray:
    """(values,) M on its pattern."""
    products = []
    for pattern, one, places in zip(problem.blocks.patterns, patterns, effects.places, strict=True):
        own = half[:, pattern.rows]
        moved = own[:, None, :, :, None] * own[None, :, :, None, :] * one.inverse
        products.append((places.ravel(), moved.ravel()))
    where = np.concatenate([at for at, _ in products])
    values = np.concatenate([value for _, value in products])
    M = np.bincount(where, values, minlength=effects.pattern.values).astype(np.float64)
    # Two different levels meet once as (a, b) and once as (b, a).
    diagonal = M[effects.diagonal]
    M *= 0.5
    M[effects.diagonal] = diagonal + 1.0
    return M


def apply_blocks(
    problem: StructuredProblem, patterns: tuple[Factored, ...], columns: FloatArray
) -> FloatArray:
    """V1^-1 times columns (n,) or (n, k)."""
    out = np.empty_like(columns)
    for pattern, one in zip(problem.blocks.patterns, patterns, strict=True):
        picked = columns[pattern.rows]
        if columns.ndim == 1:
            out[pattern.rows] = picked @ one.inverse
        else:
            out[pattern.rows] = one.inverse @ picked
    return out


def apply_inverse(
    problem: StructuredProblem,
    patterns: tuple[Factored, ...],
    equations: Equations | None,
    columns: FloatArray,
) -> FloatArray:
    """V^-1 times columns (n,) or (n, k): blocks, and what trailing effects add.

    Source: Henderson & Searle (1981), SIAM Rev. 23, 53-60, eq. 17.
    """
    first = apply_blocks(problem, patterns, columns)
    if equations is None:
        return first
    wide = first.reshape(problem.n, -1)
    inner = equations.lower(np.ascontiguousarray(equations.effects.Z.T @ wide))
    b = np.asarray(equations.effects.Z @ equations.upper(inner))
    return np.asarray(first - apply_blocks(problem, patterns, b.reshape(columns.shape)))


def effect_spread(
    equations: Equations, inverse: FloatArray, rows: FloatArray, places: FloatArray
) -> FloatArray:
    """(N, v, v) Z Lambda M^-1 Lambda'Z' of the blocks of a pattern.

    Parameters
    ----------
    equations : Equations
        The equations.
    inverse : (values,) float64
        M^-1 on the pattern.
    rows : (N, v) intp
        Rows of each block.
    places : (K, K, N, v, v) integers
        Of `TrailingEffects`.
    """
    own, out = equations.half[:, rows], np.zeros((*rows.shape, rows.shape[1]))
    for a, left in enumerate(own):
        for b, right in enumerate(own):
            out += left[:, :, None] * inverse[places[a, b]] * right[:, None, :]
    return out
