"""Exact Hessian of the unprofiled criterion, by differences of its exact gradient."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import degrees, evaluate
from nestwise.core.problem import Problem

STEP = 1e-4
"""Relative step of the central differences: their error is of the order of its square."""

DEAR = 500
"""Order of the dense remainder from which an inverse is so dear that differences are one-sided."""

ONE_SIDED = 5e-7
"""Their relative step. They miss the curvature by 1e-6, central ones by 1e-8 (measured)."""


def hessian(problem: Problem, theta: FloatArray, sigma: float, reml: bool) -> FloatArray:
    """Second derivatives of the deviance (ML or REML) in (theta, sigma).

    Parameters
    ----------
    problem : Problem
        The model.
    theta : (m,) float64
        Where, in the user's units.
    sigma : float
        Residual standard deviation.
    reml : bool
        REML or ML deviance.

    Returns
    -------
    (m + 1, m + 1) float64
        Symmetric; the last row and column belong to sigma. Twice its inverse is the asymptotic
        covariance of (theta, sigma).

    Notes
    -----
    The deviance is ``ldL2 [+ ldRX2] + df log(2 pi sigma^2) + pwrss / sigma^2``.
    """
    m = len(theta)
    H = np.zeros((m + 1, m + 1))
    here = evaluate(problem, theta, reml)
    dear = problem.kernel.dense_order >= DEAR
    steps = (ONE_SIDED if dear else STEP) * np.maximum(np.abs(theta), 0.1 / problem.theta_scale)
    for i, step in enumerate(steps):
        shift = np.zeros(m)
        shift[i] = step
        up = evaluate(problem, theta + shift, reml)
        down = here if dear else evaluate(problem, theta - shift, reml)
        logdet = up.gradient_logdet - down.gradient_logdet
        pwrss = up.gradient_pwrss - down.gradient_pwrss
        H[i, :m] = (logdet + pwrss / sigma**2) / (step if dear else 2.0 * step)
    H[:m, :m] = 0.5 * (H[:m, :m] + H[:m, :m].T)
    H[:m, m] = H[m, :m] = -2.0 * here.gradient_pwrss / sigma**3
    H[m, m] = -2.0 * degrees(problem, reml) / sigma**2 + 6.0 * here.pwrss / sigma**4
    return H
