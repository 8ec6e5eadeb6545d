"""How two grouping factors lie to each other: nested, crossed, or nested under repeated labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray
from nestwise._base.diagnostic import Diagnostic

NESTED = "nested"
CROSSED = "crossed"
SAME = "the same"
IMPLICIT = "implicitly nested"
EITHER = "crossed or implicitly nested"


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """One grouping factor.

    Parameters
    ----------
    name : str
        Its name.
    codes : (n,) int
        Group of each row, 0 .. n_groups - 1 in the order of the labels, -1 where missing.
    n_groups : int
        Number of groups.
    labels : (n_groups,) ndarray of object
        Their labels.
    """

    name: str
    codes: AnyArray
    n_groups: int
    labels: AnyArray


@dataclass(frozen=True, slots=True)
class Relation:
    """How an inner factor lies to an outer one.

    Parameters
    ----------
    inner, outer : str
        Names; which is which has no meaning where they are crossed.
    relation : str
        ``nested``, ``crossed``, ``implicitly nested`` (labels start anew in every outer group),
        ``crossed or implicitly nested`` (the data cannot tell) or ``the same``.
    n_inner, n_outer, n_combinations : int
        Groups of each, and combinations that occur.
    example : str
        A label of the inner factor that occurs in several outer groups; empty when none does.
    repeats : int
        In how many outer groups it occurs.
    """

    inner: str
    outer: str
    relation: str
    n_inner: int
    n_outer: int
    n_combinations: int
    example: str = ""
    repeats: int = 0


def relate(outer: Factor, inner: Factor, others: Sequence[AnyArray]) -> Relation:
    """Tell nesting from crossing.

    Where labels repeat, they are taken for numbers given anew in every outer group when some
    other column is constant within the combinations but not within either factor, or when every
    outer group has the first few of the labels and not all of them equally many.

    Parameters
    ----------
    outer, inner : Factor
        As the user ordered them.
    others : sequence of (n,) int
        Codes of the other columns, -1 where missing.

    Returns
    -------
    Relation

    Examples
    --------
    >>> labels = np.array(["a", "b"], dtype=object)
    >>> school = Factor("school", np.array([0, 0, 1, 1]), 2, labels)
    >>> room = Factor("room", np.array([0, 1, 2, 2]), 3, np.array(["x", "y", "z"], dtype=object))
    >>> relate(school, room, []).relation
    'nested'
    """
    both = (outer.codes >= 0) & (inner.codes >= 0)
    a, b = outer.codes[both].astype(np.int64), inner.codes[both].astype(np.int64)
    pairs, joint = np.unique(a * inner.n_groups + b, return_inverse=True)
    of_a, of_b = pairs // inner.n_groups, pairs % inner.n_groups
    a_per_b = np.bincount(of_b, minlength=inner.n_groups)
    b_per_a = np.bincount(of_a, minlength=outer.n_groups)
    counts = (inner.n_groups, outer.n_groups, len(pairs))
    if a_per_b.max(initial=0) <= 1:
        kind = SAME if b_per_a.max(initial=0) <= 1 else NESTED
        return Relation(inner.name, outer.name, kind, *counts)
    if b_per_a.max(initial=0) <= 1:
        return Relation(outer.name, inner.name, NESTED, counts[1], counts[0], counts[2])
    most = int(a_per_b.argmax())
    kind = _repeated(of_a, of_b, b_per_a)
    if kind != IMPLICIT and _told_by_columns(a, b, joint, [c[both] for c in others]):
        kind = IMPLICIT
    example = str(inner.labels[most])
    return Relation(inner.name, outer.name, kind, *counts, example, int(a_per_b[most]))


def _repeated(of_a: AnyArray, of_b: AnyArray, b_per_a: AnyArray) -> str:
    """Whether every outer group has the first few labels, as numbers that start anew would be."""
    last = np.zeros(len(b_per_a), np.int64)
    np.maximum.at(last, of_a, of_b)
    if not np.array_equal(last + 1, b_per_a):
        return CROSSED
    return EITHER if len(set(b_per_a.tolist())) == 1 else IMPLICIT


def _told_by_columns(a: AnyArray, b: AnyArray, joint: AnyArray, others: Sequence[AnyArray]) -> bool:
    """Whether a column belongs to the combinations; they must have several rows each."""
    if np.bincount(joint)[joint].mean() < 2.0:
        return False
    return any(
        constant_within(c, joint) and not constant_within(c, a) and not constant_within(c, b)
        for c in others
    )


def constant_within(values: AnyArray, groups: AnyArray) -> bool:
    """Whether codes do not vary within groups; rows where either is missing (-1) do not count.

    Examples
    --------
    >>> constant_within(np.array([3, 3, -1, 5]), np.array([0, 0, 0, 1]))
    True
    """
    used: BoolArray = (values >= 0) & (groups >= 0)
    value, group = values[used], groups[used]
    first = np.zeros(int(group.max(initial=-1)) + 1, dtype=value.dtype)
    first[group] = value
    return bool(np.array_equal(first[group], value))


def all_relations(factors: Sequence[Factor], others: Sequence[AnyArray]) -> tuple[Relation, ...]:
    """Every pair of factors, earlier ones taken for the outer.

    Examples
    --------
    >>> all_relations([], [])
    ()
    """
    return tuple(relate(a, b, others) for a, b in combinations(factors, 2))


def relation_remark(found: Relation) -> Diagnostic | None:
    """What must be known of a pair of factors before a model is written, if anything.

    Examples
    --------
    >>> relation_remark(Relation("room", "school", NESTED, 40, 5, 40)) is None
    True
    >>> relation_remark(Relation("room", "school", IMPLICIT, 9, 5, 40, "1", 5)).code
    'implicit-nesting'
    """
    inner, outer = found.inner, found.outer
    if found.relation == NESTED:
        return None
    if found.relation == SAME:
        return Diagnostic(
            "same-groups",
            f"{inner} and {outer} are the same grouping under two names.",
            "Use one of them.",
        )
    repeats = (
        f"Labels of {inner} repeat across {outer}: {found.example!r} occurs in {found.repeats} of "
        f"{found.n_outer}."
    )
    nest = f"write {outer}/{inner} in a random term and {outer}:{inner} for the group itself"
    if found.relation == IMPLICIT:
        return Diagnostic(
            "implicit-nesting",
            f"{repeats} They look like numbers that start anew in every {outer}: "
            f"{found.n_combinations} different {inner}, not {found.n_inner}.",
            f"Always {nest}; (1 | {inner}) would take all {inner} with the same label for one.",
        )
    if found.relation == EITHER:
        return Diagnostic(
            "implicit-nesting",
            f"{repeats} Every {outer} has the same labels: either {inner} is crossed with {outer}, "
            f"or its labels start anew in every {outer}.",
            f"If {inner} {found.example!r} of one {outer} is another than that of the next, "
            f"{nest}; if it is the same, (1 | {outer}) + (1 | {inner}).",
        )
    cells = found.n_inner * found.n_outer
    return Diagnostic(
        "crossed-groups",
        f"{repeats} {inner} and {outer} are crossed: {found.n_combinations} of {cells} "
        "combinations occur.",
        f"Write (1 | {outer}) + (1 | {inner}); if the labels start anew in every {outer}, "
        f"{outer}/{inner} instead.",
    )


__all__ = [
    "CROSSED",
    "EITHER",
    "IMPLICIT",
    "NESTED",
    "SAME",
    "Factor",
    "Relation",
    "all_relations",
    "constant_within",
    "relate",
    "relation_remark",
]
