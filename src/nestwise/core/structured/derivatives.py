"""Derivatives at the optimum: of the covariance of the fixed effects, and of the deviance."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.structured.evaluate import Factored, evaluate, factorise
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.sums import cross

STEP = 1e-4
"""Step of the central differences of the exact gradient, relative where par is large."""


def factored(problem: StructuredProblem, par: FloatArray) -> tuple[Factored, ...]:
    """As `factorise`, or an error.

    Raises
    ------
    FitError
        When a covariance matrix is singular at par.
    """
    patterns = factorise(problem, par)
    if patterns is None:
        raise FitError("the covariance matrix at the estimates is singular")
    return patterns


def information_derivatives(problem: StructuredProblem, par: FloatArray) -> FloatArray:
    """(m, p, p) X'V^-1 dV V^-1 X by each parameter: minus the derivative of X'V^-1 X, basis Q."""
    p = problem.p
    out = np.zeros((par.size, p, p))
    for sums, one in zip(problem.sums, factored(problem, par), strict=True):
        middle = one.inverse @ one.covariance.dV @ one.inverse
        out[one.covariance.active] += cross(sums, middle)[:, :p, :p]
    return out


def vcov_derivatives(problem: StructuredProblem, par: FloatArray, Phi: FloatArray) -> FloatArray:
    """(m, p, p) derivatives of (X'V^-1 X)^-1 by par, in the user's columns.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Where.
    Phi : (p, p) float64
        (X'V^-1 X)^-1 in the user's columns.
    """
    by_par = information_derivatives(problem, par)
    back = problem.RX.T @ by_par @ problem.RX if problem.p else by_par
    return np.asarray(Phi @ back @ Phi)


def deviance_hessian(
    problem: StructuredProblem, par: FloatArray, sigma: float, reml: bool
) -> FloatArray:
    """(m + 1, m + 1) second derivatives of the unprofiled deviance in (par, log sigma).

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Where.
    sigma : float
        Residual standard deviation.
    reml : bool
        REML or ML.

    Notes
    -----
    The deviance is log|V| [+ log|X'V^-1 X|] + df log(2 pi sigma^2) + pwrss / sigma^2; central
    differences of its exact gradient.
    """
    m = par.size
    H = np.zeros((m + 1, m + 1))
    steps = STEP * np.maximum(1.0, np.abs(par))
    for i, step in enumerate(steps):
        up, down = par.copy(), par.copy()
        up[i] += step
        down[i] -= step
        H[i, :m] = (_slope(problem, up, sigma, reml) - _slope(problem, down, sigma, reml)) / (
            2.0 * step
        )
    H[:m, :m] = 0.5 * (H[:m, :m] + H[:m, :m].T)
    here = evaluate(problem, par, reml)
    H[:m, m] = H[m, :m] = -2.0 * here.gradient_pwrss / sigma**2
    H[m, m] = 4.0 * here.pwrss / sigma**2
    return H


def _slope(problem: StructuredProblem, par: FloatArray, sigma: float, reml: bool) -> FloatArray:
    found = evaluate(problem, par, reml)
    if not np.isfinite(found.value):
        raise FitError("the deviance cannot be evaluated beside the estimates")
    return np.asarray(found.gradient_logdet + found.gradient_pwrss / sigma**2)
