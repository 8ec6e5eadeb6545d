"""Columns of pandas frames as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray
from nestwise._base.memo import memo_object
from nestwise.design.column import Column, plain_label, refuse_kind, sorted_factor
from nestwise.design.date_column import from_dates

DATES = ("date", "datetime", "datetime64")
"""What pandas calls dates."""


def stored_column(frame: pd.DataFrame, name: str) -> Any:
    """The array of a column, read-only where it is NumPy's.

    ``frame[name]`` makes a Series and copies the frame's ``attrs`` with it, which takes longer
    than the column of a small table. pandas' own short way is not public: without it, the long
    way.

    Raises
    ------
    KeyError
        When there is no such column.

    Examples
    --------
    >>> stored_column(pd.DataFrame({"x": [1, 2]}), "x").tolist()
    [1, 2]
    """
    position = frame.columns.get_loc(name)
    direct = getattr(frame, "_get_column_array", None)
    if direct is None:
        return series_array(frame[name])
    return _guarded(direct(position))


def series_array(series: pd.Series[Any]) -> Any:
    """The array of a Series: NumPy's, or pandas' own for its own types.

    Examples
    --------
    >>> series_array(pd.Series([1.5])).tolist()
    [1.5]
    """
    return _guarded(series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array)


def _guarded(values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return values
    view = values.view()
    view.flags.writeable = False
    return view


def from_pandas(name: str, values: Any) -> Column:
    """A column from the array of a Series.

    Raises
    ------
    DataError
        When it holds what no model can use.

    Examples
    --------
    >>> from_pandas("g", pd.Series(["b", "a"]).array).levels.tolist()
    ['a', 'b']
    """
    dtype = values.dtype
    if isinstance(values, np.ndarray):
        if dtype.kind in "fiu":
            return Column("number", values if dtype.itemsize > 2 else values.astype(np.float64))
        if dtype.kind == "b":
            return Column("logical", values)
        if dtype.kind == "O":
            return from_objects(name, values)
        if dtype.kind == "M":
            return from_dates(name, values)
        raise refuse_kind(name, str(dtype))
    if isinstance(dtype, pd.CategoricalDtype):
        return _from_categorical(values, dtype)
    if isinstance(dtype, pd.StringDtype):
        return _from_text(values)
    return _from_extension(name, pd.Series(values))


def _from_text(values: Any) -> Column:
    """Code text by hashing, then sort the distinct values only."""
    codes, found = pd.factorize(values)
    return sorted_factor(codes, [str(v) for v in np.asarray(found, dtype=object).tolist()])


def _from_categorical(array: Any, dtype: pd.CategoricalDtype) -> Column:
    codes = array.codes.astype(np.int32)
    return Column("factor", codes, _category_labels(dtype.categories), bool(dtype.ordered))


@memo_object
def _category_labels(categories: pd.Index[Any]) -> AnyArray:
    """Labels of the levels; an Index never changes, so they are made once."""
    if isinstance(categories.dtype, pd.StringDtype):
        labels = np.array(categories.array, dtype=object)
    else:
        labels = np.array([plain_label(v) for v in categories], dtype=object)
    labels.flags.writeable = False
    return labels


def _from_extension(name: str, series: pd.Series[Any]) -> Column:
    """pandas' nullable and Arrow-backed types."""
    kind = pd.api.types.infer_dtype(series, skipna=True)
    missing = series.isna().to_numpy()
    if pd.api.types.is_bool_dtype(series.dtype):
        values = series.to_numpy(dtype=bool, na_value=False)
        return Column("logical", values, missing=missing if missing.any() else None)
    if pd.api.types.is_numeric_dtype(series.dtype) and kind != "complex":
        if not missing.any() and pd.api.types.is_integer_dtype(series.dtype):
            return Column("number", series.to_numpy(dtype=np.int64))
        return Column("number", series.to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in ("string", "empty"):
        return _from_text(series.astype(object).to_numpy())
    described = str(series.dtype)
    if described.startswith("dictionary"):
        categorical = series.astype("category").array
        return _from_categorical(categorical, categorical.dtype)
    if kind in DATES:
        return from_dates(name, series)
    raise refuse_kind(name, described)


def from_objects(name: str, values: AnyArray) -> Column:
    """A column from Python objects: text, numbers or truth values, but not mixed.

    Raises
    ------
    DataError
        When they are mixed, or of another kind.

    Examples
    --------
    >>> from_objects("x", np.array([1, None], dtype=object)).values.tolist()
    [1.0, nan]
    """
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("string", "empty"):
        return _from_text(values)
    if kind == "boolean":
        missing = pd.isna(values)
        truth = np.asarray(values == True).astype(bool)  # noqa: E712 - objects, some of them None
        return Column("logical", truth, missing=missing if missing.any() else None)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        numbers = pd.to_numeric(pd.Series(values))
        return Column("number", numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in DATES:
        return from_dates(name, values)
    raise refuse_kind(name, "mixed " + kind if "mixed" in kind else kind)
