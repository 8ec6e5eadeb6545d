"""Columns and groups out of any table, and answers back in the caller's own kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise._base.options import names_of
from nestwise.design.table import Source, read_column, require_columns


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which rows belong together.

    Parameters
    ----------
    codes : (n,) int32
        Group of each row in the order of the groups' values, -1 where a value is missing.
    n_groups : int
        Number of groups that occur.
    first : (n_groups,) int64
        A row of each group, to read its values from.
    """

    codes: IntArray
    n_groups: int
    first: AnyArray


def as_names(columns: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several as a tuple.

    Raises
    ------
    OptionError
        When something other than names is given.

    Examples
    --------
    >>> as_names("ses"), as_names(["ses", "sex"])
    (('ses',), ('ses', 'sex'))
    """
    return tuple(names_of("columns", columns))


def numbers(source: Source, name: str, purpose: str) -> FloatArray:
    """A numeric or logical column as float64, NaN where missing.

    Raises
    ------
    DataError
        When the column is not there or holds text or categories.

    Examples
    --------
    >>> from nestwise.design.table import open_table
    >>> numbers(open_table({"x": [1, 2]}), "x", "describe").tolist()
    [1.0, 2.0]
    """
    column = read_column(source, name)
    if column.kind == "factor":
        held = "dates or times" if column.dates else "text or categories"
        raise DataError(f"{purpose}: column '{name}' holds {held}, not numbers")
    values = np.asarray(column.values, dtype=np.float64)
    if column.missing is not None:
        values = np.where(column.missing, np.nan, values)
    return values


def group_rows(source: Source, by: tuple[str, ...]) -> Groups:
    """Group rows by the values of columns: factors in level order, others sorted.

    Examples
    --------
    >>> from nestwise.design.table import open_table
    >>> group_rows(open_table({"g": ["b", "a", "b"]}), ("g",)).codes.tolist()
    [1, 0, 1]
    """
    if not by:
        return Groups(np.zeros(source.n, np.int32), 1, np.zeros(1, np.int64))
    require_columns(source, by)
    codes = np.zeros(source.n, np.int64)
    missing = np.zeros(source.n, np.bool_)
    n_groups = 1
    for name in by:
        own, k = _level_codes(source, name)
        missing |= own < 0
        codes, n_groups = _compress(np.where(missing, -1, codes * k + own))
    first = np.zeros(n_groups, np.int64)
    rows = np.flatnonzero(codes >= 0)[::-1]
    first[codes[rows]] = rows
    return Groups(codes.astype(np.int32), n_groups, first)


def _level_codes(source: Source, name: str) -> tuple[AnyArray, int]:
    """Codes of one column, -1 where missing, and how many levels they may have."""
    column = read_column(source, name)
    if column.kind == "factor":
        assert column.levels is not None
        return column.values.astype(np.int64), max(len(column.levels), 1)
    codes, found = pd.factorize(column.values, sort=True)
    if column.missing is not None:
        codes = np.where(column.missing, -1, codes)
    return codes.astype(np.int64), max(len(found), 1)


def _compress(codes: AnyArray) -> tuple[AnyArray, int]:
    """Renumber the codes that occur as 0, 1, 2 ... in their order; -1 stays."""
    span = int(codes.max(initial=0)) + 1
    if span > 4 * codes.size + 1024:
        dense, found = pd.factorize(np.where(codes < 0, np.nan, codes), sort=True)
        return dense.astype(np.int64), len(found)
    occurs = np.zeros(span + 1, np.bool_)
    occurs[codes] = True
    occurs[-1] = False
    place = np.cumsum(occurs) - 1
    place[-1] = -1
    return place[codes], int(occurs.sum())


def native_frame(source: Source) -> nw.DataFrame[Any]:
    """The caller's table as a narwhals frame; a dict of columns becomes a pandas one."""
    data = pd.DataFrame(dict(source.data)) if source.backend == "dict" else source.data
    frame: nw.DataFrame[Any] = nw.from_native(data, eager_only=True)
    return frame


def table_like(
    source: Source, columns: Mapping[str, AnyArray], *, by: tuple[str, ...], rows: AnyArray
) -> Any:
    """A table of the caller's kind: the `by` columns at `rows`, then further columns.

    Raises
    ------
    DataError
        When a `by` column has the name of a further column.
    """
    clash = [name for name in by if name in columns]
    if clash:
        raise DataError(f"by: the answer has a column '{clash[0]}' of its own; rename yours")
    frame = native_frame(source)
    plain = {k: v.tolist() if v.dtype == object else v for k, v in columns.items()}
    answer = nw.from_dict(plain, backend=frame.implementation)
    if not by:
        return answer.to_native()
    labels = frame.select(*by)[rows]
    if source.backend in ("pandas", "dict"):
        labels = nw.from_native(labels.to_native().reset_index(drop=True), eager_only=True)
    return nw.concat([labels, answer], how="horizontal").to_native()
