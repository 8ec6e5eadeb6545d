"""The response of a count of successes: from 0/1, two categories, cbind or a proportion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray
from nestwise._base.errors import DataError, one_of
from nestwise.design.check import check_response, check_varies
from nestwise.design.values import (
    Factor,
    Logical,
    Numeric,
    Value,
    as_float,
    drop_unused,
    refuse_dates,
)

KINDS = ("number", "proportion")
"""What a family asks of a response: numbers, or a share of successes among trials."""


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """A response as numbers.

    Parameters
    ----------
    y : (n,) float64
        The numbers; for ``"proportion"`` the share of successes.
    trials : (n,) float64 or None
        Trials of ``cbind(successes, failures)``; None when every row has one, or `weights` tell.
    categories : (2,) ndarray of object or None
        Failure and success of a response of two categories.
    """

    y: FloatArray
    trials: FloatArray | None = None
    categories: AnyArray | None = None


def read_response(
    label: str,
    value: Value,
    kind: str,
    categories: AnyArray | None = None,
    kept: BoolArray | None = None,
) -> Response:
    """The numbers that a family takes from a response.

    Parameters
    ----------
    label : str
        The response as written.
    value : Value
        Its value in the rows used.
    kind : {"number", "proportion"}
        What the family asks for.
    categories : (2,) ndarray of object, optional
        Failure and success as the fit had them, for new rows.
    kept : (n_rows,) bool, optional
        Which rows of the table are used, all when None; messages count rows of the table.

    Returns
    -------
    Response

    Raises
    ------
    DataError
        When the response is of another kind.

    Examples
    --------
    >>> yes = Factor(np.array([1, 0], np.int32), np.array(["no", "yes"], object))
    >>> read_response("use", yes, "proportion").y.tolist()
    [1.0, 0.0]
    """
    if one_of("response", kind, KINDS) == "number":
        return Response(np.array(check_response(label, value), order="C"))
    refuse_dates(value, f"the response '{label}'")
    if isinstance(value, Factor):
        return _two_levels(label, value, categories)
    if isinstance(value, Logical):
        return Response(as_float(value, label))
    numbers = as_float(value, label)
    if numbers.ndim == 1:
        return Response(np.array(numbers, order="C"))
    if numbers.shape[1] != 2 or not label.startswith("cbind("):
        raise DataError(
            f"the response '{label}' has {numbers.shape[1]} columns; write successes and failures "
            "as cbind(successes, failures)"
        )
    return _two_columns(label, numbers, kept)


def _two_levels(label: str, value: Value, categories: AnyArray | None) -> Response:
    """Failure is the first level that occurs, success the second, as in R."""
    if categories is None:
        value = drop_unused(value)
    assert isinstance(value, Factor)
    levels = value.levels if categories is None else categories
    if len(levels) != 2:
        shown = ", ".join(repr(str(v)) for v in levels[:4]) + (", ..." if len(levels) > 4 else "")
        raise DataError(
            f"the response '{label}' has {len(levels)} categories ({shown}); a binomial family "
            f"needs two, failure and success: write for instance I({label} == "
            f"{str(levels[-1])!r}) ~ ..."
        )
    success = value.levels[value.codes] == levels[1]
    return Response(np.asarray(success, dtype=np.float64), None, levels)


def _two_columns(label: str, counts: FloatArray, kept: BoolArray | None) -> Response:
    if (counts < 0).any():
        used = np.arange(len(counts)) if kept is None else np.flatnonzero(kept)
        rows = used[(counts < 0).any(axis=1)]
        shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise DataError(f"{label} has a negative count in row{'s' * (len(rows) > 1)} {shown}")
    trials = counts.sum(axis=1)
    return Response(counts[:, 0] / trials, trials)


def without_trials(label: str, value: Value, kind: str) -> BoolArray | None:
    """Rows of ``cbind(0, 0)``, which say nothing; None when there is no such row.

    Examples
    --------
    >>> counts = Numeric(np.array([[1.0, 2.0], [0.0, 0.0]]))
    >>> without_trials("cbind(a, b)", counts, "proportion").tolist()
    [False, True]
    """
    if kind != "proportion" or not isinstance(value, Numeric) or value.values.ndim != 2:
        return None
    empty = np.asarray((value.values == 0).all(axis=1))
    return empty if empty.any() else None


def all_weights(trials: FloatArray | None, weights: FloatArray | None) -> FloatArray | None:
    """Trials times prior weights; None when there are neither.

    Examples
    --------
    >>> all_weights(np.array([2.0]), np.array([3.0])).tolist()
    [6.0]
    """
    if trials is None or weights is None:
        return weights if trials is None else trials
    return trials * weights


def check_informative(label: str, response: Response, kind: str) -> None:
    """Refuse a response that is the same in every row, or all successes or all failures.

    Raises
    ------
    DataError
        When there is nothing to explain.
    """
    y = response.y
    if kind == "number" or (y == 0.0).all() or (y == 1.0).all():
        check_varies(label, y)


def success_text(label: str, categories: AnyArray | None) -> str:
    """Which category counts as success, for summaries; empty when there are no categories.

    Examples
    --------
    >>> success_text("use", np.array(["N", "Y"], dtype=object))
    "use = 'Y' counts as success, 'N' as failure"
    """
    if categories is None:
        return ""
    return f"{label} = '{categories[1]}' counts as success, '{categories[0]}' as failure"
