"""Columns of any table as plain arrays: the one place that knows data-frame libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray, BoolArray
from nestwise._base.errors import DataError, did_you_mean
from nestwise.design.collate import sort_text

Kind = Literal["number", "logical", "factor"]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column as arrays.

    Parameters
    ----------
    kind : str
        ``"number"`` (float64 or any integer type), ``"logical"`` or ``"factor"``.
    values : (n,) ndarray
        The numbers; the truth values; or the level codes as int32, -1 where missing.
    levels : (k,) ndarray of object or None
        Levels of a factor, in order; all levels that the column declares.
    ordered : bool
        Whether the factor is an ordered one.
    missing : (n,) bool or None
        Missing rows of a logical; numbers have NaN, factors -1.
    """

    kind: Kind
    values: AnyArray
    levels: AnyArray | None = None
    ordered: bool = False
    missing: BoolArray | None = None


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
        return _filled(Source(data, "pandas", tuple(data.columns), len(data)))
    if isinstance(data, Mapping):
        return _filled(_open_mapping(data))
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError:
        raise DataError(
            f"data must be a pandas, polars or pyarrow table or a dict of arrays, got "
            f"{type(data).__name__}"
        ) from None
    if not isinstance(frame, nw.DataFrame):
        raise DataError(f"data must be a table, got {type(data).__name__}")
    return _filled(_open_narwhals(frame))


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
            to_pandas = getattr(values, "to_pandas", None)
            plain = to_pandas() if to_pandas is not None else values
        columns[str(name)] = pd.Series(plain)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"'{k}': {v}" for k, v in list(lengths.items())[:6])
        raise DataError(f"the columns have different lengths ({shown}); make them equal")
    return Source(columns, "dict", tuple(columns), next(iter(lengths.values()), 0))


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
        When it does not exist or holds what no model can use: dates, complex numbers, lists.

    Examples
    --------
    >>> read_column(open_table({"g": ["b", "a"]}), "g").levels.tolist()
    ['a', 'b']
    """
    if source.backend == "polars":
        require_columns(source, (name,))
        return _from_polars(name, source.data.get_column(name))
    if source.backend == "pyarrow":
        require_columns(source, (name,))
        return _from_arrow(name, source.data.column(name))
    try:
        series = source.data[name]
    except KeyError:
        require_columns(source, (name,))
        raise
    return _from_pandas(name, series)


def _unusable(name: str, what: str, advice: str) -> DataError:
    return DataError(f"column '{name}' holds {what}; {advice}")


def _refuse_kind(name: str, described: str) -> DataError:
    lowered = described.lower()
    if "complex" in lowered:
        return _unusable(name, "complex numbers", "use their real part or modulus")
    if "date" in lowered or "time" in lowered or "duration" in lowered:
        return _unusable(name, "dates or times", "turn it into a number first, such as days")
    return _unusable(name, f"values of type {described}", "use numbers, text or categories")


def _factor_of_text(values: Any) -> Column:
    """Code text by hashing, then sort the distinct values only."""
    codes, found = pd.factorize(values)
    texts = [str(v) for v in found]
    return _sorted_factor(codes, texts)


def _sorted_factor(codes: AnyArray, texts: list[str]) -> Column:
    ordered = sort_text(set(texts))
    position = {text: i for i, text in enumerate(ordered)}
    # The last entry takes the code -1 of missing values.
    lookup = np.array([position[t] for t in texts] + [-1], dtype=np.int32)
    return Column("factor", lookup[codes], np.array(ordered, dtype=object))


def _from_pandas(name: str, series: Any) -> Column:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind in "fiu":
            values = series.to_numpy()
            return Column("number", values if values.itemsize > 2 else values.astype(np.float64))
        if dtype.kind == "b":
            return Column("logical", series.to_numpy())
        if dtype.kind == "O":
            return _from_objects(name, series)
        raise _refuse_kind(name, str(dtype))
    if isinstance(dtype, pd.CategoricalDtype):
        return _from_categorical(series.array, dtype)
    if isinstance(dtype, pd.StringDtype):
        return _factor_of_text(series.array)
    return _from_extension(name, series)


def _from_categorical(array: Any, dtype: pd.CategoricalDtype) -> Column:
    if isinstance(dtype.categories.dtype, pd.StringDtype):
        levels = dtype.categories.array.to_numpy(dtype=object)
    else:
        levels = np.array([_plain_label(v) for v in dtype.categories], dtype=object)
    return Column("factor", array.codes.astype(np.int32), levels, bool(dtype.ordered))


def _plain_label(value: Any) -> str:
    """A category as R would label it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _from_extension(name: str, series: Any) -> Column:
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
        return _factor_of_text(series.astype(object).to_numpy())
    described = str(series.dtype)
    if described.startswith("dictionary"):
        return _from_categorical(series.astype("category").array, series.astype("category").dtype)
    raise _refuse_kind(name, described)


def _from_objects(name: str, series: Any) -> Column:
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind in ("string", "empty"):
        return _factor_of_text(series.to_numpy())
    if kind == "boolean":
        missing = series.isna().to_numpy()
        values = series.to_numpy() == True  # noqa: E712 - objects, some of them None
        return Column("logical", values.astype(bool), missing=missing if missing.any() else None)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return Column("number", pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan))
    raise _refuse_kind(name, "mixed " + kind if "mixed" in kind else kind)


def _from_polars(name: str, series: Any) -> Column:
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
        # The order of a polars Categorical depends on what else the process has seen: sort it.
        text = series.cast(pl.String)
        ordered = sort_text(text.drop_nulls().unique().to_list())
        if not ordered:
            return Column("factor", np.full(len(text), -1, np.int32), np.array([], dtype=object))
        numbers = text.replace_strict(
            ordered, list(range(len(ordered))), default=-1, return_dtype=pl.Int32
        )
        return Column("factor", numbers.to_numpy(), np.array(ordered, dtype=object))
    if dtype == pl.Null:
        return Column("number", np.full(len(series), np.nan))
    if dtype == pl.Object:
        return _from_objects(name, pd.Series(series.to_list(), dtype=object))
    raise _refuse_kind(name, str(dtype))


def _from_arrow(name: str, chunked: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    dtype = chunked.type
    if pa.types.is_dictionary(dtype):
        array = chunked.unify_dictionaries().combine_chunks()
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        codes = _arrow_codes(array)
        levels = np.array([_plain_label(v) for v in array.dictionary.to_pylist()], dtype=object)
        return Column("factor", codes, levels, bool(dtype.ordered))
    if pa.types.is_integer(dtype) and not chunked.null_count:
        return Column("number", chunked.to_numpy())
    if pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_decimal(dtype):
        return Column("number", chunked.cast(pa.float64(), safe=False).to_numpy())
    if pa.types.is_boolean(dtype):
        missing = chunked.is_null().to_numpy() if chunked.null_count else None
        return Column("logical", pc.fill_null(chunked, False).to_numpy(), missing=missing)
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype):
        array = pc.dictionary_encode(chunked).unify_dictionaries().combine_chunks()
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        codes = _arrow_codes(array)
        return _sorted_factor(codes, array.dictionary.to_pylist())
    if pa.types.is_null(dtype):
        return Column("number", np.full(len(chunked), np.nan))
    raise _refuse_kind(name, str(dtype))


def _arrow_codes(array: Any) -> AnyArray:
    """Indices of a dictionary array as int32, -1 where missing."""
    indices = array.indices
    plain = np.array(indices.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int32)
    if indices.null_count:
        plain[indices.is_null().to_numpy(zero_copy_only=False)] = -1
    return plain
