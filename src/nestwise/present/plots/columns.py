"""Columns of a caller's table, for plots of data without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.design.table import open_table, read_column
from nestwise.design.values import Numeric, as_factor, as_float, value_of_column


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The group of every row.

    Parameters
    ----------
    name : str
        Of the column, or of several joined by a colon.
    codes : (n,) int32
        Group of each row, -1 where missing.
    labels : tuple of str
        Of the groups that occur, in the order of the levels.
    """

    name: str
    codes: IntArray
    labels: tuple[str, ...]


def number_column(data: Any, name: str) -> FloatArray:
    """A numeric column, NaN where missing.

    Raises
    ------
    DataError
        When it is not in the table or holds no numbers.

    Examples
    --------
    >>> number_column({"x": [1, 2]}, "x").tolist()
    [1.0, 2.0]
    """
    value = value_of_column(read_column(open_table(data), name))
    if not isinstance(value, Numeric):
        raise DataError(f"column '{name}' holds no numbers; this plot needs a numeric column")
    return as_float(value, name)


def group_column(data: Any, by: str | Sequence[str]) -> Groups:
    """The groups that one column makes, or several together.

    Raises
    ------
    DataError
        When a column is not in the table, or all its values are missing.

    Examples
    --------
    >>> groups = group_column({"a": ["x", "y", "y"], "b": [1, 1, 2]}, ["a", "b"])
    >>> groups.labels, groups.codes.tolist()
    (('x:1', 'y:1', 'y:2'), [0, 1, 2])
    """
    names = [by] if isinstance(by, str) else list(by)
    source = open_table(data)
    code = np.zeros(source.n, dtype=np.int64)
    missing = np.zeros(source.n, dtype=np.bool_)
    labels: list[str] = [""]
    for i, name in enumerate(names):
        factor = as_factor(value_of_column(read_column(source, name)))
        missing |= factor.codes < 0
        code = code * len(factor.levels) + factor.codes
        own = [str(level) for level in factor.levels]
        found, code = _occurring(code, ~missing)
        old, new = np.divmod(found, len(own))
        labels = [
            own[b] if i == 0 else f"{labels[a]}:{own[b]}" for a, b in zip(old, new, strict=True)
        ]
    if missing.all():
        raise DataError(f"column '{names[0]}' has no values; there are no groups to plot")
    return Groups(":".join(names), np.where(missing, -1, code).astype(np.int32), tuple(labels))


def _occurring(code: AnyArray, present: BoolArray) -> tuple[AnyArray, AnyArray]:
    found, inverse = np.unique(code[present], return_inverse=True)
    out = np.zeros(code.size, dtype=np.int64)
    out[present] = inverse
    return found, out


def evenly(n: int, wanted: int) -> AnyArray:
    """Up to `wanted` positions among n, spread evenly from first to last.

    Examples
    --------
    >>> evenly(5, 3).tolist(), evenly(2, 3).tolist()
    ([0, 2, 4], [0, 1])
    """
    if n <= wanted:
        return np.arange(n)
    return np.unique(np.round(np.linspace(0, n - 1, wanted)).astype(np.int64))


__all__ = ["Groups", "evenly", "group_column", "number_column"]
