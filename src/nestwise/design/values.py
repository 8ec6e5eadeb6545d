"""What an expression of a formula evaluates to: numbers, a factor, or truth values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TypeAlias

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.design.column import DATES_ADVICE, Column


@dataclass(frozen=True, slots=True, eq=False)
class Numeric:
    """Numbers: one column, or several with the suffixes of their names.

    Parameters
    ----------
    values : (n,) or (n, k) ndarray
        NaN where missing.
    suffixes : tuple of str or None
        For a matrix: ``("1", "2")`` for ``poly(x, 2)``.
    """

    values: AnyArray
    suffixes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A factor.

    Parameters
    ----------
    codes : (n,) int32
        Level of each row, -1 where missing.
    levels : (k,) ndarray of object
        Labels of the levels.
    ordered : bool
        Whether its default contrasts are polynomial.
    contrast : str or None
        Name of the contrasts that `C` asked for.
    dates : bool
        Whether it is a column of dates or times, which may group but is no factor otherwise.
    """

    codes: IntArray
    levels: AnyArray
    ordered: bool = False
    contrast: str | None = None
    dates: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Logical:
    """Truth values; coded like a factor with levels FALSE and TRUE."""

    values: BoolArray
    missing: BoolArray | None = None


Value: TypeAlias = Numeric | Factor | Logical
Scalar: TypeAlias = float | str | bool | tuple["Scalar", ...] | None

LOGICAL_LEVELS = np.array(["FALSE", "TRUE"], dtype=object)


def value_of_column(column: Column) -> Value:
    """The value that a bare column name stands for."""
    if column.kind == "factor":
        assert column.levels is not None
        return Factor(column.values, column.levels, column.ordered, dates=column.dates)
    if column.kind == "logical":
        return Logical(column.values, column.missing)
    return Numeric(column.values)


@dataclass(frozen=True, slots=True, eq=False)
class Holes:
    """Rows where a value is missing and rows where it is infinite; None for no such row."""

    missing: BoolArray | None
    infinite: BoolArray | None


_NO_HOLES = Holes(None, None)


def find_holes(value: Value) -> Holes:
    """Where a value is missing or infinite.

    Examples
    --------
    >>> find_holes(Numeric(np.array([1.0, np.nan]))).missing.tolist()
    [False, True]
    """
    if isinstance(value, Factor):
        if value.codes.size == 0 or value.codes.min() >= 0:
            return _NO_HOLES
        return Holes(np.asarray(value.codes < 0), None)
    if isinstance(value, Logical):
        return _NO_HOLES if value.missing is None else Holes(value.missing, None)
    if value.values.dtype.kind != "f":
        return _NO_HOLES
    # A sum of squares is finite only if all entries are: one pass without a mask in the common
    # case, and BLAS raises no flags where it overflows.
    numbers = value.values
    if numbers.ndim == 1 and isfinite(np.vdot(numbers, numbers)):
        return _NO_HOLES
    return Holes(_rows(np.isnan(value.values)), _rows(np.isinf(value.values)))


def _rows(entries: AnyArray) -> BoolArray | None:
    """Rows with any of their entries set; None when there is none."""
    rows = np.asarray(entries if entries.ndim == 1 else entries.any(axis=1), dtype=np.bool_)
    return rows if rows.any() else None


def without_rows(value: Value) -> Value:
    """What kind of value it is: its levels, contrasts and columns, but no row.

    Examples
    --------
    >>> without_rows(Numeric(np.array([1.0, 2.0]))).values.shape
    (0,)
    """
    if isinstance(value, Factor):
        return replace(value, codes=value.codes[:0].copy())
    if isinstance(value, Logical):
        return Logical(value.values[:0].copy())
    return Numeric(value.values[:0].copy(), value.suffixes)


def take_rows(value: Value, kept: BoolArray) -> Value:
    """The value in the kept rows."""
    if isinstance(value, Factor):
        return replace(value, codes=value.codes[kept])
    if isinstance(value, Logical):
        missing = None if value.missing is None else value.missing[kept]
        return Logical(value.values[kept], missing)
    return Numeric(value.values[kept], value.suffixes)


def drop_unused(value: Value) -> Value:
    """A factor without the levels that do not occur; other values as they are."""
    if not isinstance(value, Factor):
        return value
    used = np.zeros(len(value.levels), dtype=np.bool_)
    used[value.codes] = True
    if used.all():
        return value
    lookup = (np.cumsum(used) - 1).astype(np.int32)
    return replace(value, codes=lookup[value.codes], levels=value.levels[used])


def as_float(value: Value | Scalar, what: str) -> FloatArray:
    """Numbers as float64; truth values count 0 and 1, missing ones NaN.

    Raises
    ------
    DataError
        For a factor or text.
    """
    if isinstance(value, Numeric):
        return value.values.astype(np.float64, copy=False)
    if isinstance(value, Logical):
        numbers = value.values.astype(np.float64)
        if value.missing is not None:
            numbers[value.missing] = np.nan
        return numbers
    if isinstance(value, (bool, int, float)):
        return np.asarray(float(value))
    if isinstance(value, Factor):
        refuse_dates(value, what)
        raise DataError(f"{what} needs numbers, but got categories or text")
    raise DataError(f"{what} needs numbers, got {value!r}")


def refuse_dates(value: Value, what: str, otherwise: str = "") -> None:
    """Refuse dates where they are more than labels of groups: R takes them for numbers there.

    Raises
    ------
    DataError
        When the value is a column of dates or times.

    Examples
    --------
    >>> refuse_dates(Numeric(np.array([1.0])), "'x'")
    """
    if isinstance(value, Factor) and value.dates:
        raise DataError(f"{what} holds dates or times; {DATES_ADVICE}{otherwise}")


def as_factor(value: Value) -> Factor:
    """A factor as it is; numbers and truth values by their sorted distinct values."""
    if isinstance(value, Factor):
        return value
    if isinstance(value, Logical):
        codes = value.values.astype(np.int32)
        if value.missing is not None:
            codes[value.missing] = -1
        present = np.unique(codes[codes >= 0])
        lookup = np.full(3, -1, dtype=np.int32)
        lookup[present] = np.arange(present.size)
        return Factor(lookup[codes], LOGICAL_LEVELS[present])
    if value.values.ndim != 1:
        raise DataError("a matrix of several columns cannot be a factor")
    numbers = value.values
    present = np.unique(numbers)
    present = present[~np.isnan(present)] if present.dtype.kind == "f" else present
    codes = np.searchsorted(present, numbers).astype(np.int32)
    if numbers.dtype.kind == "f":
        codes[np.isnan(numbers)] = -1
    return Factor(codes, labels_of(present))


def labels_of(values: AnyArray) -> AnyArray:
    """Level labels as R prints them: ``"1"`` for 1.0, ``"TRUE"``, text as it is.

    Examples
    --------
    >>> labels_of(np.array([1.0, 2.5])).tolist()
    ['1', '2.5']
    """
    if values.dtype.kind == "O":
        return values
    if values.dtype.kind == "b":
        return LOGICAL_LEVELS[values.astype(np.intp)]
    if values.dtype.kind in "iu":
        return np.array([str(v) for v in values.tolist()], dtype=object)
    return np.array([_number_label(v) for v in values.tolist()], dtype=object)


def _number_label(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
