"""tr(P V_i P V_j), the one part of the second derivatives that a gradient does not bring along.

With P = V0^-1 - V0^-1 X (X'V0^-1 X)^-1 X'V0^-1 (REML) or V0^-1 (ML) and V_i = dV0 / d theta_i =
Z D_i Z', all that is needed is G = Z'PZ; since Lambda'G Lambda = I - C, it comes from C, the upper
left part of the inverse of the mixed-model equations.

Source: Searle, Casella & McCulloch (1992), Variance Components, section 6.6 (second derivatives of
both likelihoods); Henderson (1975), Biometrics 31, 423-447 (the inverse of the equations).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise.core.problem import Problem

NEAR = 1e-3
"""Diagonal of Lambda below which it is not divided by."""

FAR = 1e4
"""Size of the inverse of Lambda above which it is not divided by."""


@dataclass(frozen=True, slots=True, eq=False)
class TraceProducts:
    """Traces of products, and of the parts on the diagonal.

    Parameters
    ----------
    second : (m, m) float64
        tr(P V_i P V_j), kernel's units.
    first : tuple of (k, k) float64
        For each factor the sum over levels of (Z'PZ)_ll.
    """

    second: FloatArray
    first: tuple[FloatArray, ...]


def divisible(lambdas: tuple[FloatArray, ...]) -> bool:
    """Whether all relative factors are far enough from singular.

    Parameters
    ----------
    lambdas : tuple of (k, k) float64
        Lower triangles, kernel's units.
    """
    if any(np.abs(La.diagonal()).min() < NEAR for La in lambdas):
        return False
    return all(np.abs(np.linalg.inv(La)).max() < FAR for La in lambdas)


def trace_products(
    problem: Problem, flat: FloatArray, lambdas: tuple[FloatArray, ...], reml: bool
) -> TraceProducts:
    """tr(P V_i P V_j) for all pairs of parameters, from one full inverse.

    Parameters
    ----------
    problem : Problem
        The model.
    flat : (sum k^2,) float64
        Its Lambdas in the kernel's units.
    lambdas : tuple of (k, k) float64
        The same as matrices, `divisible`.
    reml : bool
        Whether P projects the fixed effects out.

    Notes
    -----
    tr(D_i G D_j G') over all pairs of levels is D_i (sum of G (x) G) D_j, so that the number of
    parameters costs nothing beside the inverse.
    """
    G = _cross_products_of_P(problem, flat, lambdas, reml)
    slopes = _slopes(problem, lambdas)
    m = len(problem.entries)
    second = np.zeros((m, m))
    for f, row in enumerate(G):
        for g, block in enumerate(row[: f + 1]):
            (k, h), sides = (block.shape[0], block.shape[2]), block.transpose(0, 2, 1, 3)
            pairs = sides.reshape(k * h, -1)
            both = (pairs @ pairs.T).reshape(k, h, k, h)
            (own, D), (other, E) = slopes[f], slopes[g]
            half = np.einsum("iac,abcd->ibd", D, both)
            traces = np.einsum("ibd,jdb->ij", half, E)
            second[np.ix_(own, other)] = traces
            second[np.ix_(other, own)] = traces.T
    diagonal = tuple(np.einsum("alcl->ac", row[f]) for f, row in enumerate(G))
    return TraceProducts(second, diagonal)


def _cross_products_of_P(
    problem: Problem, flat: FloatArray, lambdas: tuple[FloatArray, ...], reml: bool
) -> list[list[FloatArray]]:
    """Z'PZ by pairs of factors f >= g, each (k_f, m_f, k_g, m_g)."""
    C = _inverse(problem, flat, reml)
    starts = np.cumsum([0] + [k * m for k, m in problem.shapes])
    halves = [np.linalg.inv(La) for La in lambdas]
    out = []
    for f, (k, m) in enumerate(problem.shapes):
        row = []
        for g, (h, n) in enumerate(problem.shapes[: f + 1]):
            block = -C[starts[f] : starts[f + 1], starts[g] : starts[g + 1]]
            if f == g:
                block = np.eye(k * m) + block
            parts = block.reshape(m, k, n, h).transpose(1, 0, 2, 3)
            left = np.tensordot(halves[f].T, parts, 1)
            row.append((left @ halves[g]).transpose(0, 1, 3, 2))
        out.append(row)
    return out


def _inverse(problem: Problem, flat: FloatArray, reml: bool) -> FloatArray:
    """(q, q) upper left part of K^-1 (REML), or M^-1 (ML)."""
    q = sum(k * m for k, m in problem.shapes)
    if reml or not problem.p:
        return problem.kernel.solve(flat, np.eye(q + problem.p, q))[:q]
    K = problem.kernel.solve(flat, np.eye(q + problem.p))
    return np.asarray(K[:q, :q] - K[:q, q:] @ np.linalg.solve(K[q:, q:], K[q:, :q]))


def _slopes(
    problem: Problem, lambdas: tuple[FloatArray, ...]
) -> list[tuple[NDArray[np.intp], FloatArray]]:
    """For each factor its positions in theta, and D_i = E_i Lambda' + Lambda E_i', (m_f, k, k)."""
    out = []
    for f, La in enumerate(lambdas):
        at = np.flatnonzero(problem.entries[:, 0] == f)
        D = np.zeros((len(at), *La.shape))
        for i, (_, r, c) in enumerate(problem.entries[at].tolist()):
            D[i, r] += La[:, c]
            D[i, :, r] += La[:, c]
        out.append((at, D))
    return out
