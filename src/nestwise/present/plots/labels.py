"""What axes are called: the label and unit that the data carry, else the column's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from nestwise.inference.kinds import Fit


def label_of(data: Any, name: str, *, unit: bool = True) -> str:
    """The words for a column on an axis.

    Parameters
    ----------
    data : table
        The caller's data. A pandas frame may carry ``attrs["labels"]`` and ``attrs["units"]``
        (column name to text; files of SPSS and Stata bring labels with them), an Arrow table the
        field metadata ``label`` and ``unit``.
    name : str
        Column, or an expression of a formula, which has neither label nor unit of its own.
    unit : bool
        Whether the unit is added in parentheses.

    Returns
    -------
    str

    Examples
    --------
    >>> frame = pd.DataFrame({"rt": [250.0]})
    >>> label_of(frame, "rt")
    'rt'
    >>> frame.attrs |= {"labels": {"rt": "Reaction time"}, "units": {"rt": "ms"}}
    >>> label_of(frame, "rt"), label_of(frame, "log(rt)")
    ('Reaction time (ms)', 'log(rt)')
    """
    words = _noted(data, "labels", name) or name
    measure = _noted(data, "units", name) if unit else ""
    return f"{words} ({measure})" if measure else words


def response_label(fit: Fit, data: Any = None, *, unit: bool = True) -> str:
    """The words for the response.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> model = nw.lm("Reaction ~ Days", data)
    >>> response_label(model.fit), response_label(model.fit, data)
    ('Reaction', 'Reaction (ms)')
    """
    return label_of(data, fit.design.formula.response_label, unit=unit)


def _noted(data: Any, kind: str, name: str) -> str:
    if isinstance(data, pd.DataFrame):
        notes = data.attrs.get(kind)
        return str(notes.get(name) or "") if isinstance(notes, Mapping) else ""
    if type(data).__module__.partition(".")[0] == "pyarrow" and name in data.column_names:
        found = (data.schema.field(name).metadata or {}).get(kind.removesuffix("s").encode())
        return found.decode() if found else ""
    return ""


__all__ = ["label_of", "response_label"]
