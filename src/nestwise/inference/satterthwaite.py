"""Satterthwaite's degrees of freedom for single and joint contrasts of the fixed effects."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.core.lmm import vcov_derivatives
from nestwise.core.patterns import hessian_by_par, is_patterned, theta_of
from nestwise.fit.curvature import exact_hessian
from nestwise.fit.result import LmmFit

FLAT = 1e-7
"""Eigenvalues of the scaled Hessian below this share of the largest count as flat directions."""

SAME = 1e-8
"""Degrees of freedom of principal contrasts that differ by less count as equal."""


def degrees_of_freedom(fit: LmmFit, L: FloatArray | None = None) -> FloatArray:
    """Satterthwaite's approximate degrees of freedom of t tests.

    With v(tau) = l' V(tau) l the variance of a contrast and A the covariance of tau = (theta,
    sigma), df = 2 v^2 / (g' A g), g the gradient of v.

    Parameters
    ----------
    fit : LmmFit
        The fit.
    L : (q, p) float64, optional
        One contrast a row; by default each coefficient by itself.

    Returns
    -------
    (q,) float64
        Infinite where the variance of the contrast does not depend on tau.

    Source
    ------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), eq. 5 and 6;
    Giesbrecht & Burns (1985), Biometrics 41, 477.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> degrees_of_freedom(m.fit).round(2).tolist()
    [17.0, 17.0]
    """
    rows = np.eye(fit.beta.size) if L is None else np.atleast_2d(np.asarray(L, dtype=np.float64))
    variance = fit.sigma**2 * np.einsum("qi,ij,qj->q", rows, fit.unscaled_vcov, rows)
    slope = variance_gradient(fit, rows)
    return matched_df(variance, slope, parameter_covariance(fit))


def matched_df(variance: FloatArray, slope: FloatArray, covariance: FloatArray) -> FloatArray:
    """Degrees of freedom of the chi-square whose mean and variance are those of an estimate.

    Parameters
    ----------
    variance : (q,) float64
        Estimated variances.
    slope : (q, m) float64
        Their derivatives by the parameters that they depend on.
    covariance : (m, m) float64
        Of these parameters.

    Returns
    -------
    (q,) float64
        2 v^2 / (g' A g), infinite where a variance does not depend on them.

    Source
    ------
    Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

    Examples
    --------
    >>> matched_df(np.array([2.0]), np.array([[1.0]]), np.array([[0.5]])).tolist()
    [16.0]
    """
    spread = np.einsum("qi,ij,qj->q", slope, covariance, slope)
    df = np.full(variance.shape, np.inf)
    np.divide(2.0 * variance**2, spread, out=df, where=spread > 0.0)
    return df


def joint_df(fit: LmmFit, L: FloatArray) -> float:
    """Denominator degrees of freedom of the F test of a joint hypothesis.

    The F statistic is the mean of the squared t statistics of the principal contrasts, those
    whose estimates are uncorrelated; its denominator is chosen so that the expectations agree.

    Parameters
    ----------
    fit : LmmFit
        The fit.
    L : (q, p) float64
        Linearly independent rows.

    Returns
    -------
    float

    Source
    ------
    Fai & Cornelius (1996), J. Stat. Comput. Simul. 54, 363-378; Kuznetsova, Brockhoff &
    Christensen (2017), J. Stat. Softw. 82(13), eq. 7-9.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> round(joint_df(m.fit, np.eye(2)), 2)
    17.0
    """
    _, vectors = np.linalg.eigh(L @ fit.unscaled_vcov @ L.T)
    return pooled_df(degrees_of_freedom(fit, vectors.T @ L))


def pooled_df(df: FloatArray) -> float:
    """The denominator whose F has the expectation of a mean of squared independent t's.

    Parameters
    ----------
    df : (q,) float64
        Degrees of freedom of the t's.

    Returns
    -------
    float
        2 E / (E - q) with E the sum of df / (df - 2); 2 when an expectation does not exist.

    Source
    ------
    Fai & Cornelius (1996), J. Stat. Comput. Simul. 54, 363-378.

    Examples
    --------
    >>> pooled_df(np.array([10.0, 10.0])), round(pooled_df(np.array([10.0, 20.0])), 3)
    (10.0, 13.077)
    """
    if np.isinf(df).all() or bool((np.abs(df - df[0]) < SAME).all()):
        return float(df.mean())
    if (df <= 2.0).any():
        return 2.0
    excess = float(np.sum(2.0 / (df - 2.0)))
    return 2.0 * (excess + df.size) / excess


def variance_gradient(fit: LmmFit, L: FloatArray) -> FloatArray:
    """Derivatives of the variances of contrasts with respect to (theta, sigma).

    Parameters
    ----------
    fit : LmmFit
        The fit.
    L : (q, p) float64
        One contrast a row.

    Returns
    -------
    (q, m + 1) float64
        Squared units of the response, per unit of theta; the last column per unit of sigma.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> variance_gradient(m.fit, np.eye(2)).shape
    (2, 4)
    """
    by_theta = fit.sigma**2 * np.einsum("qi,mij,qj->qm", L, _derivatives(fit), L)
    by_sigma = 2.0 * fit.sigma * np.einsum("qi,ij,qj->q", L, fit.unscaled_vcov, L)
    return np.column_stack([by_theta, by_sigma])


@memo
def parameter_covariance(fit: LmmFit) -> FloatArray:
    """Asymptotic covariance matrix of (theta, sigma).

    Parameters
    ----------
    fit : LmmFit
        The fit.

    Returns
    -------
    (m + 1, m + 1) float64
        See `inverse_curvature`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> parameter_covariance(m.fit).shape
    (4, 4)
    """
    if is_patterned(fit.problem):
        return _structured_covariance(fit)
    return inverse_curvature(exact_hessian(fit))


def _structured_covariance(fit: LmmFit) -> FloatArray:
    """Covariance of (theta, sigma) where theta is a function of fewer parameters: singular."""
    _, slopes = theta_of(fit.problem, fit.par)
    T = np.zeros((len(fit.par) + 1, len(fit.theta) + 1))
    T[:-1, :-1], T[-1, -1] = slopes, 1.0
    A = inverse_curvature(hessian_by_par(fit.problem, fit.par, fit.sigma, fit.reml))
    return np.asarray(T.T @ A @ T)


def inverse_curvature(H: FloatArray) -> FloatArray:
    """2 H^-1 on the directions in which the deviance really rises.

    H is first scaled to a unit diagonal, so that what counts as flat does not depend on the units
    of the columns of Z. Flat and downward directions are left out; the variance of an estimable
    contrast does not change along them.

    Parameters
    ----------
    H : (k, k) float64
        Hessian of a deviance (-2 log-likelihood).

    Returns
    -------
    (k, k) float64
        Asymptotic covariance matrix of the parameters, singular when directions were left out.

    Source
    ------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 3.

    Examples
    --------
    >>> inverse_curvature(np.diag([8.0, 0.0])).round(12).tolist()
    [[0.25, 0.0], [0.0, 0.0]]
    """
    diagonal = np.abs(np.diag(H))
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(H * np.outer(scale, scale))
    steep = values > FLAT * values[-1]
    half = scale[:, None] * vectors[:, steep] / np.sqrt(values[steep])
    return np.asarray(2.0 * (half @ half.T), dtype=np.float64)


@memo
def _derivatives(fit: LmmFit) -> FloatArray:
    return vcov_derivatives(fit.working, fit.working_theta)
