"""Variables to columns of a model matrix, by R's rules for contrasts, order and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError
from nestwise.design.contrasts import contrast_matrix
from nestwise.design.values import (
    LOGICAL_LEVELS,
    Factor,
    Logical,
    Numeric,
    Value,
    as_float,
    refuse_dates,
)
from nestwise.formula.model import Linear, Term


@dataclass(frozen=True, slots=True, eq=False)
class CodedColumn:
    """One column: its name, its term (-1 for the intercept), its values (None: all one)."""

    name: str
    term: int
    values: FloatArray | None


Pieces = list[tuple[str, FloatArray]]


def is_categorical(value: Value) -> bool:
    """Whether a value is coded by dummies or contrasts."""
    return isinstance(value, (Factor, Logical))


def full_coding(linear: Linear, categorical: Mapping[str, bool]) -> set[tuple[int, str]]:
    """Which factors of which terms get a column for every level.

    A factor in a term is coded by contrasts when an earlier term contains all other variables
    of the term (nothing left counts as the intercept), else by a column for every level.
    Without an intercept the first factor of the first term that has one gets all its levels.

    Parameters
    ----------
    linear : Linear
        The linear predictor.
    categorical : mapping of str to bool
        Whether each variable is categorical.

    Returns
    -------
    set of (position of the term, label of the variable)

    Notes
    -----
    Chambers & Hastie (1992), Statistical Models in S, section 2.4.1.
    """
    earlier: list[frozenset[str]] = []
    full: set[tuple[int, str]] = set()
    for i, term in enumerate(linear.terms):
        whole = frozenset(term.variables)
        for variable in term.variables:
            others = whole - {variable}
            if categorical[variable] and others and not any(others <= e for e in earlier):
                full.add((i, variable))
        earlier.append(whole)
    if not linear.intercept:
        for i, term in enumerate(linear.terms):
            first = next((v for v in term.variables if categorical[v]), None)
            if first is not None:
                full.add((i, first))
                break
    return full


def code_linear(
    linear: Linear, values: Mapping[str, Value], contrasts: Mapping[str, str]
) -> list[CodedColumn]:
    """All columns of a linear predictor, in R's order.

    Parameters
    ----------
    linear : Linear
        Terms and intercept.
    values : mapping of str to Value
        Value of each variable by label.
    contrasts : mapping of str to str
        Kind of contrasts by label, where they are not the default.

    Returns
    -------
    list of CodedColumn
        The intercept first, then term by term; in a term the first factor varies fastest.
    """
    full = full_coding(
        linear, {v: is_categorical(values[v]) for t in linear.terms for v in t.variables}
    )
    columns = [CodedColumn("(Intercept)", -1, None)] if linear.intercept else []
    cache: dict[tuple[str, bool], Pieces] = {}
    for i, term in enumerate(linear.terms):
        for name, numbers in _code_term(i, term, values, contrasts, full, cache):
            columns.append(CodedColumn(name, i, numbers))
    return columns


def _code_term(
    position: int,
    term: Term,
    values: Mapping[str, Value],
    contrasts: Mapping[str, str],
    full: set[tuple[int, str]],
    cache: dict[tuple[str, bool], Pieces],
) -> Pieces:
    product: Pieces = []
    for variable in term.variables:
        everything = (position, variable) in full
        key = (variable, everything)
        if key not in cache:
            kind = contrasts.get(variable)
            cache[key] = code_variable(variable, values[variable], everything, kind)
        pieces = cache[key]
        if not product:
            product = pieces
        else:
            product = [(f"{a}:{b}", x * y) for b, y in pieces for a, x in product]
    return product


def code_variable(label: str, value: Value, full: bool, kind: str | None) -> Pieces:
    """Columns of one variable: numbers as they are, factors by dummies or contrasts.

    Raises
    ------
    DataError
        When a factor has a single level, so that it has no contrasts.
    """
    if isinstance(value, Numeric):
        numbers = as_float(value, label)
        if numbers.ndim == 1:
            return [(label, numbers)]
        suffixes = value.suffixes or tuple(str(i + 1) for i in range(numbers.shape[1]))
        return [(label + s, numbers[:, j]) for j, s in enumerate(suffixes)]
    if isinstance(value, Logical):
        codes, levels = value.values.astype(np.int32), LOGICAL_LEVELS
        kind = kind or "treatment"
    else:
        refuse_dates(value, f"'{label}'", f", or write factor({label})")
        codes, levels = value.codes, value.levels
        kind = kind or value.contrast or ("poly" if value.ordered else "treatment")
    if len(levels) < 2 and not full:
        shown = f" ('{levels[0]}')" if len(levels) else ""
        raise DataError(
            f"'{label}' has only one level{shown} in the rows that are used, so it "
            "has no effect to estimate; leave it out"
        )
    if full:
        matrix, suffixes = np.eye(len(levels)), tuple(str(v) for v in levels)
    else:
        matrix, suffixes = contrast_matrix(kind, levels)
    return [(label + s, matrix[:, j][codes]) for j, s in enumerate(suffixes)]
