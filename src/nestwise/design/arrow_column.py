"""Columns of Arrow tables as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise.design.column import Column, plain_label, refuse_kind, sorted_factor
from nestwise.design.date_column import from_dates


def from_arrow(name: str, chunked: Any) -> Column:
    """A column from a pyarrow ChunkedArray.

    Raises
    ------
    DataError
        When it holds what no model can use.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from_arrow("g", pa.chunked_array([["b", "a"]])).levels.tolist()
    ['a', 'b']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    dtype = chunked.type
    if pa.types.is_dictionary(dtype):
        array = chunked.unify_dictionaries().combine_chunks()
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        codes = _arrow_codes(array)
        levels = np.array([plain_label(v) for v in array.dictionary.to_pylist()], dtype=object)
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
        return sorted_factor(codes, array.dictionary.to_pylist())
    if pa.types.is_null(dtype):
        return Column("number", np.full(len(chunked), np.nan))
    if pa.types.is_date(dtype) or pa.types.is_timestamp(dtype):
        return from_dates(name, chunked.to_pandas(date_as_object=False))
    raise refuse_kind(name, str(dtype))


def _arrow_codes(array: Any) -> AnyArray:
    """Indices of a dictionary array as int32, -1 where missing."""
    indices = array.indices
    plain = np.array(indices.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int32)
    if indices.null_count:
        plain[indices.is_null().to_numpy(zero_copy_only=False)] = -1
    return plain
