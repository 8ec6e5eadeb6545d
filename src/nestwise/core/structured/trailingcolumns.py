"""The columns of random effects that join blocks of rows, and where their products are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.errors import FitError
from nestwise.core import _kernels
from nestwise.core.memory import available_memory
from nestwise.core.structured.blocks import Pattern
from nestwise.core.structured.model import StructuredArrays

FULL = 0.3
"""Share of all pairs of levels that meet from which a full matrix is kept."""

COPIES = 4.0
"""Matrices on the pattern that live at the same time."""


@dataclass(frozen=True, slots=True, eq=False)
class TrailingEffects:
    """The columns of the trailing random effects.

    Parameters
    ----------
    Z : (n, q) sparse float64
        Term after term, level after level.
    first : tuple of int
        First column of each trailing term.
    pieces : tuple of (int, int)
        Term and column of the term that each of the K columns a row has belongs to.
    columns : (K, n) int32
        Column of Z in which each row has its value.
    pattern : SparsePattern
        Where the mixed-model equations have entries: between levels that share a block.
    diagonal : (q,) int64
        Positions of the diagonal.
    places : tuple of (K, K, N, v, v) integers
        For each pattern of rows the position of the product of two columns in two rows.
    """

    Z: csr_array
    first: tuple[int, ...]
    pieces: tuple[tuple[int, int], ...]
    columns: IntArray
    pattern: _kernels.SparsePattern
    diagonal: NDArray[np.int64]
    places: tuple[AnyArray, ...]


def trailing_effects(
    arrays: StructuredArrays, trailing: tuple[int, ...], patterns: tuple[Pattern, ...]
) -> TrailingEffects:
    """Z of the trailing terms, and the pattern of what meets in a block.

    Raises
    ------
    FitError
        When the equations do not fit into memory.
    """
    first = _starts(arrays, trailing)
    terms = [arrays.effects[t] for t in trailing]
    pieces = tuple((t, j) for t in trailing for j in range(arrays.effects[t].Z.shape[1]))
    columns = np.stack(
        [
            start + term.codes.astype(np.int32) * term.Z.shape[1] + j
            for term, start in zip(terms, first, strict=False)
            for j in range(term.Z.shape[1])
        ]
    ).astype(np.int32)
    pattern = _meeting(arrays, trailing, patterns)
    _check_memory(pattern, columns, patterns)
    own = np.arange(int(first[-1]), dtype=np.int32)
    return TrailingEffects(
        effect_columns(arrays, trailing),
        tuple(int(i) for i in first[:-1]),
        pieces,
        columns,
        pattern,
        pattern.positions(own, own),
        tuple(_places(pattern, columns[:, one.rows]) for one in patterns),
    )


def _meeting(
    arrays: StructuredArrays, trailing: tuple[int, ...], patterns: tuple[Pattern, ...]
) -> _kernels.SparsePattern:
    """Levels are nodes; two meet when a block has rows of both."""
    terms = [arrays.effects[t] for t in trailing]
    n_levels = np.array([term.n_levels for term in terms])
    width = np.repeat([term.Z.shape[1] for term in terms], n_levels).astype(np.int32)
    first, nodes = np.cumsum(n_levels) - n_levels, int(n_levels.sum())
    block, at = np.empty(arrays.y.size, dtype=np.int64), 0
    for one in patterns:
        block[one.rows] = at + np.arange(len(one.rows))[:, None]
        at += len(one.rows)
    node = np.concatenate([start + term.codes for start, term in zip(first, terms, strict=True)])
    seen = csr_array(
        (np.ones(node.size, dtype=np.int32), (np.tile(block, len(terms)), node)), shape=(at, nodes)
    )
    seen.sum_duplicates()
    if float((seen.sum(axis=1).astype(np.float64) ** 2).max()) > FULL * float(nodes) ** 2:
        return _full(width)
    meet = (seen.T @ seen).tocoo()
    off = meet.row != meet.col
    if off.sum() > FULL * float(nodes) ** 2:
        return _full(width)
    graph = csr_array(
        (np.ones(int(off.sum()), dtype=np.int8), (meet.row[off], meet.col[off])), shape=meet.shape
    )
    return _kernels.sparse_pattern(
        graph.indptr.astype(np.int64), graph.indices.astype(np.int32), width, False
    )


def _full(width: IntArray) -> _kernels.SparsePattern:
    start = np.zeros(width.size + 1, dtype=np.int64)
    return _kernels.sparse_pattern(start, np.zeros(0, dtype=np.int32), width, True)


def _check_memory(
    pattern: _kernels.SparsePattern, columns: IntArray, patterns: tuple[Pattern, ...]
) -> None:
    pairs = sum(one.rows.size * one.rows.shape[1] for one in patterns) * len(columns) ** 2
    needed = 8.0 * (COPIES * pattern.values + 2.0 * pairs)
    memory = available_memory()
    if needed > memory:
        raise FitError(
            f"the {pattern.order} random effects crossed with the residuals' subjects leave "
            f"equations that need {needed / 2**30:.1f} GiB, and {memory / 2**30:.1f} GiB are free; "
            "make the factor that joins the subjects coarser, take it as a fixed effect, or fit a "
            "sample of the subjects"
        )


def _places(pattern: _kernels.SparsePattern, columns: AnyArray) -> AnyArray:
    """(K, K, N, v, v) positions of the products of two columns, (K, N, v), in two rows."""
    K, N, v = columns.shape
    shape = (K, K, N, v, v)
    a = np.broadcast_to(columns[:, None, :, :, None], shape).ravel()
    b = np.broadcast_to(columns[None, :, :, None, :], shape).ravel()
    found = pattern.positions(np.ascontiguousarray(a), np.ascontiguousarray(b)).reshape(shape)
    return found.astype(np.int32) if pattern.values < 2**31 else found


def _starts(arrays: StructuredArrays, chosen: tuple[int, ...]) -> AnyArray:
    terms = [arrays.effects[t] for t in chosen]
    sizes = [term.n_levels * term.Z.shape[1] for term in terms]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)


def effect_columns(arrays: StructuredArrays, chosen: tuple[int, ...]) -> csr_array:
    """(n, q) Z of the chosen terms: term after term, level after level."""
    terms, first = [arrays.effects[t] for t in chosen], _starts(arrays, chosen)
    n, rows, columns, values = arrays.y.size, [], [], []
    for term, start in zip(terms, first, strict=False):
        k = term.Z.shape[1]
        for j in range(k):
            rows.append(np.arange(n))
            columns.append(start + term.codes.astype(np.intp) * k + j)
            values.append(term.Z[:, j])
    where = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), where), shape=(n, int(first[-1])))


def half_columns(arrays: StructuredArrays, lambdas: tuple[FloatArray, ...]) -> list[FloatArray]:
    """(n, k) Z Lambda of each term."""
    return [term.Z @ L for term, L in zip(arrays.effects, lambdas, strict=True)]
