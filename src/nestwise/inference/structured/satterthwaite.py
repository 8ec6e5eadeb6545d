"""Satterthwaite's degrees of freedom of fits with structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.core.structured.derivatives import deviance_hessian, vcov_derivatives
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.satterthwaite import inverse_curvature, matched_df, pooled_df


def degrees_of_freedom(fit: StructuredFit, L: FloatArray) -> FloatArray:
    """Approximate degrees of freedom of t tests of the rows of L, (q,).

    df = 2 v^2 / (g'A g): v the variance of the contrast, g its exact gradient by all variance
    parameters, A their asymptotic covariance (observed information).

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    L : (q, p) float64
        One contrast a row.

    Source
    ------
    Giesbrecht & Burns (1985), Biometrics 41, 477-486, eq. 9; Kuznetsova, Brockhoff & Christensen
    (2017), J. Stat. Softw. 82(13), eq. 5 and 6.
    """
    variance = fit.sigma**2 * np.einsum("qi,ij,qj->q", L, fit.unscaled_vcov, L)
    slope = variance_gradient(fit, L)
    return matched_df(variance, slope, parameter_covariance(fit))


def joint_df(fit: StructuredFit, L: FloatArray) -> float:
    """Denominator degrees of freedom of the F test of all rows of L.

    Source
    ------
    Fai & Cornelius (1996), J. Stat. Comput. Simul. 54, 363-378.
    """
    _, vectors = np.linalg.eigh(L @ fit.unscaled_vcov @ L.T)
    return pooled_df(degrees_of_freedom(fit, vectors.T @ L))


def variance_gradient(fit: StructuredFit, L: FloatArray) -> FloatArray:
    """(q, m + 1) derivatives of the variances of contrasts by (par, log sigma)."""
    by_par = fit.sigma**2 * np.einsum("qi,mij,qj->qm", L, _derivatives(fit), L)
    by_sigma = 2.0 * fit.sigma**2 * np.einsum("qi,ij,qj->q", L, fit.unscaled_vcov, L)
    return np.column_stack([by_par, by_sigma])


@memo
def parameter_covariance(fit: StructuredFit) -> FloatArray:
    """(m + 1, m + 1) asymptotic covariance of (par, log sigma), from the observed information.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    """
    return inverse_curvature(deviance_hessian(fit.problem, fit.par, fit.sigma, fit.reml))


@memo
def _derivatives(fit: StructuredFit) -> FloatArray:
    return vcov_derivatives(fit.problem, fit.par, fit.unscaled_vcov)
