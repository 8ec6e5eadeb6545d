"""Columns of any table as plain arrays: the one place that knows data-frame libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from nestwise._base.errors import DataError, did_you_mean
from nestwise._base.memo import memo_object
from nestwise.design.arrow_column import from_arrow
from nestwise.design.column import Column
from nestwise.design.pandas_column import from_pandas, series_array, stored_column
from nestwise.design.polars_column import from_polars


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A table, its column names and number of rows."""

    data: Any
    backend: Literal["pandas", "polars", "pyarrow", "dict"]
    columns: tuple[str, ...]
    n: int


def open_table(data: Any) -> Source:
    """Recognise a table.

    Parameters
    ----------
    data : pandas, polars or pyarrow table, mapping of arrays, or what narwhals reads eagerly
        It is never changed.

    Returns
    -------
    Source
        A view; no column has been read yet.

    Raises
    ------
    DataError
        When it is no table, has no rows, or names a column twice.

    Examples
    --------
    >>> open_table({"x": [1, 2]}).n
    2
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, pd.DataFrame):
        if not data.columns.is_unique:
            _refuse_duplicates([str(c) for c in data.columns])
        if data.columns.nlevels > 1:
            raise DataError("the columns have several levels of names; flatten them to one")
        return _filled(Source(data, "pandas", _names(data.columns), len(data)))
    if isinstance(data, Mapping):
        return _filled(_open_mapping(data))
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError:
        _refuse_lazy(data)
        raise DataError(
            f"data must be a pandas, polars or pyarrow table or a dict of arrays, got "
            f"{type(data).__name__}"
        ) from None
    if not isinstance(frame, nw.DataFrame):
        raise DataError(f"data must be a table, got {type(data).__name__}")
    return _filled(_open_narwhals(frame))


@memo_object
def _names(columns: pd.Index[Any]) -> tuple[str, ...]:
    """Names of the columns; an Index never changes, so that they are read once."""
    return tuple(columns)


def _open_narwhals(frame: nw.DataFrame[Any]) -> Source:
    implementation = frame.implementation
    native = frame.to_native()
    if implementation.is_pyarrow():
        names = [str(c) for c in native.column_names]
        if len(set(names)) < len(names):
            _refuse_duplicates(names)
        return Source(native, "pyarrow", tuple(names), native.num_rows)
    if implementation.is_polars():
        return Source(native, "polars", tuple(native.columns), native.height)
    converted = frame.to_pandas()
    return Source(converted, "pandas", tuple(converted.columns), len(converted))


def _open_mapping(data: Mapping[Any, Any]) -> Source:
    columns: dict[str, pd.Series[Any]] = {}
    for name, values in data.items():
        plain = np.asarray(values) if isinstance(values, (list, tuple)) else values
        if isinstance(plain, np.ndarray) and plain.ndim != 1:
            raise DataError(f"column '{name}' has {plain.ndim} dimensions; it must have one")
        if isinstance(values, (list, tuple)):
            plain = values
        elif not isinstance(values, (np.ndarray, pd.Series, pd.Categorical)):
            plain = _plain_values(str(name), values)
        columns[str(name)] = pd.Series(plain)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"'{k}': {v}" for k, v in list(lengths.items())[:6])
        raise DataError(f"the columns have different lengths ({shown}); make them equal")
    return Source(columns, "dict", tuple(columns), next(iter(lengths.values()), 0))


def _plain_values(name: str, values: Any) -> Any:
    """Values of another library as pandas takes them, with the levels that frames of it have."""
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series) and series.implementation.is_polars():
        column = from_polars(name, values)
        if column.levels is not None:
            levels = pd.Index(column.levels)
            return pd.Categorical.from_codes(column.values, levels, column.ordered)
    to_pandas = getattr(values, "to_pandas", None)
    return to_pandas() if to_pandas is not None else values


def _refuse_lazy(data: Any) -> None:
    """A table that is not there yet says how to get it."""
    lazy = nw.from_native(data, pass_through=True)
    if isinstance(lazy, nw.LazyFrame):
        raise DataError(
            f"data is a {type(data).__name__}, whose rows have not been read yet; pass "
            "data.collect()"
        )


def _filled(source: Source) -> Source:
    if source.n == 0:
        raise DataError("the data have no rows; nothing can be fitted")
    return source


def _refuse_duplicates(names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    shown = ", ".join(f"'{n}'" for n in twice)
    raise DataError(f"column names occur more than once: {shown}; rename them")


def require_columns(source: Source, names: tuple[str, ...]) -> None:
    """Raise a `DataError` with a suggestion for the first name that is no column."""
    for name in names:
        if name not in source.columns:
            hint = did_you_mean(name, [str(c) for c in source.columns])
            raise DataError(f"column '{name}' is not in the data{hint}")


def read_column(source: Source, name: str) -> Column:
    """Read one column.

    Raises
    ------
    DataError
        When it does not exist or holds what no model can use: durations, complex numbers, lists.

    Examples
    --------
    >>> read_column(open_table({"g": ["b", "a"]}), "g").levels.tolist()
    ['a', 'b']
    """
    if source.backend == "polars":
        require_columns(source, (name,))
        return from_polars(name, source.data.get_column(name))
    if source.backend == "pyarrow":
        require_columns(source, (name,))
        return from_arrow(name, source.data.column(name))
    try:
        if source.backend == "pandas":
            values = stored_column(source.data, name)
        else:
            values = series_array(source.data[name])
    except KeyError:
        require_columns(source, (name,))
        raise
    return from_pandas(name, values)
