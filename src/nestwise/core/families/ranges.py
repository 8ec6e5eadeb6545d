"""Checks of a response against the range of a family, naming rows."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import DataError


def refuse(bad: BoolArray, y: FloatArray, rows: IntArray | None, family: str, needs: str) -> None:
    """Raise when any response is out of range, naming the first five rows and the values.

    Parameters
    ----------
    bad : (n,) bool
        The offending rows.
    y : (n,) float64
        The response.
    rows : (n,) int or None
        Row numbers in the caller's table, counted from 0; None is 0, 1, ...
    family, needs : str
        Words of the message.

    Raises
    ------
    DataError
        When any is bad.

    Examples
    --------
    >>> refuse(np.array([False]), np.ones(1), None, "poisson", "counts of zero or more")
    """
    if not bad.any():
        return
    raise DataError(
        f"the response is out of the range of the {family} family in {where(bad, y, rows)}; "
        f"it needs {needs}"
    )


def where(bad: BoolArray, y: FloatArray, rows: IntArray | None) -> str:
    """ "2 rows: row 3 (-1), row 7 (-2)" for a message.

    Examples
    --------
    >>> where(np.array([False, True]), np.array([1.0, -2.5]), None)
    'row 1 (-2.5)'
    """
    index = np.flatnonzero(bad)
    named = index[:5] if rows is None else rows[index[:5]]
    shown = [f"row {r} ({v:.6g})" for r, v in zip(named, y[index[:5]], strict=True)]
    text = ", ".join(shown) + (", ..." if index.size > 5 else "")
    return text if index.size == 1 else f"{index.size} rows: {text}"


def not_whole(counts: FloatArray, rows: IntArray | None, what: str) -> tuple[Diagnostic, ...]:
    """A diagnostic when counts are not whole numbers: R warns and goes on, and so do we."""
    if (counts == np.rint(counts)).all():
        return ()
    bad = np.asarray(np.abs(counts - np.round(counts)) > 1e-7 * np.maximum(1.0, np.abs(counts)))
    if not bad.any():
        return ()
    return (
        Diagnostic(
            "non-integer-counts",
            f"The {what} are not whole numbers in {where(bad, counts, rows)}.",
            "The likelihood is continued between the integers; check that the response holds "
            "counts and not rates, which need weights or an offset.",
        ),
    )
