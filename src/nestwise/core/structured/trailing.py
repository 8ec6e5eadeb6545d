"""Random effects that join blocks: the mixed-model equations over whitened rows.

V = V1 + Z G Z' with V1 block diagonal. M = Lambda'Z'V1^-1 Z Lambda + I is factorised as a dense
matrix: a factor crossed with the subjects has fill between all its levels that share a subject.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import csr_array

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.structured.blockwise import Factored
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.trailingcolumns import TrailingEffects


@dataclass(frozen=True, slots=True, eq=False)
class Equations:
    """The mixed-model equations at one par.

    Parameters
    ----------
    effects : TrailingEffects
        Z.
    Lambda : (q, q) float64
        Relative factor of all trailing effects, block diagonal.
    A : (q, q) float64
        Z'V1^-1 Z.
    B : (q, c) float64
        Z'V1^-1 [Q y0].
    C : (c, c) float64
        [Q y0]'V1^-1 [Q y0].
    L : (q, q) float64
        Lower Cholesky factor of M.
    H : (q, c) float64
        L^-1 Lambda'B, so that C - H'H holds the cross-products by V^-1.
    """

    effects: TrailingEffects
    Lambda: FloatArray
    A: FloatArray
    B: FloatArray
    C: FloatArray
    L: FloatArray
    H: FloatArray

    @property
    def logdet(self) -> float:
        """log |M|."""
        return 2.0 * float(np.log(self.L.diagonal()).sum())


def block_inverse(problem: StructuredProblem, patterns: tuple[Factored, ...]) -> csr_array:
    """V1^-1 as a sparse matrix, (n, n)."""
    rows, columns, values = [], [], []
    for pattern, one in zip(problem.blocks.patterns, patterns, strict=True):
        N, v = pattern.rows.shape
        rows.append(np.repeat(pattern.rows, v, axis=1).ravel())
        columns.append(np.tile(pattern.rows, (1, v)).ravel())
        values.append(np.broadcast_to(one.inverse.ravel(), (N, v * v)).ravel())
    where = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), where), shape=(problem.n, problem.n))


def whole_lambda(problem: StructuredProblem, par: FloatArray) -> FloatArray:
    """(q, q) Lambda of all trailing effects."""
    arrays = problem.arrays
    lambdas = effect_lambdas(arrays, par)
    parts = [
        np.kron(np.eye(arrays.effects[t].n_levels), lambdas[t]) for t in problem.blocks.trailing
    ]
    q = sum(len(p) for p in parts)
    out, at = np.zeros((q, q)), 0
    for part in parts:
        out[at : at + len(part), at : at + len(part)] = part
        at += len(part)
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
    par : (m,) float64
        Parameters.
    """
    effects = problem.trailing
    assert effects is not None
    data = np.column_stack([problem.Q, problem.y0])
    weighted = apply_blocks(problem, patterns, data)
    A = (effects.Z.T @ (block_inverse(problem, patterns) @ effects.Z)).toarray()
    B = np.asarray(effects.Z.T @ weighted)
    Lambda = whole_lambda(problem, par)
    M = Lambda.T @ A @ Lambda
    M[np.diag_indices_from(M)] += 1.0
    try:
        L = np.linalg.cholesky(M)
    except np.linalg.LinAlgError:
        return None
    H = solve_triangular(L, Lambda.T @ B, lower=True)
    return Equations(effects, Lambda, A, B, data.T @ weighted, L, np.asarray(H))


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
    seen = equations.Lambda.T @ (equations.effects.Z.T @ first)
    inner = solve_triangular(equations.L, seen, lower=True)
    inner = solve_triangular(equations.L.T, inner, lower=False)
    b = equations.effects.Z @ (equations.Lambda @ inner)
    return np.asarray(first - apply_blocks(problem, patterns, np.asarray(b)))


def joint_faces(matrix: FloatArray, first: int, n_levels: int, k: int) -> AnyArray:
    """(n_levels, k, k) diagonal blocks of the columns of one term."""
    at = first + np.arange(n_levels)[:, None] * k + np.arange(k)
    return np.asarray(matrix[at[:, :, None], at[:, None, :]])
