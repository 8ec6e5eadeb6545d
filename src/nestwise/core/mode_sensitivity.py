"""How the conditional modes of a generalised linear mixed model move with its parameters.

At the mode u = Lambda'Z'd1, d1 the derivatives of the log-likelihoods by the linear predictor.
Differentiating that by a parameter gives M du = Lambda_dot'Z'd1 - A'W(Z Lambda_dot u + X beta_dot)
+ A'd1_dot, with A = Z Lambda, W = -d2 and M = A'WA + I.

Source: Kristensen, Nielsen, Berg, Skaug & Bell (2016), J. Stat. Softw. 70(5), section 3 (implicit
differentiation of the mode).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.lmm import flat_lambdas, lambda_templates
from nestwise.core.problem import Problem

STEP = 1e-6
"""Of the central difference that gives dLambda / dtheta; exact where Lambda is linear in theta."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkingRows:
    """The rows of a model at its mode, in the user's units.

    Parameters
    ----------
    X : (n, p) float64
        Fixed effects.
    codes : tuple of (n,) int32
        Level of each row in each grouping factor.
    columns : tuple of (n, k) float64
        Random-effects columns of each grouping factor, all its terms side by side.
    d1, W : (n,) float64
        First derivatives of the log-likelihoods and minus the second ones.
    phi_d1 : (n,) float64 or None
        Derivative of `d1` by log(phi), for families with a dispersion.
    has_scale : bool
        Whether sigma is sqrt(phi), so that Lambda_absolute moves with phi.
    """

    X: FloatArray
    codes: tuple[IntArray, ...]
    columns: tuple[FloatArray, ...]
    d1: FloatArray
    W: FloatArray
    phi_d1: FloatArray | None
    has_scale: bool


@dataclass(frozen=True, slots=True, eq=False)
class ModeSensitivity:
    """Derivatives of the random effects at their modes.

    Parameters
    ----------
    effects : tuple of (n_levels, k, K) float64
        For each grouping factor the derivatives of its b by (theta, beta, log phi).
    unscaled_vcov : (p, p) float64
        Covariance of beta given theta in the mixed-model equations, relative to sigma^2.
    """

    effects: tuple[FloatArray, ...]
    unscaled_vcov: FloatArray


def mode_sensitivity(
    problem: Problem, theta: FloatArray, sigma: float, rows: WorkingRows
) -> ModeSensitivity:
    """Derivatives of the modes by every parameter, from one solve of the equations.

    Parameters
    ----------
    problem : Problem
        The working linear mixed model at the mode (weights sigma^2 W).
    theta : (m,) float64
        Covariance parameters relative to sigma, user's units.
    sigma : float
        sqrt(phi) for families with a scale, else 1.
    rows : WorkingRows
        The rows at the mode.

    Returns
    -------
    ModeSensitivity
    """
    La = [sigma * L for L in lambda_templates(problem, theta)]
    score = [_by_level(rows, f, rows.d1) for f in range(len(La))]
    u = [s @ L for s, L in zip(score, La, strict=True)]
    moves = [[sigma * d for d in move] for move in _lambda_slopes(problem, theta)]
    rhs = [_theta_side(rows, La, score, u, move) for move in moves]
    for x in rows.X.T:
        rhs.append(_flat([-_by_level(rows, f, rows.W * x) @ L for f, L in enumerate(La)]))
    if rows.phi_d1 is not None:
        half = [0.5 * L if rows.has_scale else np.zeros_like(L) for L in La]
        own = _flat([_by_level(rows, f, rows.phi_d1) @ L for f, L in enumerate(La)])
        rhs.append(_theta_side(rows, La, score, u, half) + own)
        moves = [*moves, half]
    du, C = _solve_for_modes(problem, theta, np.column_stack(rhs))
    return ModeSensitivity(_effects(problem, La, u, moves, du, rows.X.shape[1]), C)


def _by_level(rows: WorkingRows, f: int, values: FloatArray) -> FloatArray:
    """(n_levels, k): Z'values of one grouping factor."""
    codes, columns = rows.codes[f], rows.columns[f]
    size = int(codes.max()) + 1
    return np.column_stack(
        [np.bincount(codes, values * column, minlength=size) for column in columns.T]
    )


def _flat(blocks: list[FloatArray]) -> FloatArray:
    return np.concatenate([block.ravel() for block in blocks])


def _lambda_slopes(problem: Problem, theta: FloatArray) -> list[list[FloatArray]]:
    """For each theta the derivative of every factor's Lambda."""
    out = []
    for i in range(len(theta)):
        shift = np.zeros(len(theta))
        shift[i] = STEP * max(1.0, abs(float(theta[i])))
        ahead = lambda_templates(problem, theta + shift)
        back = lambda_templates(problem, theta - shift)
        out.append([(a - b) / (2.0 * shift[i]) for a, b in zip(ahead, back, strict=True)])
    return out


def _theta_side(
    rows: WorkingRows,
    La: list[FloatArray],
    score: list[FloatArray],
    u: list[FloatArray],
    move: list[FloatArray],
) -> FloatArray:
    """(q,): Lambda_dot'Z'd1 - A'W Z Lambda_dot u."""
    shifted = np.zeros(len(rows.d1))
    for codes, columns, v, d in zip(rows.codes, rows.columns, u, move, strict=True):
        shifted += np.einsum("nk,nk->n", columns, (v @ d.T)[codes])
    weighted = rows.W * shifted
    return _flat(
        [
            s @ d - _by_level(rows, f, weighted) @ L
            for f, (s, d, L) in enumerate(zip(score, move, La, strict=True))
        ]
    )


def _solve_for_modes(
    problem: Problem, theta: FloatArray, rhs: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """M^-1 rhs with the fixed effects held, and the covariance of beta.

    K (u, beta) = (r, 0) lets beta move; K (u, beta) = (0, e) shows how u follows, so that the
    share of beta can be taken back.
    """
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    q, p = len(rhs), problem.p
    both = np.zeros((q + p, rhs.shape[1] + p))
    both[:q, : rhs.shape[1]] = rhs
    both[q:, rhs.shape[1] :] = np.eye(p)
    solved = problem.kernel.solve(flat, both)
    free, follow = solved[:, : rhs.shape[1]], solved[:, rhs.shape[1] :]
    C = follow[q:]
    du = free[:q] - follow[:q] @ np.linalg.solve(C, free[q:])
    T = problem.basis.to_user
    return du, T @ (0.5 * (C + C.T)) @ T.T


def _effects(
    problem: Problem,
    La: list[FloatArray],
    u: list[FloatArray],
    moves: list[list[FloatArray]],
    du: FloatArray,
    p: int,
) -> tuple[FloatArray, ...]:
    """db = Lambda_dot u + Lambda du of every factor; the order is (theta, beta, log phi)."""
    m, K = len(moves), du.shape[1]
    has_phi = len(problem.entries) + p < K
    place = [*range(m - has_phi), *([K - 1] if has_phi else [])]
    out, at = [], 0
    for f, (k, levels) in enumerate(problem.shapes):
        block = du[at : at + k * levels].reshape(levels, k, K)
        b = np.einsum("ij,ljc->lic", La[f], block)
        for j, move in zip(place, moves, strict=True):
            b[:, :, j] += u[f] @ move[f].T
        out.append(b)
        at += k * levels
    return tuple(out)
