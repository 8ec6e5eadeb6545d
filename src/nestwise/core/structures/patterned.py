"""Lambda from standard deviations and a correlation matrix with few parameters.

Homogeneous: Lambda = s L with L L' the correlation matrix; s may take either sign, so that a
variance of zero is a smooth stationary point. Heterogeneous: Lambda = diag(exp(par)) L.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structures.structure import Pattern

Correlation = Callable[[FloatArray, int], tuple[FloatArray, FloatArray]]
"""(par, k) to a correlation matrix (k, k) and its derivatives (n_par, k, k)."""

SMALLEST = 1e-3
"""Relative standard deviation below which the logarithm of a starting value is not taken."""


def cholesky_with_slopes(C: FloatArray, dC: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower factor of C, and its derivatives.

    dL = L phi(L^-1 dC L^-T), where phi takes the lower triangle and half the diagonal.
    NaN where C is not positive definite to the last digit, so that an optimiser turns back.
    Source: Smith (1995), J. Comput. Graph. Stat. 4, 134-147.
    """
    try:
        L = np.asarray(np.linalg.cholesky(C), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full_like(C, np.nan), np.full_like(dC, np.nan)
    inverse = np.linalg.inv(L)
    inner = np.tril(inverse @ dC @ inverse.T)
    diagonal = np.arange(len(C))
    inner[:, diagonal, diagonal] *= 0.5
    return L, np.asarray(L @ inner, dtype=np.float64)


def correlation_of(covariance: FloatArray) -> FloatArray:
    """Correlations of a covariance matrix; zero where a variance is zero."""
    sd = np.sqrt(np.maximum(covariance.diagonal(), 0.0))
    scale = np.outer(sd, sd)
    out = np.eye(len(sd))
    np.divide(covariance, scale, out=out, where=scale > 0.0)
    return out


def homogeneous(
    n_par: Callable[[int], int],
    correlation: Correlation,
    fit: Callable[[FloatArray], FloatArray],
    told: Callable[[FloatArray, int], tuple[FloatArray, FloatArray]],
    linear: bool = False,
) -> Pattern:
    """One standard deviation around a correlation matrix.

    Parameters
    ----------
    n_par : callable
        Width to number of correlation parameters.
    correlation : callable
        Their matrix.
    fit : callable
        Correlation matrix (k, k) to the parameters nearest to it.
    told : callable
        (par, k) to the correlations (n_par,) that users know, and their derivatives.
    linear : bool
        Whether the covariance matrix is linear in the variance and the covariances.
    """

    def factor(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        L, dL = cholesky_with_slopes(*correlation(par[1:], k))
        return par[0] * L, np.concatenate([L[None], par[0] * dL])

    def nearest(covariance: FloatArray) -> FloatArray:
        size = np.sqrt(max(float(covariance.diagonal().mean()), 0.0))
        return np.append(size, fit(correlation_of(covariance)))

    def natural(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        values, slopes = told(par[1:], k)
        out = np.zeros((len(par), len(par)))
        out[0, 0] = 2.0 * par[0]
        if not linear:
            out[1:, 1:] = slopes
            return np.append(par[0] ** 2, values), out
        out[1:, 0], out[1:, 1:] = 2.0 * par[0] * values, par[0] ** 2 * slopes
        return par[0] ** 2 * np.append(1.0, values), out

    return Pattern(lambda k: 1 + n_par(k), factor, nearest, lambda k: 1, natural)


def heterogeneous(
    n_par: Callable[[int], int],
    correlation: Correlation,
    fit: Callable[[FloatArray], FloatArray],
    told: Callable[[FloatArray, int], tuple[FloatArray, FloatArray]],
) -> Pattern:
    """A standard deviation for each effect around a correlation matrix; see `homogeneous`."""

    def factor(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        L, dL = cholesky_with_slopes(*correlation(par[k:], k))
        sd = np.exp(par[:k])
        Lambda = sd[:, None] * L
        slopes = np.zeros((len(par), k, k))
        slopes[np.arange(k), np.arange(k)] = Lambda
        slopes[k:] = sd[:, None] * dL
        return Lambda, slopes

    def nearest(covariance: FloatArray) -> FloatArray:
        sd = np.sqrt(np.maximum(covariance.diagonal(), SMALLEST**2))
        return np.append(np.log(sd), fit(correlation_of(covariance)))

    def natural(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        values, slopes = told(par[k:], k)
        variances = np.exp(2.0 * par[:k])
        out = np.zeros((len(par), len(par)))
        out[:k, :k] = np.diag(2.0 * variances)
        out[k:, k:] = slopes
        return np.append(variances, values), out

    return Pattern(lambda k: k + n_par(k), factor, nearest, lambda k: k, natural)
