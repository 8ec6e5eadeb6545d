"""Break points and interval labels of ``cut``, as R writes them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError


def cut_breaks(x: FloatArray, points: tuple[float, ...]) -> list[float]:
    """Break points: as given, or a number of equal intervals over the range, widened by 0.1 %.

    Examples
    --------
    >>> cut_breaks(np.array([0.0, 10.0]), (2.0,))
    [-0.01, 5.0, 10.01]
    """
    if len(points) > 1:
        return sorted(points)
    number = int(points[0]) if points else 0
    if number < 2:
        raise DataError("cut needs at least two intervals")
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    edges = np.linspace(low, high, number + 1)
    edges[0], edges[-1] = low - (high - low) / 1000, high + (high - low) / 1000
    return [float(e) for e in edges]


def cut_labels(edges: FloatArray, right: bool, lowest: bool) -> list[str]:
    """Labels ``"(0,5]"`` with as few digits, from three on, as keep the edges apart.

    Examples
    --------
    >>> cut_labels(np.array([0.0, 5.0, 10.0]), True, False)
    ['(0,5]', '(5,10]']
    """
    shown: list[str] = []
    for digits in range(3, 17):
        shown = [f"{e:.{digits}g}" for e in edges]
        if len(set(shown)) == len(shown):
            break
    opening, closing = ("(", "]") if right else ("[", ")")
    labels = [f"{opening}{a},{b}{closing}" for a, b in pairwise(shown)]
    if lowest and right:
        labels[0] = "[" + labels[0][1:]
    elif lowest:
        labels[-1] = labels[-1][:-1] + "]"
    return labels
