"""Pictures of what the predictors do."""

from __future__ import annotations

from functools import partial

from nestwise.design.values import Numeric
from nestwise.formula.syntax import columns_of
from nestwise.inference.emmeans.grid import reference_grid
from nestwise.inference.kinds import Fit, LmmFit
from nestwise.present.plots.accessor import Plots
from nestwise.present.report.blocks import Block, Section
from nestwise.present.report.figures import picture

MOST = 5
"""Pictures of predictors at most."""


def effects_section(fit: Fit, plots: Plots) -> Section:
    """Observed and predicted values, marginal means of the predictors, lines of the groups.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> [block.alt[:26] for block in effects_section(m.fit, m.plot).blocks]
    ['Reaction as observed, agai', 'Marginal mean of Reaction ']
    """
    response = fit.design.formula.response_label
    n = fit.design.y.size
    blocks: list[Block] = [
        picture(
            plots.observed_vs_predicted,
            f"{response} as observed, against the values that the model predicts, with the line "
            "where both agree.",
            "Each point is a row. The closer to the line, the better the model predicts it.",
            n,
        )
    ]
    for x, by in _asked(fit, plots):
        words = f"{x} by {by}" if by else x
        blocks.append(
            picture(
                partial(plots.effects, x, by),
                f"Marginal mean of {response} along {words}, with 95 % intervals.",
                f"What the model expects of {response} along {words}, other predictors averaged "
                "over or at their means, random effects at zero.",
            )
        )
    for x, group in _slopes(fit):
        blocks.append(
            picture(
                partial(plots.groups, x, group),
                f"Fitted lines of {response} along {x} for each level of {group}, and their "
                "shrinkage towards the population.",
                f"Each level of {group} has a line of its own, drawn towards that of the "
                "population: the more, the less its own data say.",
                0,
            )
        )
    return Section("effects", "What the model predicts", blocks)


def _asked(fit: Fit, plots: Plots) -> list[tuple[str, str | None]]:
    """Columns to plot: interactions of two together, then what no interaction shows."""
    known = {v.name for v in reference_grid(fit, plots.data).variables}
    nodes = dict(fit.design.formula.fixed.variables)
    pairs: list[tuple[str, str | None]] = []
    for variables in fit.design.fixed.variables:
        columns = list(dict.fromkeys(c for v in variables for c in columns_of(nodes[v])))
        if len(columns) == 2 and set(columns) <= known:
            numeric = [c for c in columns if _numeric(fit, c)]
            x = numeric[0] if numeric else columns[0]
            pairs.append((x, next(c for c in columns if c != x)))
    seen = {c for pair in pairs for c in pair}
    single = [c for v in nodes.values() for c in columns_of(v) if c in known and c not in seen]
    return [*pairs, *((c, None) for c in dict.fromkeys(single))][:MOST]


def _numeric(fit: Fit, column: str) -> bool:
    return isinstance(dict(fit.design.fixed.prototypes).get(column), Numeric)


def _slopes(fit: Fit) -> list[tuple[str, str]]:
    """Plain numeric columns with a random slope, and the factor it varies over."""
    if not isinstance(fit, LmmFit):
        return []
    found = [
        (column, fit.design.factors[term.factor].name)
        for term in fit.design.terms
        for column in term.columns
        if _numeric(fit, column)
    ]
    return list(dict.fromkeys(found))[:2]


__all__ = ["effects_section"]
