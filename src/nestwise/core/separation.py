"""Directions in which the coefficients of a discrete response run away to infinity.

Where the response is at the end of its range (no event, or only events), a row's likelihood grows
for ever along one side of its predictor. A direction b with x_r'b >= 0 for rows of events only,
<= 0 for rows of none, = 0 for rows of both, and not zero for all, makes the likelihood grow without
bound: no finite maximum exists. Random effects do not change that, because it holds for each value
of them.

Source: Albert & Anderson (1984), Biometrika 71, 1-10, for what separation is; Konis (2007), Linear
Programming Algorithms for Detecting Separated Data in Binary Logistic Regression Models (thesis,
Oxford), chapter 4, for the linear programme; Correia, Guimaraes & Zylkin (2019), arXiv 1903.01633,
for counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from nestwise._base.arrays import BoolArray, FloatArray, IntArray

AT_ONCE = 2000
"""Rows that enter the programme in one round; those that its solution breaks enter in the next."""

BROKEN = 1e-7
"""How far below zero a row's predictor is called broken; columns have largest value one."""

MOVED = 1e-6
"""Size of an element of the direction that is not rounding."""

MOST_TRIED = 40
"""Columns of a direction up to which each is tried to be left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Separation:
    """A direction of recession.

    Parameters
    ----------
    direction : (p,) float64
        Coefficients that can move for ever; positive ones to plus infinity.
    rows : (n,) bool
        Rows whose likelihood grows along it.
    complete : bool
        Whether that is all rows.
    """

    direction: FloatArray
    rows: BoolArray
    complete: bool


def find_separation(X: FloatArray, side: IntArray) -> Separation | None:
    """A direction that separates rows of events from rows of none, if there is one.

    Parameters
    ----------
    X : (n, p) float64
        Fixed effects, full column rank.
    side : (n,) int
        1 where the likelihood grows with the predictor (only events), -1 where it falls (none),
        0 where it has its maximum in between (both, or a count above zero).

    Returns
    -------
    Separation or None
        None when the likelihood has a finite maximum.

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> found = find_separation(X, np.array([-1, -1, 1, 1]))
    >>> found.complete, bool(found.direction[1] > 0)
    (True, True)
    >>> find_separation(X, np.array([-1, 1, -1, 1])) is None
    True
    """
    size = np.abs(X).max(axis=0)
    scaled = X / np.where(size > 0.0, size, 1.0)
    patterns = np.unique(np.column_stack([side, scaled]), axis=0)
    side_of, rows_of = patterns[:, 0], patterns[:, 1:]
    ends = rows_of[side_of != 0] * side_of[side_of != 0, None]
    # Rows of both kinds demand X b = 0: their row space, in p rows or fewer.
    equal = _row_space(rows_of[side_of == 0])
    b = _direction(ends, equal, np.zeros(len(ends), dtype=np.bool_))
    if b is None:
        return None
    if not len(equal):
        apart = _direction(ends, equal, np.ones(len(ends), dtype=np.bool_))
        b = b if apart is None else apart
    b = _fewest_columns(b, ends, equal)
    rows = (scaled @ b) * side > BROKEN
    direction = np.where(np.abs(b) > MOVED, b, 0.0) / np.where(size > 0.0, size, 1.0)
    return Separation(direction, rows, bool(rows.all()))


def _fewest_columns(b: FloatArray, ends: FloatArray, equal: FloatArray) -> FloatArray:
    """A direction that tells the same rows apart, and of whose columns each is needed."""
    apart = ends @ b > BROKEN
    moving = np.flatnonzero(np.abs(b) > MOVED)
    left = [int(j) for j in moving[np.argsort(np.abs(b[moving]), kind="stable")]]
    if len(left) > MOST_TRIED:
        return b
    for j in tuple(left):
        others = sorted(set(left) - {j})
        found = _direction(ends[:, others], equal[:, others], apart) if others else None
        if found is not None:
            left.remove(j)
            b = np.zeros_like(b)
            b[others] = found
    return b


def _direction(ends: FloatArray, equal: FloatArray, apart: BoolArray) -> FloatArray | None:
    """The best b with -1 <= b <= 1, rows entering as they are broken.

    Best is the largest sum of `ends` b, or where some rows have to be told `apart` the largest
    smallest one of theirs.
    """
    gain, margin = ends.sum(axis=0), bool(apart.any())
    least = np.where(apart, BROKEN, -BROKEN)
    active = np.zeros(len(ends), dtype=np.bool_)
    active[np.linspace(0, len(ends) - 1, min(AT_ONCE, len(ends))).astype(np.int64)] = True
    while len(ends):
        b = _programme(gain, ends[active], equal, apart[active] if margin else None)
        if b is None:
            return None
        along = ends @ b
        if not (along > BROKEN).any() or not (along[active & apart] > BROKEN).all():
            return None
        broken = np.flatnonzero((along < least) & ~active)
        if not len(broken):
            return b
        active[broken[np.argsort(along[broken])[:AT_ONCE]]] = True
    return None


def _row_space(rows: FloatArray) -> FloatArray:
    """Orthonormal rows that span the rows of a matrix."""
    if not len(rows):
        return rows
    triangle = np.linalg.qr(rows, mode="r")
    _, d, Vt = np.linalg.svd(triangle, full_matrices=False)
    return np.asarray(Vt[d > 1e-10 * max(float(d[0]), 1e-300)])


def _programme(
    gain: FloatArray, ends: FloatArray, equal: FloatArray, apart: BoolArray | None
) -> FloatArray | None:
    """One linear programme; with `apart` its last variable is the smallest of their `ends` b."""
    p = len(gain)
    last = np.zeros((len(ends), 0)) if apart is None else apart[:, None].astype(np.float64)
    cost = -gain if apart is None else np.append(np.zeros(p), -1.0)
    held = np.hstack([equal, np.zeros((len(equal), last.shape[1]))])
    solved = linprog(
        cost,
        A_ub=np.hstack([-ends, last]),
        b_ub=np.zeros(len(ends)),
        A_eq=held if len(held) else None,
        b_eq=np.zeros(len(equal)) if len(equal) else None,
        bounds=(-1.0, 1.0),
        method="highs",
    )
    return None if solved.x is None else np.asarray(solved.x[:p])
