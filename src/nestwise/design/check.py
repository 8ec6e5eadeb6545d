"""Is there anything to fit: checks of response, weights and grouping factors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise._base.errors import DataError, OptionError
from nestwise.design.model import Design
from nestwise.design.values import Factor, Logical, Value, as_float, refuse_dates


def check_response(label: str, value: Value) -> FloatArray:
    """The response as a fresh float64 array.

    Raises
    ------
    DataError
        When it is text, a factor, truth values or a matrix.
    """
    refuse_dates(value, f"the response '{label}'")
    if isinstance(value, Factor):
        levels = ", ".join(repr(str(v)) for v in value.levels[:4])
        more = ", ..." if len(value.levels) > 4 else ""
        advice = (
            "use glmer with family='binomial'"
            if len(value.levels) == 2
            else "this model needs numbers as its response"
        )
        raise DataError(f"the response '{label}' is text or categories ({levels}{more}); {advice}")
    if isinstance(value, Logical):
        raise DataError(
            f"the response '{label}' is true or false; use glmer with family='binomial', or write "
            f"as.numeric({label}) ~ ... to take it as 0 and 1"
        )
    numbers = as_float(value, label)
    if numbers.ndim == 2:
        if label.startswith("cbind("):
            raise DataError(f"{label} needs a binomial family: use glmer")
        raise DataError(f"the response '{label}' has {numbers.shape[1]} columns; it must have one")
    return numbers


def check_varies(label: str, y: FloatArray) -> None:
    """Refuse a response that is the same in every row."""
    if y.size and y[0] == y[-1] and (y == y[0]).all():
        raise DataError(
            f"the response '{label}' is constant: every row is {y[0]:.6g}; there is "
            "nothing to explain"
        )


def check_magnitude(label: str, values: FloatArray, limit: float) -> None:
    """Refuse numbers whose squares, and products of squares, floating point cannot hold.

    Parameters
    ----------
    label : str
        What they are, for the message.
    values : (n,) float64
        The numbers, none of them missing.
    limit : float
        Largest size that is accepted; its inverse is the smallest, unless all are zero.

    Raises
    ------
    DataError
        When the largest number is out of these limits.
    """
    largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
    if largest > limit or 0.0 < largest * limit < 1.0:
        raise DataError(
            f"the largest number of {label} is {largest:.3g} in size: too far from 1 to compute "
            "with; give it another unit"
        )


def check_finite(label: str, infinite: BoolArray | None, kept: BoolArray | None) -> None:
    """Refuse infinite numbers in kept rows, naming the variable and the first row (from 0)."""
    if infinite is None:
        return
    found = infinite if kept is None else infinite & kept
    if found.any():
        raise DataError(
            f"'{label}' is infinite in row {int(found.argmax())}; correct the value or leave the "
            "row out"
        )


def check_weights(weights: FloatArray, kept: BoolArray | None) -> FloatArray:
    """Weights of the kept rows, which must be above zero; those of other rows do not matter.

    Raises
    ------
    DataError
        Naming the first offending row, counted from 0.
    """
    for bad, word in (
        (np.isnan(weights), "missing"),
        (weights < 0, "negative"),
        (weights == 0, "zero"),
        (np.isinf(weights), "infinite"),
    ):
        found = bad if kept is None else bad & kept
        if found.any():
            row = int(found.argmax())
            raise DataError(
                f"weights: {int(found.sum())} of them {word}, first in row {row}; "
                "weights must be above zero"
            )
    return weights.copy() if kept is None else weights[kept]


def as_numbers(name: str, values: Any, n: int) -> FloatArray:
    """An array argument (weights, offset) as float64 of the right length.

    Raises
    ------
    DataError
        When it is no vector of n numbers.
    """
    try:
        to_numpy = getattr(values, "to_numpy", None)
        plain = to_numpy() if to_numpy is not None else values
        numbers = np.asarray(plain, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be numbers or the name of a column") from None
    if numbers.shape != (n,):
        raise DataError(f"{name} has shape {numbers.shape}, but the data have {n} rows")
    return numbers


def check_groups(design: Design) -> None:
    """What every mixed model needs: a random term, and two levels of each grouping factor.

    Parameters
    ----------
    design : Design
        The design of the model.

    Raises
    ------
    DataError
        When there is no random term, or a factor has a single level.

    Examples
    --------
    >>> from nestwise.design import build
    >>> check_groups(build("y ~ 1 + (1 | row)", {"y": [1.0, 2, 4], "row": list("abc")}))
    """
    if not design.terms:
        raise DataError("the formula has no random term; write one as (1 | g), or use lm")
    for factor in design.factors:
        if factor.n_levels < 2:
            raise DataError(
                f"the group '{factor.name}' has only one level; a variance between "
                "groups needs at least two"
            )


def check_plain(design: Design, what: str, instead: str = "") -> None:
    """Refuse structured random effects where only free or no correlations are known.

    Parameters
    ----------
    design : Design
        The design of the model.
    what : str
        What does not know them, as the beginning of the message.
    instead : str
        What to do; a plain term by default.

    Raises
    ------
    OptionError
        Naming the term.

    Examples
    --------
    >>> from nestwise.design import build
    >>> check_plain(build("y ~ 1 + (1 | g)", {"y": [1.0, 2, 4, 3], "g": list("aabb")}), "This")
    """
    for term in design.terms:
        if term.structure not in ("us", "diag"):
            label = design.formula.random[term.bar].label
            raise OptionError(
                f"{what} do not know the structure of {term.structure}({label}); "
                + (instead or f"use ({label}) or diag(...)")
            )


def check_new_response(design: Design, y: FloatArray) -> FloatArray:
    """A new response of a design as a fresh float64 array.

    Parameters
    ----------
    design : Design
        What was fitted.
    y : (n,) array-like
        One value for each of its rows.

    Raises
    ------
    DataError
        When `y` has another length or is not finite.

    Examples
    --------
    >>> from nestwise.design import build
    >>> check_new_response(build("y ~ 1", {"y": [1.0, 2, 4]}), [3, 1, 2])
    array([3., 1., 2.])
    """
    response = np.array(y, dtype=np.float64)
    if response.shape != design.y.shape:
        raise DataError(
            f"the new response has shape {response.shape}, but the fit has {len(design.y)} rows; "
            "give one value for each row that was fitted"
        )
    if not np.isfinite(response).all():
        row = int((~np.isfinite(response)).argmax())
        raise DataError(
            f"the new response is missing or infinite in row {row} of those fitted; correct the "
            "value, or fit again without the row"
        )
    return response


def check_grouping(design: Design) -> None:
    """What a linear mixed model needs of its grouping factors.

    Parameters
    ----------
    design : Design
        With at least one random term.

    Raises
    ------
    DataError
        When a factor has a single level or as many as there are rows, or when a term has at
        least as many random effects as there are rows, so that it cannot be told from the
        residual.

    Examples
    --------
    >>> from nestwise.design import build
    >>> check_grouping(build("y ~ 1 + (1 | g)", {"y": [1.0, 2, 4, 3], "g": list("aabb")}))
    """
    check_groups(design)
    n = design.y.size
    for factor in design.factors:
        if factor.n_levels >= n:
            raise DataError(
                f"the group '{factor.name}' has {factor.n_levels} levels for {n} rows; "
                "its variance cannot be told from the residual's"
            )
    for term in design.terms:
        factor = design.factors[term.factor]
        count = factor.n_levels * len(term.columns)
        # A structure has few parameters, which may be told from the residual's all the same.
        if count >= n and term.structure in ("us", "diag"):
            raise DataError(
                f"({' + '.join(term.columns)} | {factor.name}) has {count} random effects for {n} "
                "rows; its variances cannot be told from the residual's: use fewer terms in it"
            )
