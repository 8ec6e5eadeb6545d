"""The exact Hessian of the deviance of independent blocks, pattern by pattern."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.structured.bends import block_curvature
from nestwise.core.structured.blockwise import factorise, solve_fixed
from nestwise.core.structured.filled import fill_curvature, fill_with_slopes
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.sums import cross, moments

SINGULAR = "the covariance matrix at the estimates is singular"

PATTERNS = 40
"""Patterns for each parameter up to which their loop is faster than differences of gradients."""


def is_quick(problem: StructuredProblem) -> bool:
    """Whether the exact Hessian exists, and costs less than differences of the exact gradient."""
    if problem.chain is not None or problem.trailing is not None:
        return False
    return len(problem.blocks.patterns) <= PATTERNS * problem.arrays.n_par


def block_hessian(
    problem: StructuredProblem, par: FloatArray, sigma: float, reml: bool
) -> FloatArray:
    """(m, m) second derivatives by par of the deviance at fixed sigma.

    Parameters
    ----------
    problem : StructuredProblem
        The model; no random effects join blocks.
    par : (m,) float64
        Where.
    sigma : float
        Residual standard deviation.
    reml : bool
        REML or ML.

    Raises
    ------
    FitError
        When the covariance matrix is singular there.

    Notes
    -----
    With W = V^-1 X, e = V^-1 (y - X beta) and S = V^-1 - W Phi W' - e e' / sigma^2,
    D_ab = <V_ab, S> + tr(V_a V^-1 V_b (2 W Phi W' + 2 e e' / sigma^2 - V^-1))
    - tr(Phi A_a Phi A_b) - 2 u_a'Phi u_b / sigma^2, A_a = W'V_a W, u_a = W'V_a e. Maximum
    likelihood has neither the terms in A nor W Phi W'.

    Source
    ------
    Lindstrom & Bates (1988), J. Am. Stat. Assoc. 83, 1014-1022, section 3, by matrix calculus.
    """
    filled, slopes = fill_with_slopes(problem.arrays, par)
    H, gradient = _by_entries(problem, filled, sigma, reml)
    if not problem.arrays.patterned:
        return H
    return np.asarray(slopes @ H @ slopes.T + fill_curvature(problem.arrays, par) @ gradient)


def _by_entries(
    problem: StructuredProblem, filled: FloatArray, sigma: float, reml: bool
) -> tuple[FloatArray, FloatArray]:
    """Hessian and gradient by the entries of the Lambdas and the residuals' parameters."""
    patterns = factorise(problem, filled)
    if patterns is None:
        raise FitError(SINGULAR)
    pairs = list(zip(problem.sums, patterns, strict=True))
    solution = solve_fixed(np.sum([cross(sums, one.inverse) for sums, one in pairs], axis=0))
    if solution is None:
        raise FitError(SINGULAR)
    m, p, half = filled.size, problem.p, solution.half
    g = np.append(-solution.delta, 1.0)
    H, gradient = np.zeros((m, m)), np.zeros(m)
    A, u, weights = np.zeros((m, p, p)), np.zeros((m, p)), []
    for sums, one in pairs:
        inverse, dV, active = one.inverse, one.covariance.dV, one.covariance.active
        found, flat = moments(sums, g, half), dV.reshape(len(active), -1)
        seen = inverse @ found.E @ inverse / sigma**2
        spread = inverse @ found.A @ inverse if reml else np.zeros_like(inverse)
        S = sums.count * inverse - spread - seen
        weights.append(S)
        left = inverse @ dV
        G = 2.0 * spread + 2.0 * seen - sums.count * inverse
        H[np.ix_(active, active)] += flat @ (left @ G).reshape(flat.shape).T
        gradient[active] += flat @ S.ravel()
        around = left @ inverse
        u[active] += around.reshape(flat.shape) @ found.F
        if reml:
            A[active] += cross(sums, around)[:, :p, :p]
    inner = (half.T @ A @ half).reshape(m, -1)
    projected = u @ half / sigma
    H += block_curvature(problem, filled, patterns, weights)
    H -= inner @ inner.T + 2.0 * projected @ projected.T
    return 0.5 * (H + H.T), gradient
