"""What an evaluation needs of the data of a pattern: sums over blocks, or the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray

WIDEST = 2000
"""Products of rows and columns of a block up to which sums over blocks are formed."""


@dataclass(frozen=True, slots=True, eq=False)
class PatternSums:
    """The data D_i = [X_i y_i] of the blocks of a pattern.

    Parameters
    ----------
    count : int
        N, blocks.
    v, c : int
        Rows and columns of each.
    table : (v * v, c * c) float64 or None
        Sums over blocks of D[j, a] D[k, b].
    rows : (N, v, c) float64 or None
        The data themselves, where that is less.
    """

    count: int
    v: int
    c: int
    table: FloatArray | None
    rows: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over blocks at given coefficients; e = D g.

    Parameters
    ----------
    E : (v, v) float64
        Sum of e e'.
    A : (v, v) float64
        Sum of X Phi X'.
    F : (v * v, p) float64
        Sum of e[j] X[k, a].
    """

    E: FloatArray
    A: FloatArray
    F: FloatArray


def pattern_sums(data: FloatArray, rows: AnyArray, keep_rows: bool = False) -> PatternSums:
    """Collect the data of a pattern.

    Parameters
    ----------
    data : (n, c) float64
        [X y].
    rows : (N, v) intp
        Rows of each block.
    keep_rows : bool
        Never form sums.
    """
    N, v = rows.shape
    c = data.shape[1]
    D = data[rows]
    if keep_rows or v * c > WIDEST or v * c > 2 * N:
        return PatternSums(N, v, c, None, D)
    flat = D.reshape(N, v * c)
    table = (flat.T @ flat).reshape(v, c, v, c).transpose(0, 2, 1, 3)
    return PatternSums(N, v, c, np.ascontiguousarray(table).reshape(v * v, c * c), None)


def cross(sums: PatternSums, W: FloatArray) -> FloatArray:
    """Sum over blocks of D'W D for each W: (..., v, v) to (..., c, c)."""
    v, c = sums.v, sums.c
    flat = W.reshape(-1, v, v)
    if sums.table is not None:
        found = flat.reshape(-1, v * v) @ sums.table
    else:
        assert sums.rows is not None
        stacked = sums.rows.transpose(1, 0, 2).reshape(v, -1)
        weighted = (flat @ stacked).reshape(-1, v * sums.count, c)
        found = stacked.reshape(v * sums.count, c).T @ weighted
    return np.asarray(found.reshape(*W.shape[:-2], c, c))


def moments(sums: PatternSums, g: FloatArray, half: FloatArray) -> Moments:
    """Sums at coefficients g of [X y], with Phi = half half'.

    Parameters
    ----------
    sums : PatternSums
        The data.
    g : (c,) float64
        (-beta, 1).
    half : (p, p) float64
        A square root of Phi.
    """
    v, c = sums.v, sums.c
    p = c - 1
    if sums.table is not None:
        by_first = sums.table.reshape(v * v, c, c)
        F = g @ by_first
        Phi = half @ half.T
        A = (by_first[:, :p, :p].reshape(v * v, p * p) @ Phi.ravel()).reshape(v, v)
        return Moments((F @ g).reshape(v, v), A, F[:, :p])
    assert sums.rows is not None
    e = sums.rows @ g
    X = sums.rows[:, :, :p]
    spread = (X @ half).transpose(1, 0, 2).reshape(v, -1)
    F = (e.T @ X.reshape(sums.count, v * p)).reshape(v * v, p)
    return Moments(e.T @ e, spread @ spread.T, F)
