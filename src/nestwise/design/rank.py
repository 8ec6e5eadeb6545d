"""Which columns of a model matrix the columns before them determine."""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf

from nestwise._base.arrays import FloatArray

TOLERANCE = 1e-7
_SAFE = 1e-6

FEW = 200_000
"""Products in a piece of X'X: the library starts no threads on so few, which would wait for each
other wherever the machine has other things to do."""


def redundant_columns(X: FloatArray, intercept: bool) -> tuple[int, ...]:
    """Positions of the columns to leave out so that the others have full rank.

    Columns are taken from left to right, as R's ``lm`` does: one is redundant when what remains
    of it, after the kept columns before it are swept out, is shorter than 1e-7 of its length.
    With an intercept all lengths are those after centring, so that a column such as a year, or
    1e8 plus noise, is judged by its variation and not by its distance from zero (R would drop
    the latter).

    Parameters
    ----------
    X : (n, p) float64, Fortran order
        Model matrix, all finite.
    intercept : bool
        Whether the first column is constant.

    Returns
    -------
    tuple of int
        In increasing order; empty for full rank.

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> redundant_columns(np.column_stack([np.ones(5), x, 2 * x + 3]), True)
    (2,)
    """
    n, p = X.shape
    nothing_else = p == 0 or (p == 1 and intercept)
    if nothing_else or (n > p and _clearly_independent(X)):
        return ()
    return _sequential(X, intercept)


def _clearly_independent(X: FloatArray) -> bool:
    """A quick test on X'X that says yes only when no column is near the others' span."""
    gram = _gram(X)
    squares = gram.diagonal()
    if not (squares.min() > 0.0 and squares.max() < np.inf):
        return False
    scale = 1.0 / np.sqrt(squares)
    # Reads the lower triangle only.
    factor, failed = dpotrf(gram * scale * scale[:, None], lower=1, clean=0, overwrite_a=1)
    return not failed and bool(factor.diagonal().min() ** 2 > _SAFE)


def _gram(X: FloatArray) -> FloatArray:
    """Lower triangle of X'X, piece by piece."""
    n, p = X.shape
    step = max(32, FEW // (p * p))
    gram = np.zeros((p, p), order="F")
    for start in range(0, n, step):
        piece = X[start : start + step]
        gram = dsyrk(1.0, piece, beta=1.0, c=gram, trans=1, lower=1, overwrite_c=1)
    return gram


def _sequential(X: FloatArray, intercept: bool) -> tuple[int, ...]:
    """Sweep column by column, on the triangle of one orthogonal decomposition."""
    lengths = np.linalg.norm(X, axis=0)
    first = 1 if intercept else 0
    # Columns are scaled to length near one: their squares must not overflow.
    with np.errstate(over="ignore"):
        scaled = X[:, first:] / np.where(lengths[first:] > 0, lengths[first:], 1.0)
    if intercept:
        scaled = scaled - scaled.mean(axis=0)
    triangle: FloatArray = np.asarray(np.linalg.qr(scaled, mode="r"))
    # What rounding leaves of a column of length one that is constant or an exact combination.
    noise = 64 * np.finfo(np.float64).eps
    basis: list[FloatArray] = []
    redundant: list[int] = []
    for j in range(triangle.shape[1]):
        column = triangle[:, j].copy()
        length = float(np.linalg.norm(column))
        for _ in range(2):
            for q in basis:
                column -= np.dot(q, column) * q
        remaining = float(np.linalg.norm(column))
        if remaining <= max(TOLERANCE * length, noise):
            redundant.append(first + j)
        else:
            basis.append(column / remaining)
    return tuple(redundant)
