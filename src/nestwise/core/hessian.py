"""Exact Hessian of the unprofiled criterion, by differences of its exact gradient."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import degrees, evaluate
from nestwise.core.problem import Problem

STEP = 1e-4
"""Relative step of the central differences: their error is of the order of its square."""


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
    steps = STEP * np.maximum(np.abs(theta), 0.1 / problem.theta_scale)
    for i, step in enumerate(steps):
        shift = np.zeros(m)
        shift[i] = step
        up = evaluate(problem, theta + shift, reml)
        down = evaluate(problem, theta - shift, reml)
        logdet = up.gradient_logdet - down.gradient_logdet
        pwrss = up.gradient_pwrss - down.gradient_pwrss
        H[i, :m] = (logdet + pwrss / sigma**2) / (2.0 * step)
    H[:m, :m] = 0.5 * (H[:m, :m] + H[:m, :m].T)
    here = evaluate(problem, theta, reml)
    H[:m, m] = H[m, :m] = -2.0 * here.gradient_pwrss / sigma**3
    H[m, m] = -2.0 * degrees(problem, reml) / sigma**2 + 6.0 * here.pwrss / sigma**4
    return H
