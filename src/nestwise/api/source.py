"""What the user gave to a call, and answers handed back in the user's own kind of table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray, BoolArray
from nestwise._base.errors import DataError, OptionError, one_of
from nestwise._base.options import Control
from nestwise._base.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The caller's own table and settings, kept to answer in kind and to fit again.

    Parameters
    ----------
    data : table
        As the caller gave it; never changed.
    formula : str
        As the caller wrote it.
    settings : mapping of str to object
        The other arguments of the call.
    refitted : bool
        Whether the model has a response that `data` does not hold.
    """

    data: Any
    formula: str
    settings: Mapping[str, Any]
    refitted: bool = False


def check_own_response(source: Source, purpose: str) -> None:
    """Refuse what needs the response in the data after a refit to one that is not there.

    Raises
    ------
    OptionError
        When the model was refitted to a response that its data do not hold.

    Examples
    --------
    >>> check_own_response(Source({"y": [1]}, "y ~ x", {}), "save")
    """
    if source.refitted:
        raise OptionError(
            f"{purpose}: this model was refitted to another response, and that of "
            f"{source.formula!r} is no single column that could hold it; put the new response "
            "into the data and fit the model to them"
        )


def to_native(table: Table, data: Any) -> Any:
    """Turn a table into the kind of data frame that `data` is; pandas for a plain dict.

    Parameters
    ----------
    table : Table
        Columns.
    data : table
        The caller's data.

    Returns
    -------
    DataFrame or Table
        Of pandas, polars or pyarrow; a pandas frame carries the note in ``attrs["note"]``.

    Examples
    --------
    >>> import numpy as np
    >>> from nestwise._base.table import Table
    >>> to_native(Table({"estimate": np.array([1.5])}), {"x": [1]}).shape
    (1, 1)
    """
    if isinstance(data, (pd.DataFrame, Mapping)):
        frame = pd.DataFrame({name: _pandas_column(v) for name, v in table.columns.items()})
        if table.note:
            frame.attrs["note"] = table.note
        return frame
    backend = nw.from_native(data, eager_only=True).implementation
    columns = {name: _plain(values) for name, values in table.columns.items()}
    return nw.from_dict(columns, backend=backend).to_native()


def with_columns(data: Any, kept: BoolArray | None, table: Table) -> Any:
    """The rows of the caller's table that were used, with further columns.

    Parameters
    ----------
    data : table
        The caller's data.
    kept : (n_data,) bool or None
        Which rows to keep; all when None.
    table : Table
        Columns to add, one value a kept row.

    Returns
    -------
    DataFrame or Table
        A new table in the caller's kind.

    Raises
    ------
    DataError
        When the data already have a column of one of these names.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from nestwise._base.table import Table
    >>> data = pd.DataFrame({"x": [1, 2]})
    >>> with_columns(data, np.array([False, True]), Table({"fitted": np.array([0.5])})).columns
    Index(['x', 'fitted'], dtype='...')
    """
    native = pd.DataFrame(data) if isinstance(data, Mapping) else data
    frame = nw.from_native(native, eager_only=True)
    taken = [name for name in table if name in frame.columns]
    if taken:
        raise DataError(
            f"the data already have a column {taken[0]!r}, which augment would add; rename or "
            "drop it first"
        )
    rows = frame if kept is None else frame.filter(kept.tolist())
    if isinstance(rows.to_native(), pd.DataFrame):
        columns = {name: np.asarray(values) for name, values in table.columns.items()}
        return rows.to_native().assign(**columns)
    added = nw.from_dict(
        {name: _plain(v) for name, v in table.columns.items()}, backend=frame.implementation
    )
    return nw.concat([rows, added], how="horizontal").to_native()


def used_rows(data: Any, kept: BoolArray | None) -> Any:
    """The rows that a fit used, in the caller's kind of table.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> used_rows(pd.DataFrame({"x": [1, 2]}), np.array([False, True]))["x"].tolist()
    [2]
    """
    if kept is None:
        return data
    if isinstance(data, Mapping):
        return {name: np.asarray(values)[kept] for name, values in data.items()}
    return nw.from_native(data, eager_only=True).filter(kept.tolist()).to_native()


def as_control(control: Control | Mapping[str, Any] | None) -> Control:
    """A `Control` from what the caller gave: one, a mapping of its fields, or nothing.

    Raises
    ------
    OptionError
        When a field is not known or out of range.

    Examples
    --------
    >>> as_control({"max_evaluations": 50}).max_evaluations
    50
    >>> as_control({"max_evals": 50})
    Traceback (most recent call last):
    nestwise._base.errors.OptionError: control='max_evals' is not known; use one of ...
    """
    if control is None:
        return Control()
    if isinstance(control, Control):
        return control
    if not isinstance(control, Mapping):
        raise OptionError(f"control={control!r} is neither a Control nor a dict of its options")
    fields = [field.name for field in dataclasses.fields(Control)]
    return Control(**{one_of("control", name, fields): value for name, value in control.items()})


def _pandas_column(values: AnyArray) -> Any:
    return list(values) if values.dtype == object else values


def _plain(values: AnyArray) -> Any:
    return list(values) if values.dtype == object else np.ascontiguousarray(values)
