"""What Stirling's formula leaves of log Gamma and its derivatives: no digits are lost for large x.

Source: Abramowitz & Stegun (1964), 6.1.40, 6.3.18 and 6.4.12.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from nestwise._base.arrays import FloatArray

LARGE = 20.0
"""Argument from which the series have all digits."""

SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
"""Coefficients of the series of log Gamma."""

SLOPES = tuple((2 * j + 1) * c for j, c in enumerate(SERIES))
"""The same of its derivative."""

BENDS = tuple((2 * j + 2) * c for j, c in enumerate(SLOPES))
"""The same of the second derivative: Bernoulli's numbers."""


def _series(coefficients: tuple[float, ...], r: FloatArray) -> FloatArray:
    """Polynomial in r^2 by Horner's rule."""
    total = np.zeros_like(r)
    for c in reversed(coefficients):
        total = total * r * r + c
    return total


def log_gamma_rest(x: FloatArray) -> FloatArray:
    """log Gamma(x) - x log x + x, which grows like the logarithm only.

    Parameters
    ----------
    x : ndarray
        Above zero.

    Examples
    --------
    >>> log_gamma_rest(np.array([1.0, 1e12])).round(9).tolist()
    [1.0, -12.896572025]
    """
    large = np.maximum(x, LARGE)
    r = 1.0 / large
    far = 0.5 * np.log(2.0 * np.pi * r) + _series(SERIES, r) * r
    return np.where(x < LARGE, gammaln(x) - x * np.log(x) + x, far)


def digamma_rest(x: FloatArray) -> FloatArray:
    """x (log x - digamma(x)), which tends to one half: minus the derivative of the above by log x.

    Parameters
    ----------
    x : ndarray
        Above zero.

    Examples
    --------
    >>> digamma_rest(np.array([1.0, 1e12])).round(9).tolist()
    [0.577215665, 0.5]
    """
    large = np.maximum(x, LARGE)
    r = 1.0 / large
    return np.where(x < LARGE, x * (np.log(x) - digamma(x)), 0.5 + _series(SLOPES, r) * r)


def trigamma_rest(x: FloatArray) -> FloatArray:
    """x trigamma(x) - 1 for large x, which tends to 1 / (2 x).

    Parameters
    ----------
    x : ndarray
        Taken as `LARGE` where it is less.

    Examples
    --------
    >>> (1e12 * trigamma_rest(np.array([1e12]))).round(9).tolist()
    [0.5]
    """
    r = 1.0 / np.maximum(x, LARGE)
    return 0.5 * r + _series(BENDS, r) * r * r


def log_gamma_ratio(x: FloatArray, more: FloatArray) -> FloatArray:
    """log Gamma(x + more) - log Gamma(x), with all digits where x is much larger than more.

    Parameters
    ----------
    x : ndarray
        Above zero.
    more : ndarray
        Above -x.

    Examples
    --------
    >>> log_gamma_ratio(np.array([1.0, 1e12]), np.array([3.0, 1.0])).round(9).tolist()
    [1.791759469, 27.631021116]
    """
    top = x + more
    change = log_gamma_rest(top) - log_gamma_rest(x)
    return np.asarray(top * np.log1p(more / x) + more * (np.log(x) - 1.0) + change)


def digamma_difference(x: FloatArray, more: FloatArray) -> FloatArray:
    """digamma(x + more) - digamma(x), with all digits where x is much larger than more.

    Parameters
    ----------
    x, more : ndarray
        As for `log_gamma_ratio`.

    Examples
    --------
    >>> digamma_difference(np.array([1.0]), np.array([2.0])).round(9).tolist()
    [1.5]
    """
    top = x + more
    return np.asarray(np.log1p(more / x) - digamma_rest(top) / top + digamma_rest(x) / x)
