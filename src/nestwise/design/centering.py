"""Means of groups that a formula learned from the training data, for centring and as context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.design.functions import State
from nestwise.design.values import Factor
from nestwise.formula.model import Formula
from nestwise.formula.syntax import Call, Name, walk

CENTERING = frozenset({"center", "group_mean"})
"""Functions of a formula whose second argument names groups."""


def mean_by_code(x: FloatArray, codes: IntArray | AnyArray, n_groups: int) -> FloatArray:
    """(n_groups,) mean of each group; NaN where a group has no value.

    Parameters
    ----------
    x : (n,) float64
        Values; NaN is left out.
    codes : (n,) int
        Group of each row, -1 for none.
    n_groups : int
        Number of groups.

    Examples
    --------
    >>> mean_by_code(np.array([1.0, 3.0, np.nan]), np.array([0, 0, 1]), 2).tolist()
    [2.0, nan]
    """
    used = (codes >= 0) & ~np.isnan(x)
    kept, at = x[used], codes[used]
    count = np.bincount(at, minlength=n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(at, kept, n_groups) / count
        # A second pass takes out what rounding left of the first.
        mean = mean + np.bincount(at, kept - mean[at], n_groups) / count
    return np.asarray(mean)


def mean_over_units(
    x: FloatArray, codes: IntArray | AnyArray, n_groups: int, units: IntArray | AnyArray
) -> FloatArray:
    """(n_groups,) mean of the means of the units in each group: each unit counts once.

    Parameters
    ----------
    x : (n,) float64
        Values; NaN is left out.
    codes : (n,) int
        Group of each row, -1 for none.
    n_groups : int
        Number of groups.
    units : (n,) int
        Unit of each row within its group, -1 for none; numbers may repeat across groups.

    Examples
    --------
    >>> x, school, room = np.array([1.0, 1, 1, 3]), np.zeros(4, int), np.array([0, 0, 0, 1])
    >>> mean_over_units(x, school, 1, room).tolist()
    [2.0]
    """
    used = (codes >= 0) & (units >= 0)
    span = int(units.max(initial=0)) + 1
    joint = codes[used].astype(np.int64) * span + units[used]
    found, dense = np.unique(joint, return_inverse=True)
    return mean_by_code(mean_by_code(x[used], dense, found.size), found // span, n_groups)


def learn_means(x: FloatArray, by: Factor | None, unit: Factor | None) -> State:
    """Labels of the groups and their means; one group without a label when `by` is None.

    Examples
    --------
    >>> by = Factor(np.array([0, 0, 1], np.int32), np.array(["a", "b"], dtype=object))
    >>> learn_means(np.array([1.0, 3.0, 5.0]), by, None)
    {'groups': ['a', 'b'], 'means': [2.0, 5.0], 'overall': 3.0}
    """
    codes = np.zeros(x.size, np.int32) if by is None else by.codes
    n_groups = 1 if by is None else len(by.levels)
    if unit is None:
        means = mean_by_code(x, codes, n_groups)
    else:
        means = mean_over_units(x, codes, n_groups, unit.codes)
    labels = [""] if by is None else [str(v) for v in by.levels]
    known = [i for i in range(n_groups) if not np.isnan(means[i])]
    rows = means[codes[codes >= 0]]
    return {
        "groups": [labels[i] for i in known],
        "means": [float(means[i]) for i in known],
        "overall": float(np.nanmean(rows)) if known else float("nan"),
    }


def for_average_group(state: Mapping[str, Any]) -> dict[str, Any]:
    """What was learned, with the mean over all rows in place of that of a missing group.

    Parameters
    ----------
    state : mapping
        What the calls of a formula learned, by label.

    Examples
    --------
    >>> made = for_average_group({"group_mean(x, g)": {"groups": [], "means": [], "overall": 3.0}})
    >>> made["group_mean(x, g)"]["missing"]
    3.0
    """
    return {
        label: {**learned, "missing": learned["overall"]}
        if isinstance(learned, Mapping) and "overall" in learned
        else learned
        for label, learned in state.items()
    }


def means_at_rows(label: str, by: Factor | None, n: int, state: State) -> FloatArray:
    """(n,) learned mean of the group of every row; NaN where the group is missing.

    Raises
    ------
    DataError
        When a group was not seen in training: its mean is not known.

    Examples
    --------
    >>> by = Factor(np.array([1, -1], np.int32), np.array(["a", "b"], dtype=object))
    >>> means_at_rows("group_mean(x, g)", by, 2, {"groups": ["b"], "means": [5.0]}).tolist()
    [5.0, nan]
    """
    if by is None:
        return np.full(n, state["means"][0] if state["means"] else np.nan)
    known = dict(zip(state["groups"], state["means"], strict=True))
    used = np.unique(by.codes[by.codes >= 0])
    unseen = [str(by.levels[i]) for i in used if str(by.levels[i]) not in known]
    if unseen:
        shown = ", ".join(repr(v) for v in unseen[:6]) + (", ..." if len(unseen) > 6 else "")
        raise DataError(
            f"{label}: the data that it learned the means from have no value in group {shown}; for "
            "new groups put their means into a column (nw.center, method='group_mean') and use "
            "that column in the formula"
        )
    missing = state.get("missing", np.nan)
    lookup = np.append([known.get(str(v), np.nan) for v in by.levels], missing)
    return np.asarray(lookup[by.codes], dtype=np.float64)


def only_groups(formula: Formula) -> set[str]:
    """Columns that the fixed part uses only to centre by, or to take means of: no predictors.

    Examples
    --------
    >>> from nestwise.formula import parse
    >>> sorted(only_groups(parse("y ~ center(x, by = g) + group_mean(x, h) + h")))
    ['g']
    """
    nodes = [node for _, node in formula.fixed.variables]
    calls = [c for n in nodes for c in walk(n) if isinstance(c, Call) and c.function in CENTERING]
    everywhere = Counter(n.id for node in nodes for n in walk(node) if isinstance(n, Name))
    as_group = Counter(
        n.id for c in calls for arg in c.args[1:] for n in walk(arg) if isinstance(n, Name)
    )
    return {name for name, count in as_group.items() if count == everywhere[name]}


def interaction(left: Factor, right: Factor) -> Factor:
    """The combinations of two factors that occur, labelled ``a:b``; the first varies slowest.

    Examples
    --------
    >>> a = Factor(np.array([0, 1, 1], np.int32), np.array(["x", "y"], dtype=object))
    >>> b = Factor(np.array([0, 0, -1], np.int32), np.array(["1"], dtype=object))
    >>> found = interaction(a, b)
    >>> found.codes.tolist(), found.levels.tolist()
    ([0, 1, -1], ['x:1', 'y:1'])
    """
    missing = (left.codes < 0) | (right.codes < 0)
    width = max(len(right.levels), 1)
    joint = left.codes.astype(np.int64) * width + right.codes
    found, dense = np.unique(joint[~missing], return_inverse=True)
    codes = np.full(missing.size, -1, np.int32)
    codes[~missing] = dense
    labels = [f"{left.levels[i // width]}:{right.levels[i % width]}" for i in found.tolist()]
    return Factor(codes, np.array(labels, dtype=object))


__all__ = [
    "for_average_group",
    "interaction",
    "learn_means",
    "mean_by_code",
    "mean_over_units",
    "means_at_rows",
    "only_groups",
]
