"""One column of a table as plain arrays, and the labels of levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray
from nestwise._base.errors import DataError
from nestwise.design.collate import sort_text

Kind = Literal["number", "logical", "factor"]

DATES_ADVICE = "turn it into a number first, such as days"


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
    dates : bool
        Whether the levels of a factor are dates or times.
    """

    kind: Kind
    values: AnyArray
    levels: AnyArray | None = None
    ordered: bool = False
    missing: BoolArray | None = None
    dates: bool = False


def refuse_kind(name: str, described: str) -> DataError:
    """The error for a column that no model can use."""
    lowered = described.lower()
    if "complex" in lowered:
        return _unusable(name, "complex numbers", "use their real part or modulus")
    if "date" in lowered or "time" in lowered or "duration" in lowered:
        return _unusable(name, "dates or times", DATES_ADVICE)
    return _unusable(name, f"values of type {described}", "use numbers, text or categories")


def _unusable(name: str, what: str, advice: str) -> DataError:
    return DataError(f"column '{name}' holds {what}; {advice}")


def sorted_factor(codes: AnyArray, texts: list[str]) -> Column:
    """A factor from codes by first appearance; its levels are sorted as R sorts them.

    Parameters
    ----------
    codes : (n,) int
        Position in `texts`, -1 where missing.
    texts : list of str
        The values that occur; some may be equal after conversion to text.

    Examples
    --------
    >>> sorted_factor(np.array([0, 1, -1]), ["b", "a"]).values.tolist()
    [1, 0, -1]
    """
    ordered = sort_text(dict.fromkeys(texts))
    position = {text: i for i, text in enumerate(ordered)}
    # The last entry takes the code -1 of missing values.
    lookup = np.array([*map(position.__getitem__, texts), -1], dtype=np.int32)
    return Column("factor", lookup[codes], np.array(ordered, dtype=object))


def plain_label(value: Any) -> str:
    """A category as R would label it.

    Examples
    --------
    >>> plain_label(2.0), plain_label(True)
    ('2', 'TRUE')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)
