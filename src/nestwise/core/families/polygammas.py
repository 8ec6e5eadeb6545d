"""Second and third derivative of log Gamma together, for arguments of one or more.

SciPy's `polygamma` goes by Hurwitz' zeta function, which takes fifty times as long.

Source: Abramowitz & Stegun (1964), 6.4.6 (recurrence) and 6.4.12, 6.4.13 (asymptotic series).
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray

SHIFT = 10
"""Steps of the recurrence: arguments of 11 and more are left to the series."""

FROM = 20.0
"""Argument from which differences are taken of the series."""

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def polygammas(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Trigamma and tetragamma function.

    Parameters
    ----------
    x : ndarray
        Not below one.

    Returns
    -------
    trigamma, tetragamma : ndarray
        To full accuracy.

    Examples
    --------
    >>> [round(float(v[0]), 12) for v in polygammas(np.array([1.0]))]  # pi^2/6, -2 zeta(3)
    [1.644934066848, -2.404113806319]
    """
    squares, cubes = np.zeros_like(x), np.zeros_like(x)
    for k in range(SHIFT):
        r = 1.0 / (x + k)
        r2 = r * r
        squares += r2
        cubes += r2 * r
    r = 1.0 / (x + SHIFT)
    r2 = r * r
    first, second = _series(r)
    three = squares + r + 0.5 * r2 + first
    four = -2.0 * cubes - r2 - r2 * r - second
    return three, four


def _series(r: FloatArray) -> tuple[FloatArray, FloatArray]:
    """At 1 / r: trigamma - r - r^2 / 2, and minus tetragamma - r^2 - r^3."""
    r2 = r * r
    first, second = np.zeros_like(r), np.zeros_like(r)
    for j in range(len(BERNOULLI), 0, -1):
        first = (first + BERNOULLI[j - 1]) * r2
        second = (second + (2 * j + 1) * BERNOULLI[j - 1]) * r2
    return first * r, second * r2


def polygamma_differences(x: FloatArray, more: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Trigamma and tetragamma at x + more less those at x, with all digits where x is large.

    Parameters
    ----------
    x : ndarray
        Not below one.
    more : ndarray
        Not below zero.

    Returns
    -------
    trigamma, tetragamma : ndarray
        The differences.

    Examples
    --------
    >>> three, four = polygamma_differences(np.array([1e12]), np.array([1.0]))
    >>> round(float(1e24 * three[0]), 9), round(float(1e36 * four[0]), 9)
    (-1.0, 2.0)
    """
    near = [u - v for u, v in zip(polygammas(x + more), polygammas(x), strict=True)]
    r, t = 1.0 / x, 1.0 / (x + more)
    apart = more * r * t
    first, second = (np.subtract(u, v) for u, v in zip(_series(t), _series(r), strict=True))
    three = first - apart * (1.0 + 0.5 * (r + t))
    four = apart * (r + t + r * r + r * t + t * t) - second
    large = x > FROM
    return np.where(large, three, near[0]), np.where(large, four, near[1])
