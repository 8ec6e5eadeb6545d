"""Derivatives at the optimum: of the covariance of the fixed effects, and of the deviance."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.structured.blocks import LARGEST
from nestwise.core.structured.carriers import block_carriers, level_sums
from nestwise.core.structured.chain import chain_curvature
from nestwise.core.structured.curvature import block_hessian, is_quick
from nestwise.core.structured.evaluate import evaluate
from nestwise.core.structured.filled import fill_with_slopes
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.sums import cross
from nestwise.core.structured.weighted import Inverted, invert
from nestwise.core.threads import limited

STEP = 1e-3
"""Step of the central differences of the exact gradient, relative where par is large."""


def information_derivatives(problem: StructuredProblem, par: FloatArray) -> FloatArray:
    """(m, p, p) X'V^-1 dV V^-1 X by each parameter: minus the derivative of X'V^-1 X, basis Q."""
    chain = chain_curvature(problem, par, True)
    if chain is not None:
        return -chain[2]
    filled, slopes = fill_with_slopes(problem.arrays, par)
    with limited(LARGEST, problem.threads):
        found = filled_derivatives(invert(problem, par), filled)
    if not problem.arrays.patterned:
        return found
    return np.asarray(np.einsum("im,mab->iab", slopes, found))


def filled_derivatives(inverted: Inverted, filled: FloatArray) -> FloatArray:
    """As `information_derivatives`, with the entries of the Lambdas as parameters.

    Parameters
    ----------
    inverted : Inverted
        V^-1 there.
    filled : (t + r,) float64
        From `nestwise.core.structured.filled.fill`.
    """
    p = inverted.problem.p
    out = np.zeros((filled.size, p, p))
    for carrier in block_carriers(inverted):
        out[carrier.active] += cross(carrier.sums, carrier.around(carrier.dV))[:, :p, :p]
    for i, dG, sums in level_sums(inverted, filled):
        out[i] = np.einsum("lka,kj,ljb->ab", sums, dG, sums)
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
    The deviance is log|V| [+ log|X'V^-1 X|] + df log(2 pi sigma^2) + pwrss / sigma^2. Its
    Hessian is exact for chains, and where blocks are independent and repeat, see `curvature`; else
    by central differences of fourth order of its exact gradient.
    """
    m = par.size
    H = np.zeros((m + 1, m + 1))
    with limited(LARGEST, problem.threads):
        H[:m, :m] = _by_par(problem, par, sigma, reml)
        here = evaluate(problem, par, reml)
    H[:m, m] = H[m, :m] = -2.0 * here.gradient_pwrss / sigma**2
    H[m, m] = 4.0 * here.pwrss / sigma**2
    return H


def _by_par(problem: StructuredProblem, par: FloatArray, sigma: float, reml: bool) -> FloatArray:
    chain = chain_curvature(problem, par, reml)
    if chain is not None:
        return chain[0] + chain[1] / sigma**2
    by_par = block_hessian if is_quick(problem) else _by_differences
    return by_par(problem, par, sigma, reml)


def _slope(problem: StructuredProblem, par: FloatArray, sigma: float, reml: bool) -> FloatArray:
    found = evaluate(problem, par, reml)
    if not np.isfinite(found.value):
        raise FitError("the deviance cannot be evaluated beside the estimates")
    return np.asarray(found.gradient_logdet + found.gradient_pwrss / sigma**2)


def _by_differences(
    problem: StructuredProblem, par: FloatArray, sigma: float, reml: bool
) -> FloatArray:
    m = par.size
    H = np.zeros((m, m))
    steps = STEP * np.maximum(1.0, np.abs(par))
    for i, step in enumerate(steps):
        for multiple, weight in ((1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0)):
            moved = par.copy()
            moved[i] += multiple * step
            H[i] += weight * _slope(problem, moved, sigma, reml) / (12.0 * step)
    return 0.5 * (H + H.T)
