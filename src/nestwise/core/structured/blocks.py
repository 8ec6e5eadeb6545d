"""Independent blocks of rows, and the patterns in which they repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise.core.structured.model import EffectArrays, StructuredArrays

LARGEST = 64
"""Rows of a block up to which random effects are put into its covariance matrix as they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Blocks with the same covariance matrix.

    Parameters
    ----------
    rows : (N, v) intp
        Rows of each block.
    position : (v,) intp
        Place of each row among `Blocks.visit` and `Blocks.time`.
    subject : (v,) int32
        Subjects within the block, counted from 0.
    arm : (v,) int32
        Arm of every row.
    features : (v, s) float64
        Derivatives of the log standard deviations.
    root : (v,) float64
        Square roots of 1 / weights.
    Z, level : tuple of (v, k) float64 and of (v,) int32
        Columns of the absorbed random-effects terms, and their levels within the block.
    single : bool
        Whether a block has one subject only.
    plain : bool
        Whether all standard deviations are one: no features, no weights.
    """

    rows: AnyArray
    position: AnyArray
    subject: IntArray
    arm: IntArray
    features: FloatArray
    root: FloatArray
    Z: tuple[FloatArray, ...]
    level: tuple[IntArray, ...]
    single: bool
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """All patterns of a model.

    Parameters
    ----------
    patterns : tuple of Pattern
        Every row is in exactly one block of one pattern.
    visit : (u,) int32
        Visit of each distinct position.
    time : (u,) or (u, d) float64
        Its time or coordinates.
    absorbed : tuple of int
        Terms whose covariance is in the blocks.
    trailing : tuple of int
        Terms that join blocks: they are left to the mixed-model equations.
    """

    patterns: tuple[Pattern, ...]
    visit: IntArray
    time: FloatArray
    absorbed: tuple[int, ...]
    trailing: tuple[int, ...]


def make_blocks(arrays: StructuredArrays, largest: int = LARGEST) -> Blocks:
    """Divide the rows into independent blocks and find the patterns that repeat.

    A random-effects term is absorbed when the blocks stay small: then V of a block is R + Z G Z'
    of its own rows. The others are trailing.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    largest : int
        Rows of a block up to which terms are absorbed; the rows of the data absorb all.
    """
    cluster, absorbed = _clusters(arrays, largest)
    trailing = tuple(t for t in range(len(arrays.effects)) if t not in absorbed)
    position, visit, time = _positions(arrays)
    order = np.lexsort((position, arrays.errors.subject, cluster))
    sizes = np.bincount(cluster)
    starts = np.cumsum(sizes) - sizes
    key, local = _row_keys(arrays, cluster, position, absorbed, order, starts)
    patterns = []
    for v in np.unique(sizes):
        rows = order[starts[sizes == v][:, None] + np.arange(v)]
        for group in _same(key[rows]):
            patterns.append(_pattern(arrays, rows[group], position, local, absorbed))
    return Blocks(tuple(patterns), visit, time, absorbed, trailing)


def _clusters(arrays: StructuredArrays, largest: int) -> tuple[IntArray, tuple[int, ...]]:
    """Block of every row, and the terms absorbed in them: those with most levels first."""
    cluster = arrays.errors.subject
    absorbed: list[int] = []
    for t in sorted(range(len(arrays.effects)), key=lambda i: -arrays.effects[i].n_levels):
        joined = _joined(cluster, arrays.effects[t])
        if np.bincount(joined).max() <= largest:
            cluster = joined
            absorbed.append(t)
    return cluster, tuple(sorted(absorbed))


def _joined(cluster: IntArray, term: EffectArrays) -> IntArray:
    """Connected components of clusters and levels of a factor, by row."""
    n = int(cluster.max()) + 1
    ends = (cluster, n + term.codes)
    links = coo_array((np.ones(cluster.size, dtype=np.int8), ends), shape=(n + term.n_levels,) * 2)
    _, labels = connected_components(links, directed=False)
    return np.unique(labels[cluster], return_inverse=True)[1].astype(np.int32)


def _positions(arrays: StructuredArrays) -> tuple[AnyArray, IntArray, FloatArray]:
    """Distinct (visit, time): the position of every row, and what each position is."""
    errors = arrays.errors
    times = errors.time.reshape(errors.time.shape[0], -1)
    codes, first = _codes([errors.visit, *times.T])
    return codes, errors.visit[first], errors.time[first]


def _codes(columns: list[AnyArray]) -> tuple[AnyArray, AnyArray]:
    """(n,) code of each row's combination of values, ordered, and the first row of each code."""
    code = np.zeros(columns[0].size, dtype=np.intp)
    for column in columns:
        if (column == column[0]).all():
            continue
        _, more = np.unique(column, return_inverse=True)
        _, code = np.unique(code * (int(more.max()) + 1) + more, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return code, first


def _row_keys(
    arrays: StructuredArrays,
    cluster: IntArray,
    position: AnyArray,
    absorbed: tuple[int, ...],
    order: AnyArray,
    starts: AnyArray,
) -> tuple[AnyArray, dict[int, IntArray]]:
    """A code for all that the covariance of a row depends on, and levels within the blocks.

    Key -1 of the levels holds the subjects, the others the levels of the absorbed terms.
    """
    errors = arrays.errors
    local = {-1: _local(errors.subject, cluster, order, starts)}
    columns: list[AnyArray] = [position, errors.arm, *errors.features.T]
    if errors.weights is not None:
        columns.append(errors.weights)
    for t in absorbed:
        local[t] = _local(arrays.effects[t].codes, cluster, order, starts)
        columns += list(arrays.effects[t].Z.T)
    return _codes([*columns, *local.values()])[0], local


def _local(codes: IntArray, cluster: IntArray, order: AnyArray, starts: AnyArray) -> IntArray:
    """Number levels within each cluster in the order in which they appear."""
    pair = (cluster.astype(np.int64) * (int(codes.max()) + 1) + codes)[order]
    distinct, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
    rank = np.empty(distinct.size, dtype=np.intp)
    rank[np.argsort(first, kind="stable")] = np.arange(distinct.size)
    ranks = rank[inverse.ravel()]
    out = np.empty(codes.size, dtype=np.int32)
    out[order] = ranks - ranks[starts][cluster[order]]
    return out


def _same(keys: AnyArray) -> list[AnyArray]:
    """Groups of equal rows of an (N, v) array of codes."""
    if len(keys) == 1:
        return [np.zeros(1, dtype=np.intp)]
    whole = np.ascontiguousarray(keys, dtype=np.int64)
    as_one = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    _, code = np.unique(as_one, return_inverse=True)
    order = np.argsort(code, kind="stable")
    return list(np.split(order, np.flatnonzero(np.diff(code[order])) + 1))


def _pattern(
    arrays: StructuredArrays,
    rows: AnyArray,
    position: AnyArray,
    local: dict[int, IntArray],
    absorbed: tuple[int, ...],
) -> Pattern:
    one, errors = rows[0], arrays.errors
    weights = errors.weights
    return Pattern(
        rows=rows,
        position=position[one],
        subject=local[-1][one],
        arm=errors.arm[one],
        features=errors.features[one],
        root=np.ones(one.size) if weights is None else 1.0 / np.sqrt(weights[one]),
        Z=tuple(arrays.effects[t].Z[one] for t in absorbed),
        level=tuple(local[t][one] for t in absorbed),
        single=not local[-1][one].any(),
        plain=weights is None and not errors.features.shape[1],
    )
