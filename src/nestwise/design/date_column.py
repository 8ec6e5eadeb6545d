"""Columns of dates and times: numbers to no model here, but labels of groups, as R's factor has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from nestwise.design.column import Column, refuse_kind, sorted_factor


def from_dates(name: str, values: Any) -> Column:
    """A factor whose levels are dates, marked as such.

    Parameters
    ----------
    name : str
        The column, for messages.
    values : array of datetime64, of pandas' own times, or of Python's dates
        In any unit; a time zone shows in the labels.

    Returns
    -------
    Column
        Levels in the order of time, labelled ``2024-01-31`` at midnight and otherwise
        ``2024-01-31 10:30:00``.

    Raises
    ------
    DataError
        When pandas cannot read the values as times.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.array(["2024-02-01", "2024-01-31", "NaT"], dtype="datetime64[D]")
    >>> column = from_dates("day", days)
    >>> column.levels.tolist(), column.values.tolist()
    (['2024-01-31', '2024-02-01'], [1, 0, -1])
    """
    try:
        times = pd.to_datetime(pd.Series(values))
        codes, found = pd.factorize(times)
        texts = [_label(time) for time in pd.DatetimeIndex(found)]
    except (ValueError, TypeError, OverflowError):
        raise refuse_kind(name, "mixed dates and times") from None
    return replace(sorted_factor(codes, texts), dates=True)


def _label(time: pd.Timestamp) -> str:
    # As R since 4.3 each time by itself, so that new rows do not change the labels of old ones.
    return time.date().isoformat() if time == time.normalize() else time.isoformat(sep=" ")
