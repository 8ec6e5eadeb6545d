"""How far a mean is from a response, with all digits where the two are nearly equal.

Source: Loader (2000), Fast and accurate computation of binomial probabilities, section 2 and the
series of bd0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray

NEAR = 0.1
"""Difference, as a share of the sum, from which logarithms are subtracted."""

TERMS = 8
"""Of the series, which is one in the square of that share."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two positive numbers a row, x and y, their logarithms and their difference.

    Parameters
    ----------
    x, y : (n,) float64
        Above zero.
    log_x, log_y : (n,) float64
        Their logarithms.
    apart : (n,) float64
        x - y, which the caller may know to more digits than x and y tell.
    """

    x: FloatArray
    y: FloatArray
    log_x: FloatArray
    log_y: FloatArray
    apart: FloatArray


def log_ratio(pair: Pair) -> FloatArray:
    """log(x / y).

    Parameters
    ----------
    pair : Pair
        x and y.

    Examples
    --------
    >>> one = np.ones(1)
    >>> tiny = 1e-20 * one
    >>> log_ratio(Pair(one, one, 0.0 * one, 0.0 * one, tiny)).tolist()
    [1e-20]
    """
    share = pair.apart / (pair.x + pair.y)
    near = 2.0 * np.arctanh(np.clip(share, -NEAR, NEAR))
    return np.where(np.abs(share) < NEAR, near, pair.log_x - pair.log_y)


def excess(pair: Pair) -> FloatArray:
    """x log(x / y) - (x - y), which is never negative: Loader's bd0.

    Parameters
    ----------
    pair : Pair
        x and y.

    Examples
    --------
    >>> one = np.ones(1)
    >>> excess(Pair(2.0 * one, one, np.log(2.0) * one, 0.0 * one, one)).round(9).tolist()
    [0.386294361]
    """
    share = pair.apart / (pair.x + pair.y)
    v = np.clip(share, -NEAR, NEAR)
    total = np.zeros_like(v)
    for j in range(TERMS, 0, -1):
        total = (total + 1.0 / (2 * j + 1)) * v * v
    near = v * (pair.apart + 2.0 * pair.x * total)
    far = pair.x * (pair.log_x - pair.log_y) - pair.apart
    return np.where(np.abs(share) < NEAR, near, far)
