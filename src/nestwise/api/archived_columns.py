"""Columns as a file holds them: what the model read of them, and nothing that only a library knows.

Frames say the same in different ways (a category of polars, of Arrow, of pandas; a truth value that
is missing), and ways through a third library change it. So what is stored is what the design read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray
from nestwise.design.column import Column
from nestwise.design.table import Source, open_table, read_column


def packed_columns(
    data: Any, names: tuple[str, ...], arrays: dict[str, AnyArray]
) -> dict[str, dict[str, Any]]:
    """Describe columns of any table, and put their values into `arrays`.

    Parameters
    ----------
    data : table
        The caller's.
    names : tuple of str
        Columns that the model used.
    arrays : dict
        Gains one array a column.

    Examples
    --------
    >>> arrays = {}
    >>> packed_columns({"g": ["b", "a", "b"], "x": [1.0, 2.0, 3.0]}, ("g",), arrays)
    {'g': {'kind': 'text', 'levels': ['a', 'b']}}
    >>> arrays["g"].tolist()
    [1, 0, 1]
    """
    source = open_table(data)
    return {
        name: _packed(name, read_column(source, name), _declared(source, name), arrays)
        for name in names
    }


def _declared(source: Source, name: str) -> bool:
    """Whether a column names its levels itself, as text does not."""
    series = nw.from_native(source.data[name], series_only=True, pass_through=True)
    dtype = series.dtype
    return isinstance(dtype, pd.CategoricalDtype) or dtype in (nw.Categorical, nw.Enum)


def _packed(
    name: str, column: Column, declared: bool, arrays: dict[str, AnyArray]
) -> dict[str, Any]:
    if column.kind == "factor" and column.levels is not None:
        arrays[name] = column.values
        levels = [str(level) for level in column.levels]
        if not declared:
            return {"kind": "text", "levels": levels}
        return {"kind": "category", "levels": levels, "ordered": column.ordered}
    if column.missing is not None:
        arrays[name] = np.where(column.missing, -1, column.values).astype(np.int8)
        return {"kind": "logical"}
    arrays[name] = column.values
    return {"kind": "plain"}


def unpacked_column(values: AnyArray, spec: Mapping[str, Any]) -> Any:
    """One column again, as pandas takes it.

    Parameters
    ----------
    values : (n,) ndarray
        From `packed_columns`.
    spec : mapping
        Its description.

    Examples
    --------
    >>> unpacked_column(np.array([1, 0]), {"kind": "text", "levels": ["a", "b"]}).tolist()
    ['b', 'a']
    """
    if spec["kind"] == "category":
        return pd.Categorical.from_codes(values, spec["levels"], ordered=spec["ordered"])
    if spec["kind"] == "text":
        texts = np.array([*spec["levels"], None], dtype=object)
        return texts[values]
    if spec["kind"] == "logical":
        return pd.arrays.BooleanArray(values == 1, values < 0)
    return values
