"""Levels in which every response is alike: of the fixed factors, and of the grouping factors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import AnyArray, BoolArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.family import Family
from nestwise.core.links.link import Link
from nestwise.design.groups import level_labels
from nestwise.design.model import Design, GroupingFactor
from nestwise.fit.separated import sides

MANY = 0.5
"""Share of a grouping factor's levels from which one-sided ones are told, of whatever size."""

SOME = 0.1
"""The same for levels that are one-sided though they have many rows, and more than by chance."""

MANY_ROWS = 5
"""Rows of a level from which it is seldom one-sided by chance."""

FEW = "Look whether that is what they should be; the model draws them towards the other levels."
"""Advice where these levels are not most of all."""

MOST_NAMED = 5
"""Levels that a message lists."""

FEWEST_ROWS = 2
"""Rows of a level, on average, below which most of them are one-sided by nature."""


def one_sided_columns(design: Design, side: IntArray) -> tuple[Diagnostic, ...]:
    """Levels of fixed factors without events, or with nothing else.

    Parameters
    ----------
    design : Design
        The model; dummy columns are looked at, and the reference level of each factor.
    side : (n,) int32
        From `nestwise.fit.separated.sides`.
    """
    fixed, out = design.fixed, []
    X = fixed.X
    events, rows = side.astype(np.float64) @ X, X.sum(axis=0)
    for term in sorted({a for a in fixed.assign if a >= 0}):
        columns = [j for j, a in enumerate(fixed.assign) if a == term]
        # Of dummy columns: whether all rows of one, or of the reference level, are alike.
        alike = any(abs(events[j]) == rows[j] for j in columns)
        rest = int(side.sum()) - sum(events[j] for j in columns)
        if not alike and abs(rest) != len(side) - sum(rows[j] for j in columns):
            continue
        part = X[:, columns]
        if not np.isin(part, (0.0, 1.0)).all() or (part.sum(axis=1) > 1.0).any():
            continue
        for j in columns:
            out.append(_about(f"'{fixed.names[j]}'", X[:, j] == 1.0, side))
        if len(fixed.variables[term]) == 1:
            name = f"the reference level of '{fixed.terms[term]}'"
            out.append(_about(name, part.sum(axis=1) == 0.0, side))
    return tuple(found for found in out if found is not None)


def _about(name: str, rows: BoolArray, side: IntArray) -> Diagnostic | None:
    there = side[rows]
    if not 0 < len(there) < len(side) or there[0] == 0 or (there != there[0]).any():
        return None
    what = "no event" if there[0] < 0 else "nothing but events"
    return Diagnostic(
        "one-sided-level",
        f"The {int(rows.sum())} rows of {name} have {what}.",
        "Its coefficient has no finite estimate: join the level with another, or leave it out.",
    )


def one_sided_groups(design: Design, side: IntArray, n_agq: int) -> tuple[Diagnostic, ...]:
    """Grouping factors of whose levels many have no event, or nothing else.

    Parameters
    ----------
    design : Design
        The model.
    side : (n,) int32
        From `nestwise.fit.separated.sides`.
    n_agq : int
        Quadrature points that were used.
    """
    if n_agq > 1:
        many = "They say little about the variance: look at its interval (confint)."
    elif len(design.factors) == 1:
        many = "Laplace's approximation is at its worst there: compare with nAGQ=15."
    else:
        many = "Laplace's approximation is at its worst there: variances may be too small."
    out = []
    for factor in design.factors:
        if len(side) < FEWEST_ROWS * factor.n_levels:
            continue
        counts = np.bincount(factor.codes, minlength=factor.n_levels)
        total = np.bincount(factor.codes, side, factor.n_levels)
        alike = np.flatnonzero(np.abs(total) == counts)
        none, only = int((total == -counts).sum()), int((total == counts).sum())
        most = none + only > MANY * factor.n_levels
        if not most and not _unexpected(counts, alike, side):
            continue
        largest = alike[np.argsort(-counts[alike], kind="stable")]
        named = ", ".join(level_labels(some_levels(factor, largest[:MOST_NAMED])))
        out.append(
            Diagnostic(
                "one-sided-groups",
                f"{none + only} of {factor.n_levels} levels of {factor.name} have responses of "
                f"one kind only ({none} without events, {only} with nothing else): {named}"
                f"{', ...' if len(largest) > MOST_NAMED else '.'}",
                many if most else FEW,
            )
        )
    return tuple(out)


def _unexpected(counts: NDArray[np.intp], alike: NDArray[np.intp], side: IntArray) -> bool:
    """Whether more of the larger levels are one-sided than if all rows were as likely."""
    large = counts[counts >= MANY_ROWS]
    found = float((counts[alike] >= MANY_ROWS).sum())
    expected = sum(float((np.mean(side == end) ** large).sum()) for end in (-1, 1))
    return found >= max(1.0, SOME * len(counts)) and found > expected + 2.0 * np.sqrt(expected)


def some_levels(factor: GroupingFactor, levels: AnyArray) -> GroupingFactor:
    """A factor of these levels alone, without rows, to label them."""
    parts = tuple(part[levels] for part in factor.parts)
    return replace(factor, n_levels=len(levels), parts=parts, codes=factor.codes[:0])


def one_row_levels(design: Design, family: Family) -> tuple[Diagnostic, ...]:
    """Grouping factors with a level for each of the rows, where a row is one binary response.

    Parameters
    ----------
    design : Design
        The model.
    family : Family
        Of the model.

    Source
    ------
    Skrondal & Rabe-Hesketh (2007), J. Educ. Behav. Stat. 32, 419-430: parameters of overdispersion
    that are redundant.
    """
    n, weights = len(design.y), design.weights
    single = weights is None or bool((weights == 1.0).all())
    if family.name != "binomial" or not single or not np.isin(design.y, (0.0, 1.0)).all():
        return ()
    return tuple(
        Diagnostic(
            "one-row-levels",
            f"Each level of {factor.name} is one row with one binary response: a variance between "
            "them can hardly be told from the size of the coefficients.",
            f"Leave (1 | {factor.name}) out: a single 0 or 1 cannot be overdispersed.",
        )
        for factor in design.factors
        if factor.n_levels == n
    )


def one_sided(design: Design, family: Family, link: Link, n_agq: int) -> tuple[Diagnostic, ...]:
    """All that is one-sided about a discrete response.

    Parameters
    ----------
    design : Design
        The model.
    family, link
        Of the model.
    n_agq : int
        Quadrature points that were used.
    """
    side = sides(design, family, link)
    rows = one_row_levels(design, family)
    if side is None or not (side != 0).any():
        return rows
    return (*one_sided_columns(design, side), *one_sided_groups(design, side, n_agq), *rows)
