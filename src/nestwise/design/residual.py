"""What residual structures and variance functions read of the rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import DataError
from nestwise.design.groups import grouping_factor, level_labels
from nestwise.design.model import GroupingFactor
from nestwise.design.values import Factor, Numeric, Value, as_float, refuse_dates
from nestwise.formula.residual import (
    Labelled,
    ResidualFormula,
    VarianceFormula,
    VariancePart,
    parse_residual,
    parse_variance,
)

EQUAL_STEPS = 1e-8
"""Relative difference of the steps between visits that still counts as equal."""

BY_ORDER = ("ar1", "ar1h", "toep", "toeph")
"""Structures that take visits as equally spaced."""


@dataclass(frozen=True, slots=True)
class ResidualRequest:
    """The residual part of a call, parsed."""

    residual: ResidualFormula | None
    variance: VarianceFormula | None

    @property
    def variables(self) -> Labelled:
        """All variables that it needs."""
        parts = (self.residual, self.variance)
        return tuple(v for part in parts if part is not None for v in part.variables)


@dataclass(frozen=True, slots=True, eq=False)
class VarianceColumn:
    """One factor of the residual standard deviation, by row.

    Parameters
    ----------
    part : VariancePart
        As written.
    covariate : (n,) float64 or None
        Values of its covariate; None for strata and for the fitted values.
    strata : GroupingFactor or None
        Levels with a parameter of their own.
    """

    part: VariancePart
    covariate: FloatArray | None
    strata: GroupingFactor | None


@dataclass(frozen=True, slots=True, eq=False)
class ResidualPart:
    """Subjects, visits and variance covariates of the rows of a design.

    Parameters
    ----------
    request : ResidualRequest
        As written.
    subject : GroupingFactor or None
        Subject of every row, within arms; None without a residual structure.
    arm : GroupingFactor or None
        Arm of every row; None when all share one matrix.
    visit : (n,) int32
        Position of each row's visit among the levels, from 0.
    visit_labels : tuple of str
        The levels in order.
    visit_values : ndarray or None
        What the visit variable holds at each level; None when visits count the rows.
    time : (n,) or (n, d) float64 or None
        Numeric times or coordinates; None when the variable is no number.
    variance : tuple of VarianceColumn
        The variance function; its parts multiply.
    diagnostics : tuple of Diagnostic
        Remarks on the order of visits.
    """

    request: ResidualRequest
    subject: GroupingFactor | None
    arm: GroupingFactor | None
    visit: IntArray
    visit_labels: tuple[str, ...]
    visit_values: AnyArray | None
    time: FloatArray | None
    variance: tuple[VarianceColumn, ...]
    diagnostics: tuple[Diagnostic, ...]


def residual_request(
    residual: str | None, variance: str | None, functions: tuple[str, ...]
) -> ResidualRequest:
    """Parse the two arguments."""
    return ResidualRequest(
        None if residual is None else parse_residual(residual, functions),
        None if variance is None else parse_variance(variance, functions),
    )


def build_residual(
    request: ResidualRequest,
    values: Mapping[str, Value],
    kept: BoolArray | None,
    n: int,
) -> ResidualPart | None:
    """Arrays of the residual part.

    Parameters
    ----------
    request : ResidualRequest
        Parsed arguments.
    values : mapping
        Value of each variable in the rows used.
    kept : (n_data,) bool or None
        Which rows of the table are used, to name rows.
    n : int
        Rows used.

    Returns
    -------
    ResidualPart or None
        None when neither argument was given.

    Raises
    ------
    DataError
        When a subject has two rows of the same visit, or a covariate is no number.
    """
    if request.residual is None and request.variance is None:
        return None
    variance = () if request.variance is None else request.variance.parts
    columns = tuple(_variance_column(part, values) for part in variance)
    spec = request.residual
    if spec is None:
        none = np.zeros(n, dtype=np.int32)
        return ResidualPart(request, None, None, none, (), None, None, columns, ())
    arm = _factor(spec.arms, values)
    subject = _factor((*spec.arms, *spec.subject), values)
    assert subject is not None
    visit, labels, levels = _visits(spec, values, subject.codes)
    time = _times(spec, values)
    _refuse_duplicates(spec, subject, visit, labels, time, kept)
    told = _remarks(spec, levels, labels)
    return ResidualPart(request, subject, arm, visit, labels, levels, time, columns, told)


def _factor(variables: Labelled, values: Mapping[str, Value]) -> GroupingFactor | None:
    if not variables:
        return None
    names = tuple(label for label, _ in variables)
    return grouping_factor(":".join(names), names, [values[v] for v in names])


def _variance_column(part: VariancePart, values: Mapping[str, Value]) -> VarianceColumn:
    strata = _factor(part.strata, values)
    if part.kind == "strata" and strata is not None and strata.n_levels < 2:
        raise DataError(
            f"variance='{part.label}': there is only one level, so that there is nothing to compare"
        )
    if part.covariate is None:
        return VarianceColumn(part, None, strata)
    label = part.covariate[0]
    numbers = as_float(values[label], f"the variance function {part.label}")
    if numbers.ndim != 1:
        raise DataError(f"the variance function {part.label} needs one column of numbers")
    return VarianceColumn(part, np.array(numbers), strata)


def _visits(
    spec: ResidualFormula, values: Mapping[str, Value], subjects: IntArray
) -> tuple[IntArray, tuple[str, ...], AnyArray | None]:
    """Index, labels and values of the visit levels; coordinates have none but their number."""
    if len(spec.times) != 1:
        counted = _running_count(subjects)
        return counted, _numbered(int(counted.max(initial=-1)) + 1), None
    value = values[spec.times[0][0]]
    refuse_dates(value, f"residual='{spec.text}': the visit '{spec.times[0][0]}'")
    if isinstance(value, Numeric) and value.values.ndim != 1:
        raise DataError(f"the visit '{spec.times[0][0]}' has several columns; name one")
    factor = grouping_factor("visit", ("visit",), [value])
    return factor.codes, tuple(level_labels(factor).tolist()), factor.parts[0]


@lru_cache(maxsize=64)
def _numbered(n: int) -> tuple[str, ...]:
    """Labels 1 to n."""
    return tuple(str(i + 1) for i in range(n))


def _running_count(codes: IntArray) -> IntArray:
    """How many earlier rows have the same code."""
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    out = np.empty(codes.size, dtype=np.int32)
    out[order] = np.arange(codes.size) - first
    return out


def _times(spec: ResidualFormula, values: Mapping[str, Value]) -> FloatArray | None:
    found = [values[label] for label, _ in spec.times]
    categories = [label for label, _ in spec.times if isinstance(values[label], Factor)]
    if len(found) > 1 and categories:
        raise DataError(f"residual='{spec.text}': the coordinate '{categories[0]}' is no number")
    if not found or categories:
        return None
    columns = [as_float(value, label) for value, (label, _) in zip(found, spec.times, strict=True)]
    if any(column.ndim != 1 for column in columns):
        raise DataError(f"residual='{spec.text}': times and coordinates are single columns")
    return np.array(columns[0]) if len(columns) == 1 else np.column_stack(columns)


def _refuse_duplicates(
    spec: ResidualFormula,
    subject: GroupingFactor,
    visit: IntArray,
    labels: tuple[str, ...],
    time: FloatArray | None,
    kept: BoolArray | None,
) -> None:
    """Two rows of a subject at the same visit or place would be perfectly correlated."""
    if not spec.times:
        return
    if len(spec.times) == 1:
        key = subject.codes.astype(np.int64) * len(labels) + visit
    else:
        assert time is not None
        _, key = np.unique(np.column_stack([subject.codes, time]), axis=0, return_inverse=True)
        key = key.ravel()
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(np.diff(key[order]) == 0)
    if not again.size:
        return
    first = order[again[0] : again[0] + 2]
    rows = first if kept is None else np.flatnonzero(kept)[first]
    who = level_labels(subject)[subject.codes[first[0]]]
    where = labels[visit[first[0]]] if len(spec.times) == 1 else "the same place"
    what = ", ".join(label for label, _ in spec.times)
    raise DataError(
        f"residual='{spec.text}': subject {who} has two rows with {what} = {where} (rows "
        f"{rows[0]} and {rows[1]}, counted from 0; {again.size} such pairs in all); keep one row "
        "for each visit of a subject, or name what tells the rows apart"
    )


def _remarks(
    spec: ResidualFormula, levels: AnyArray | None, labels: tuple[str, ...]
) -> tuple[Diagnostic, ...]:
    if levels is None or len(labels) < 3:
        return ()
    if levels.dtype.kind in "iuf":
        steps = np.diff(levels.astype(np.float64))
        if spec.structure in BY_ORDER and np.ptp(steps) > EQUAL_STEPS * np.abs(steps).max():
            return (_unequal(spec, labels),)
        return ()
    by_number = sorted(labels, key=_number_key)
    if list(labels) == sorted(labels) and by_number != list(labels):
        shown = ", ".join(labels[:6]) + (", ..." if len(labels) > 6 else "")
        return (
            Diagnostic(
                "visit-order",
                f"Visits are taken in alphabetical order: {shown}.",
                "Make the visit a categorical column with its levels in order, or a number.",
            ),
        )
    return ()


def _unequal(spec: ResidualFormula, labels: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        "visit-spacing",
        f"{spec.structure} takes the visits {', '.join(labels[:8])} as equally spaced, which their "
        "numbers are not.",
        f"Where time matters and not the order, use car1({spec.times[0][0]} | ...).",
    )


def _number_key(label: str) -> list[tuple[int, str]]:
    return [(int(t), "") if t.isdigit() else (-1, t) for t in re.split(r"(\d+)", label)]


__all__ = [
    "ResidualPart",
    "ResidualRequest",
    "VarianceColumn",
    "build_residual",
    "residual_request",
]
