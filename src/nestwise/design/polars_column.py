"""Columns of polars frames as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nestwise.design.column import Column, refuse_kind, sorted_factor
from nestwise.design.date_column import from_dates
from nestwise.design.pandas_column import from_objects


def from_polars(name: str, series: Any) -> Column:
    """A column from a polars Series.

    Raises
    ------
    DataError
        When it holds what no model can use.

    Examples
    --------
    >>> import polars as pl
    >>> from_polars("g", pl.Series(["b", "a"])).levels.tolist()
    ['a', 'b']
    """
    import polars as pl

    dtype = series.dtype
    n_missing = series.null_count()
    if dtype.is_numeric():
        if n_missing or dtype.is_decimal() or dtype.is_float():
            return Column("number", series.cast(pl.Float64).to_numpy())
        return Column("number", series.to_numpy())
    if dtype == pl.Boolean:
        missing = series.is_null().to_numpy() if n_missing else None
        return Column("logical", series.fill_null(False).to_numpy(), missing=missing)
    if isinstance(dtype, pl.Enum):
        codes = series.to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
        levels = np.array(dtype.categories.to_list(), dtype=object)
        return Column("factor", codes, levels)
    if dtype == pl.String or dtype == pl.Categorical:
        return _from_text(series)
    if dtype == pl.Null:
        return Column("number", np.full(len(series), np.nan))
    if dtype == pl.Object:
        return from_objects(name, np.array(series.to_list(), dtype=object))
    if dtype == pl.Date or dtype == pl.Datetime:
        return from_dates(name, _times(series, getattr(dtype, "time_zone", None)))
    raise refuse_kind(name, str(dtype))


def _times(series: Any, zone: str | None) -> Any:
    """Times as pandas has them; NumPy has them in universal time."""
    times = pd.Series(series.to_numpy())
    return times if zone is None else times.dt.tz_localize("UTC").dt.tz_convert(zone)


def _from_text(series: Any) -> Column:
    """Code text by hashing, then sort the distinct values only.

    The order of a polars Categorical depends on what else the process has seen, and its numbers
    may be any: only those that occur here count.
    """
    import polars as pl

    coded = series.cast(pl.Categorical)
    numbers = coded.to_physical().cast(pl.Int64).fill_null(-1)
    first = numbers.arg_unique()
    found = numbers.gather(first).to_numpy()
    texts = coded.gather(first).cast(pl.String).to_list()
    # The last entry takes the number -1 of missing values.
    lookup = np.full(int(found.max(initial=-1)) + 2, -1, dtype=np.int64)
    lookup[found[found >= 0]] = np.arange(int((found >= 0).sum()))
    return sorted_factor(lookup[numbers.to_numpy()], [t for t in texts if t is not None])
