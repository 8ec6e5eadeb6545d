"""Gamma(x + k) / Gamma(x) by its logarithm and derivatives, without cancellation for large x."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from nestwise._base.arrays import FloatArray

_LARGE = 50.0
# Stirling's series: B_2j / (2j (2j - 1)).
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def log_rising(x: float, k: FloatArray) -> FloatArray:
    """log Gamma(x + k) - log Gamma(x) - k log x.

    Source: Stirling's series, Abramowitz & Stegun (1964), 6.1.40.

    Examples
    --------
    >>> float(np.exp(log_rising(2.0, np.array([3.0])))[0].round(9))  # 2 * 3 * 4 / 8
    3.0
    """
    if x < _LARGE:
        return np.asarray(gammaln(x + k) - gammaln(x) - k * np.log(x))
    top = x + k
    value = (top - 0.5) * np.log1p(k / x) - k
    for j, c in enumerate(_STIRLING):
        value += c * (top ** -(2 * j + 1) - x ** -(2 * j + 1))
    return np.asarray(value)


def rising_slope(x: float, k: FloatArray) -> FloatArray:
    """x (digamma(x + k) - digamma(x)) - k: the derivative of `log_rising` by log x.

    Examples
    --------
    >>> float(rising_slope(1.0, np.array([1.0]))[0].round(9))  # digamma(2) - digamma(1) = 1
    0.0
    """
    if x < _LARGE:
        return np.asarray(x * (digamma(x + k) - digamma(x)) - k)
    top = x + k
    value = np.log1p(k / x) + 0.5 * (1.0 / x - 1.0 / top)
    for j, c in enumerate(_STIRLING):
        power = -(2 * j + 2)
        value += c * (2 * j + 1) * (x**power - top**power)
    return np.asarray(x * value - k)
