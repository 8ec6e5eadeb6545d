"""Grouping factors: dense level codes and the values that levels stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray, IntArray
from nestwise._base.errors import DataError
from nestwise.design.model import GroupingFactor
from nestwise.design.values import Factor, Logical, Numeric, Value, labels_of

_SPARE = 1_000_000
"""A table for counting may have this many entries more than there are rows."""


def grouping_factor(name: str, variables: tuple[str, ...], values: list[Value]) -> GroupingFactor:
    """Code a grouping factor; levels that do not occur are left out.

    Parameters
    ----------
    name : str
        As lme4 prints it.
    variables : tuple of str
        Labels of the variables whose interaction it is.
    values : list of Value
        Their values, none missing.

    Returns
    -------
    GroupingFactor
        Levels in order: of an interaction the first variable varies slowest.

    Examples
    --------
    >>> f = grouping_factor("g", ("g",), [Numeric(np.array([20, 10, 20]))])
    >>> f.codes.tolist(), f.parts[0].tolist()
    ([1, 0, 1], [10, 20])
    """
    codes, present = code_levels(values[0], name)
    parts: tuple[AnyArray, ...] = (present,)
    for value in values[1:]:
        more, levels = code_levels(value, name)
        joint = codes.astype(np.int64) * len(levels) + more
        codes, found = compact(joint, len(parts[0]) * len(levels))
        first, second = np.divmod(found, len(levels))
        parts = (*(p[first] for p in parts), levels[second])
    return GroupingFactor(name, codes, len(parts[0]), parts, variables)


def code_levels(value: Value, name: str) -> tuple[IntArray, AnyArray]:
    """Dense codes of one variable and its levels that occur, in order.

    Raises
    ------
    DataError
        For a matrix, which cannot be a group.
    """
    if isinstance(value, Factor):
        codes, present = compact(value.codes, len(value.levels))
        return codes, value.levels[present]
    if isinstance(value, Logical):
        codes, present = compact(value.values.astype(np.int32), 2)
        return codes, present.astype(np.bool_)
    if value.values.ndim != 1:
        raise DataError(f"'{name}' has several columns; it cannot be a group")
    return _code_numbers(value)


def _code_numbers(value: Numeric) -> tuple[IntArray, AnyArray]:
    numbers = value.values
    if numbers.size == 0:
        return np.zeros(0, np.int32), numbers
    low, high = numbers.min(), numbers.max()
    whole = numbers.dtype.kind in "iu"
    if whole and numbers.itemsize < 4:
        numbers = numbers.astype(np.int32)  # differences of bytes would overflow
    if not whole and np.isfinite(low) and np.isfinite(high) and abs(low) < 2**53 > abs(high):
        as_integers = numbers.astype(np.int64)
        if np.array_equal(as_integers, numbers):
            numbers, whole = as_integers, True
    if whole and int(high) - int(low) < numbers.size + _SPARE:
        shifted = numbers - numbers.dtype.type(low) if low else numbers
        codes, present = compact(shifted, int(high) - int(low) + 1)
        return codes, present.astype(np.int64) + int(low)
    found, distinct = pd.factorize(numbers, sort=True)
    return found.astype(np.int32), np.asarray(distinct)


def compact(codes: AnyArray, size: int) -> tuple[IntArray, AnyArray]:
    """Renumber codes 0 .. size - 1 so that every number occurs; keep their order.

    Returns
    -------
    codes : (n,) int32
        The new codes.
    present : (k,) int64
        The old code of each new one.

    Examples
    --------
    >>> codes, present = compact(np.array([5, 2, 5]), 7)
    >>> codes.tolist(), present.tolist()
    ([1, 0, 1], [2, 5])
    """
    if size > codes.size + _SPARE:
        found, present = pd.factorize(codes, sort=True)
        return found.astype(np.int32), np.asarray(present, dtype=np.int64)
    seen = np.zeros(size, dtype=np.bool_)
    seen[codes] = True
    present = np.flatnonzero(seen)
    if present.size == size:
        return codes.astype(np.int32), present
    lookup = np.cumsum(seen, dtype=np.int32) - np.int32(1)
    return lookup[codes], present


def level_labels(factor: GroupingFactor) -> AnyArray:
    """Labels of the levels as R prints them.

    Parameters
    ----------
    factor : GroupingFactor
        Of a design.

    Returns
    -------
    (n_levels,) ndarray of object
        ``"308"``, or ``"1:160"`` in the order of the factor's name.

    Examples
    --------
    >>> a = Numeric(np.array([1.0, 2.0]))
    >>> b = Factor(np.array([0, 0]), np.array(["x"], dtype=object))
    >>> level_labels(grouping_factor("a:b", ("a", "b"), [a, b])).tolist()
    ['1:x', '2:x']
    """
    texts = [labels_of(part) for part in factor.parts]
    if len(texts) == 1:
        return texts[0]
    joined = [":".join(level) for level in zip(*texts, strict=True)]
    return np.array(joined, dtype=object)
