"""Second and third derivative of log Gamma together, for arguments of one or more.

SciPy's `polygamma` goes by Hurwitz' zeta function, which takes fifty times as long.

Source: Abramowitz & Stegun (1964), 6.4.6 (recurrence) and 6.4.12, 6.4.13 (asymptotic series).
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray

SHIFT = 10
"""Steps of the recurrence: arguments of 11 and more are left to the series."""

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
    first, second = np.zeros_like(x), np.zeros_like(x)
    for j in range(len(BERNOULLI), 0, -1):
        first = (first + BERNOULLI[j - 1]) * r2
        second = (second + (2 * j + 1) * BERNOULLI[j - 1]) * r2
    three = squares + r + 0.5 * r2 + first * r
    four = -2.0 * cubes - r2 - r2 * r - second * r2
    return three, four
