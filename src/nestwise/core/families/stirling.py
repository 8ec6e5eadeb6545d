"""What Stirling's formula leaves of log Gamma and digamma: no digits are lost for large arguments.

Source: Abramowitz & Stegun (1964), 6.1.40 and 6.3.18.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from nestwise._base.arrays import FloatArray

LARGE = 20.0
"""Argument from which the series have all digits."""

SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


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
    series = np.zeros_like(large)
    for c in SERIES[::-1]:
        series = series * r * r + c
    far = 0.5 * np.log(2.0 * np.pi * r) + series * r
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
    series = np.zeros_like(large)
    for j in range(len(SERIES), 0, -1):
        series = series * r * r + (2 * j - 1) * SERIES[j - 1]
    return np.where(x < LARGE, x * (np.log(x) - digamma(x)), 0.5 + series * r)
