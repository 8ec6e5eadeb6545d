"""Random terms of a design: their columns, labels and lme4's order."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError
from nestwise.design.coding import CodedColumn, code_linear
from nestwise.design.groups import grouping_factor
from nestwise.design.model import GroupingFactor, RandomTerm
from nestwise.design.values import Value
from nestwise.formula.model import Bar

ORDERED = ("ar1", "hetar1", "toep", "homtoep")
"""Structures that read their columns as a sequence in time."""

Random = tuple[tuple[GroupingFactor, ...], tuple[RandomTerm, ...]]


def build_random(
    bars: tuple[Bar, ...],
    values: Mapping[str, Value],
    contrasts: Mapping[str, str],
    shared: Mapping[str, FloatArray],
) -> Random:
    """Grouping factors and random terms, each in lme4's order.

    Parameters
    ----------
    bars : tuple of Bar
        As written.
    values, contrasts : mapping
        Value and kind of contrasts of each variable by label.
    shared : mapping of str to ndarray
        Columns of the fixed effects by name; a random column of that name is not copied again.

    Returns
    -------
    factors, terms : tuple
        Fields of `Design`.
    """
    by_name: dict[str, GroupingFactor] = {}
    for bar in bars:
        if bar.name not in by_name:
            labels = tuple(label for label, _ in bar.groups)
            by_name[bar.name] = grouping_factor(bar.name, labels, [values[v] for v in labels])
    factors = sorted(by_name.values(), key=lambda f: -f.n_levels)
    position = {f.name: i for i, f in enumerate(factors)}
    order = term_order([by_name[bar.name].n_levels for bar in bars])
    seen: dict[str, int] = {}
    terms = []
    for i in order:
        bar = bars[i]
        repeat = seen.get(bar.name, 0)
        seen[bar.name] = repeat + 1
        columns = [_own(c, shared) for c in bar_columns(bar, values, contrasts)]
        if not columns:
            raise DataError(f"the random term ({bar.label}) has no columns")
        if len(columns) == 1 and bar.structure in ORDERED:
            time = "time" if columns[0].term < 0 else columns[0].name
            raise DataError(
                f"{bar.structure}({bar.label}) has one column, {columns[0].name!r}, and so no "
                f"correlations; give it a factor with a level for each visit: "
                f"{bar.structure}(0 + factor({time}) | {bar.name})"
            )
        terms.append(
            RandomTerm(
                label=f"{bar.name}.{repeat}" if repeat else bar.name,
                factor=position[bar.name],
                columns=tuple(c.name for c in columns),
                Z=tuple(c.values for c in columns),
                structure=bar.structure if len(columns) > 1 else "us",
                assign=tuple(c.term for c in columns),
                bar=i,
            )
        )
    return tuple(factors), tuple(terms)


def term_order(n_levels: list[int]) -> list[int]:
    """lme4's order of terms: as written when levels never increase, else by decreasing number.

    In the second case terms with equally many levels come out in reverse; theta follows.

    Examples
    --------
    >>> term_order([18, 18]), term_order([3, 3, 12])
    ([0, 1], [2, 1, 0])
    """
    indices = list(range(len(n_levels)))
    if all(a >= b for a, b in pairwise(n_levels)):
        return indices
    return sorted(indices, key=lambda i: n_levels[i])[::-1]


def bar_columns(
    bar: Bar, values: Mapping[str, Value], contrasts: Mapping[str, str]
) -> list[CodedColumn]:
    """Columns of one bar; a part of ``(a + b || g)`` is coded as in the whole left side."""
    if bar.linear is bar.within:
        return code_linear(bar.linear, values, contrasts)
    columns = code_linear(bar.within, values, contrasts)
    if bar.linear.intercept:
        return [c for c in columns if c.term < 0]
    index = bar.within.terms.index(bar.linear.terms[0])
    return [c for c in columns if c.term == index]


def _own(column: CodedColumn, shared: Mapping[str, FloatArray]) -> CodedColumn:
    """The column in memory of our own: the user may change the table later."""
    if column.values is None:
        return column
    known = shared.get(column.name)
    if known is not None and known.shape == column.values.shape:
        return CodedColumn(column.name, column.term, known)
    return CodedColumn(column.name, column.term, np.array(column.values, dtype=np.float64))
