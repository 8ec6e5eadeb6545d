"""Separation: coefficients of a discrete response without finite estimates, named by column."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.family import Family
from nestwise.core.links.link import Link
from nestwise.core.separation import find_separation
from nestwise.design.model import Design

FAR = 6.0
"""Size of a fixed predictor (link scale, about its centre) from which separation is looked for."""

TWO_SIDED = ("logit", "probit", "cloglog", "cauchit")
"""Links of proportions that reach both 0 and 1 at infinity only."""

MOST_NAMED = 8
"""Columns that a message lists."""


def sides(design: Design, family: Family, link: Link) -> IntArray | None:
    """(n,) 1 for rows of events only, -1 for none, 0 for both; None where neither can separate.

    Parameters
    ----------
    design : Design
        Its response: a proportion, or a count.
    family, link
        Of the model.
    """
    y = design.y
    proportion = family.name in ("binomial", "beta-binomial")
    two = proportion and link.name in TWO_SIDED
    if not two and not (link.name == "log" and (proportion or family.discrete)):
        return None
    none = (y == 0.0).view(np.int8)
    events = (y == 1.0).view(np.int8) if two else np.int8(0)
    return np.asarray(np.subtract(events, none, dtype=np.int32))


def separation_trouble(
    design: Design, family: Family, link: Link, beta: FloatArray, suspected: bool
) -> Diagnostic | None:
    """What separates the response, if anything does.

    Parameters
    ----------
    design : Design
        The model.
    family, link
        Of the model.
    beta : (p,) float64
        Estimates: where no predictor is extreme there is nothing to look for.
    suspected : bool
        Whether to look in any case.
    """
    if not design.fixed.X.shape[1]:
        return None
    predictor = design.fixed.X @ beta
    if not suspected and float(predictor.max() - predictor.min()) < FAR:
        return None
    if not suspected and float(np.abs(predictor - np.median(predictor)).max()) < FAR:
        return None
    side = sides(design, family, link)
    found = None if side is None else find_separation(design.fixed.X, side)
    if found is None:
        return None
    counts = "no" if family.name not in ("binomial", "beta-binomial") else "no or only"
    return _told(design, found.direction, int(found.rows.sum()), found.complete, counts)


def _told(
    design: Design, direction: FloatArray, n_rows: int, complete: bool, counts: str
) -> Diagnostic:
    moving = np.flatnonzero(direction)
    names = [
        f"'{design.fixed.names[j]}' (to {'+' if direction[j] > 0.0 else '-'}infinity)"
        for j in moving[:MOST_NAMED]
    ]
    more = f" and {len(moving) - MOST_NAMED} more" if len(moving) > MOST_NAMED else ""
    kind = "Complete" if complete else "Quasi-complete"
    return Diagnostic(
        "separation",
        f"{kind} separation: {n_rows} of {len(design.y)} rows with {counts} events are told apart "
        f"without error by {', '.join(names)}{more}. The likelihood grows for ever in this "
        "direction, so that the estimates are where the optimiser stopped, and their standard "
        "errors and Wald tests mean nothing.",
        "Leave these columns out, join levels, or collect more data; a likelihood-ratio test of "
        "the term (drop1, anova of two models) is still valid.",
    )
