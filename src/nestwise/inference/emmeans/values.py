"""Numbers of one column in the rows that were used."""

from __future__ import annotations

from typing import Any

from nestwise._base.arrays import FloatArray
from nestwise.design.table import open_table, read_column
from nestwise.design.values import as_float, value_of_column
from nestwise.inference.kinds import Fit


def column_numbers(fit: Fit, data: Any, name: str) -> FloatArray:
    """A numeric column of the caller's table, the rows left out of the fit excluded.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.lm("Reaction ~ Days", data)
    >>> column_numbers(m.fit, data, "Days")[:3].tolist()
    [0.0, 1.0, 2.0]
    """
    numbers = as_float(value_of_column(read_column(open_table(data), name)), name)
    return numbers if fit.design.kept is None else numbers[fit.design.kept]
