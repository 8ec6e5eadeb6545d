"""A column table as plain text."""

from __future__ import annotations

import math

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise._base.table import Table
from nestwise.present.matrixtext import WIDTH, matrix_lines
from nestwise.present.rformat import format_numbers


def table_text(table: Table, digits: int = 7, width: int = WIDTH) -> str:
    """Lay out a table: numbers with common decimals to the right, texts to the left.

    Parameters
    ----------
    table : Table
        Named columns.
    digits : int
        Significant digits, as R's ``print(data.frame)``.
    width : int
        Page width; columns that do not fit follow below.

    Returns
    -------
    str
        The note of the table, if any, below an empty line.

    Examples
    --------
    >>> print(table_text(Table({"term": np.array(["x", "ses"], dtype=object),
    ...     "estimate": np.array([1.5, -10.25])})))
    term estimate
    x        1.50
    ses    -10.25
    """
    columns = [(name, _cells(table[name], digits)) for name in table]
    left = [name for name in table if not _is_numeric(table[name])]
    # the stub of row names is empty, and so is the blank that follows it
    lines = [line[1:].rstrip() for line in matrix_lines([""] * len(table), columns, width, left)]
    return "\n".join([*lines, "", table.note] if table.note else lines)


def _is_numeric(values: AnyArray) -> bool:
    return bool(np.issubdtype(values.dtype, np.number))


def _cells(values: AnyArray, digits: int) -> list[str]:
    if not _is_numeric(values):
        return ["NA" if v is None else str(v) for v in values]
    return format_numbers([None if math.isnan(v) else float(v) for v in values], digits)


__all__ = ["table_text"]
