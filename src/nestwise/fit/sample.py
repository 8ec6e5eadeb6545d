"""Some of the levels of a grouping factor, with all of their rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import BoolArray, FloatArray, IntArray
from nestwise.core.problem import ModelArrays, TermColumns

SPREAD = np.uint64(2654435761)
"""Odd number near 2^32 / golden ratio: multiples of it, modulo 2^32, lie evenly."""

INDEPENDENT = 1e-8
"""Eigenvalue of X'X at unit diagonal from which its columns count as independent."""


def scattered_levels(n_levels: int, count: int) -> BoolArray:
    """(n_levels,) which levels are taken, about `count` of them, the same at every call.

    They are scattered, so that a pattern in the order of the levels does no harm.

    Parameters
    ----------
    n_levels : int
        How many there are.
    count : int
        How many are wanted.

    Source
    ------
    Knuth (1998), The Art of Computer Programming 3, 2nd ed., section 6.4 (multiplicative hashing).

    Examples
    --------
    >>> int(scattered_levels(10_000, 1_000).sum())
    1001
    """
    place = (np.arange(n_levels, dtype=np.uint64) * SPREAD) % np.uint64(1 << 32)
    return np.asarray(place < np.uint64((1 << 32) * count // n_levels))


def taken(arrays: ModelArrays, keep: NDArray[np.intp]) -> ModelArrays:
    """Some of the rows, with the levels that occur in them.

    Parameters
    ----------
    arrays : ModelArrays
        All rows.
    keep : (r,) int
        Positions of those that are taken.
    """
    found = [np.unique(codes[keep], return_inverse=True) for codes in arrays.codes]
    codes: tuple[IntArray, ...] = tuple(inverse.astype(np.int32) for _, inverse in found)
    terms = tuple(
        TermColumns(t.factor, tuple(None if c is None else c[keep] for c in t.columns), t.structure)
        for t in arrays.terms
    )
    return ModelArrays(
        y=arrays.y[keep],
        X=np.asfortranarray(arrays.X[keep]),
        intercept=arrays.intercept,
        weights=None if arrays.weights is None else arrays.weights[keep],
        codes=codes,
        n_levels=tuple(len(levels) for levels, _ in found),
        terms=terms,
    )


def independent_columns(X: FloatArray) -> bool:
    """Whether the columns of X are still independent in the rows that were taken.

    Parameters
    ----------
    X : (r, p) float64
        Fixed effects of these rows.
    """
    G = X.T @ X
    size = np.sqrt(G.diagonal())
    if not size.all():
        return False
    return len(size) == 0 or bool(np.linalg.eigvalsh(G / np.outer(size, size))[0] >= INDEPENDENT)
