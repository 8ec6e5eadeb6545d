"""Rows that are alike in everything but the response, put together.

The likelihood of binomial and Poisson rows with the same linear predictor depends on their sums
only, up to a constant. With discrete covariates that shrinks the problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise.core.families.binomial import BINOMIAL
from nestwise.core.families.poisson import POISSON
from nestwise.core.glmm_rows import FamilyRows, total_loglik
from nestwise.core.problem import ModelArrays, TermColumns

MERGEABLE = (BINOMIAL.rows, POISSON.rows)
"""Log densities whose rows may be put together."""

FEWEST = 2000
"""Rows from which it pays to look."""

LOOK = 512
"""Rows that are looked at to tell whether a column is discrete."""

DISCRETE = 64
"""Distinct values among these up to which it is."""

PAYS = 0.6
"""Share of rows that may be left when it pays."""

SPARE = 1_000_000
"""A table of patterns may have this many entries more than there are rows."""

LARGEST = 1 << 62
"""Bound on the numbers that patterns are coded as."""


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """A model with fewer rows and the same likelihood.

    Parameters
    ----------
    arrays : ModelArrays
        The rows that are left.
    offset : (r,) float64
        Their offsets.
    rows : FamilyRows
        Their likelihood, the constant included.
    index : (n,) int
        Where each row went.
    """

    arrays: ModelArrays
    offset: FloatArray
    rows: FamilyRows
    index: NDArray[np.intp]


def merge_rows(arrays: ModelArrays, offset: FloatArray, rows: FamilyRows) -> Merged | None:
    """Put rows together where that pays; None where it does not.

    Parameters
    ----------
    arrays : ModelArrays
        The rows.
    offset : (n,) float64
        Their offsets.
    rows : FamilyRows
        Their family, response and weights.

    Examples
    --------
    >>> from nestwise.core.families.registry import FAMILIES
    >>> from nestwise.core.links.registry import LINKS
    >>> codes = np.repeat(np.arange(50, dtype=np.int32), 100)
    >>> y = (np.arange(5000) % 2).astype(float)
    >>> term = TermColumns(0, (None,), "us")
    >>> arrays = ModelArrays(y, np.ones((5000, 1)), 0, None, (codes,), (50,), (term,))
    >>> rows = FamilyRows(FAMILIES["binomial"], LINKS["logit"], y, np.ones(5000))
    >>> merge_rows(arrays, np.zeros(5000), rows).rows.y[:3].tolist()
    [0.5, 0.5, 0.5]
    """
    n = len(offset)
    if rows.family.rows not in MERGEABLE or n < FEWEST or not (rows.weights > 0.0).all():
        return None
    columns = [arrays.X[:, j] for j in range(arrays.X.shape[1])]
    columns += [c for t in arrays.terms for c in t.columns if c is not None]
    key = _keys([*columns, offset], arrays)
    if key is None:
        return None
    first, index = _patterns(*key)
    if len(first) > PAYS * n:
        return None
    return _gathered(arrays, offset, rows, first, index)


def _patterns(key: NDArray[np.int64], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First row of each pattern, in the order of their numbers, and the pattern of each row."""
    n = len(key)
    if size > n + SPARE:
        _, first, index = np.unique(key, return_index=True, return_inverse=True)
        return first, index
    # Backwards: of rows that are alike the first is written last.
    row = np.full(size, -1, dtype=np.intp)
    row[key[::-1]] = np.arange(n - 1, -1, -1)
    present = np.flatnonzero(row >= 0)
    number = np.empty(size, dtype=np.intp)
    number[present] = np.arange(len(present))
    return row[present], number[key]


def _keys(columns: list[FloatArray], arrays: ModelArrays) -> tuple[NDArray[np.int64], int] | None:
    """A number below the second for each row, the same where rows are alike; None when a column
    is not discrete."""
    n = len(arrays.y)
    look = np.linspace(0, n - 1, LOOK).astype(np.intp)
    values = [np.unique(column[look]) for column in columns]
    if any(len(v) > DISCRETE for v in values):
        return None
    key, size = np.zeros(n, dtype=np.int64), 1
    for codes, m in zip(arrays.codes, arrays.n_levels, strict=True):
        size *= m
        if size > LARGEST:
            return None
        key = key * m + codes
    for column, known in zip(columns, values, strict=True):
        if len(known) == 1 and (column == known[0]).all():
            continue
        place = np.minimum(np.searchsorted(known, column), len(known) - 1)
        if not np.array_equal(known[place], column):
            return None
        size *= len(known)
        if size > LARGEST:
            return None
        key = key * len(known) + place
    return key, size


def _gathered(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: FamilyRows,
    first: NDArray[np.intp],
    index: NDArray[np.intp],
) -> Merged:
    fewer = rows_together(rows, index, len(first))
    terms = tuple(
        TermColumns(
            t.factor, tuple(None if c is None else c[first] for c in t.columns), t.structure
        )
        for t in arrays.terms
    )
    left = ModelArrays(
        y=fewer.y,
        X=np.asfortranarray(arrays.X[first]),
        intercept=arrays.intercept,
        weights=fewer.weights,
        codes=tuple(np.ascontiguousarray(c[first]) for c in arrays.codes),
        n_levels=arrays.n_levels,
        terms=terms,
    )
    return Merged(left, offset[first], fewer, index)


def rows_together(rows: FamilyRows, index: NDArray[np.intp], r: int) -> FamilyRows:
    """The likelihood of rows that are put together.

    Parameters
    ----------
    rows : FamilyRows
        All of them.
    index : (n,) int
        Where each row goes.
    r : int
        Rows that are left.
    """
    weights = np.asarray(np.bincount(index, rows.weights, minlength=r), dtype=np.float64)
    y = np.bincount(index, rows.weights * rows.y, minlength=r) / weights
    fewer = replace(rows, y=y, weights=weights)
    # Sums of 0 and 1 over 1 stay what they are, so that the difference is the constant.
    level = _inside(rows)
    constant = total_loglik(rows, level) - total_loglik(fewer, level)
    return replace(fewer, constant=fewer.constant + constant)


def _inside(rows: FamilyRows) -> float:
    """A linear predictor at which every row has a likelihood: that of the mean response."""
    mean = float(np.average(rows.y, weights=rows.weights))
    if rows.family.rows is BINOMIAL.rows:
        mean = min(max(mean, 1e-3), 1.0 - 1e-3)
    return float(rows.link.link(np.array([max(mean, 1e-3)]))[0])
