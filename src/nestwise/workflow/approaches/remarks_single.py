"""What goes wrong with approaches by least squares, with the numbers of the data at hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.fit.group_regressions import GroupRegressions
from nestwise.workflow.approaches.approach import Approach
from nestwise.workflow.approaches.remarks_mixed import slope_sd
from nestwise.workflow.approaches.setup import INTERCEPT, Setup
from nestwise.workflow.approaches.wording import (
    ALPHA,
    NOTABLE,
    disagreements,
    listed,
    number,
    p_text,
)
from nestwise.workflow.levels import ROWS


def of_pooled(setup: Setup, approach: Approach, reference: Approach) -> Diagnostic:
    """Rows are taken for independent: standard errors and degrees of freedom of each level."""
    mine, true = approach.estimates, reference.estimates
    factor = true.std_error / mine.std_error
    upper = [j for j, level in enumerate(setup.term_levels) if level not in ("", ROWS)]
    small = sorted((j for j in upper if factor[j] > NOTABLE), key=lambda j: -factor[j])
    names = setup.design.fixed.names
    text = f"Pooled regression takes {approach.n_rows} rows for independent. "
    if small:
        pairs = [_contrasted(names[j], mine.std_error[j], true.std_error[j]) for j in small]
        j = small[0]
        text += (
            f"Its standard errors of group-level variables are too small: {listed(pairs)}; it "
            f"tests {names[j]} with {mine.df[j]:.0f} degrees of freedom, the multilevel model with "
            f"{true.df[j]:.1f}. "
        )
    elif upper:
        text += "Its standard errors of group-level variables are close to the multilevel model's. "
    else:
        at = names.index(INTERCEPT) if INTERCEPT in names else 0
        shown = _contrasted(names[at], mine.std_error[at], true.std_error[at])
        text += f"No predictor is constant within groups; the mean itself pays: {shown}. "
    text += _of_lower(setup, approach, reference)
    return Diagnostic(
        "pooled-standard-errors", text.strip(), disagreements(setup, approach, reference)
    )


def _contrasted(name: str, mine: float, true: float) -> str:
    return f"{name} {number(mine)} against {number(true)} ({true / mine:.1f} times)"


def _of_lower(setup: Setup, approach: Approach, reference: Approach) -> str:
    """Standard errors of what varies within groups: they may be too large or too small."""
    ratio = reference.estimates.std_error / approach.estimates.std_error
    lower = [j for j, level in enumerate(setup.term_levels) if level == ROWS]
    large = [setup.design.fixed.names[j] for j in lower if ratio[j] < 1 / NOTABLE]
    small = [setup.design.fixed.names[j] for j in lower if ratio[j] > NOTABLE]
    parts = [f"too large for {listed(large)}"] if large else []
    parts += [f"too small for {listed(small)}"] if small else []
    if not parts:
        return "Standard errors of what varies within groups differ little." if lower else ""
    return f"Standard errors of what varies within groups are {' and '.join(parts)}."


def of_means(setup: Setup, approach: Approach, reference: Approach) -> Diagnostic:
    """What averaging leaves and whom it weighs."""
    level = next(level for level in setup.levels if level.name == approach.groups)
    names = setup.design.fixed.names
    low, high = int(level.counts.min()), int(level.counts.max())
    text = f"Averaging leaves {approach.n_rows} of {setup.design.y.size} rows. "
    if low != high:
        text += f"Each {level.name} counts the same, whether it has {low} rows or {high}. "
    lower = [names[j] for j, at in enumerate(setup.term_levels) if at == ROWS]
    if lower:
        verb = "speaks" if len(lower) == 1 else "speak"
        text += f"{listed(lower)} now {verb} of the means of groups, not of single rows. "
    ratio = approach.estimates.std_error / reference.estimates.std_error
    worst = int(np.nanargmax(np.where([n == INTERCEPT for n in names], 0.0, ratio)))
    if len(names) > 1 and ratio[worst] > NOTABLE:
        text += f"The standard error of {names[worst]} is {ratio[worst]:.1f} times as large."
    return Diagnostic(
        "aggregated-information", text.strip(), disagreements(setup, approach, reference)
    )


def of_fallacy(approach: Approach, slopes: Table) -> list[Diagnostic]:
    """Where effects within groups and between them differ, means mislead about single rows."""
    at = np.flatnonzero(slopes["level"] == approach.groups)
    told = []
    for i in at:
        if slopes["p_value"][i] < ALPHA:
            told.append(
                f"{slopes['term'][i]} has the slope {number(slopes['between'][i])} between the "
                f"means of {approach.groups} but {number(slopes['within'][i])} within "
                f"{approach.groups} (test of a difference: {p_text(slopes['p_value'][i])})"
            )
    if not told:
        return []
    return [
        Diagnostic(
            "ecological-fallacy",
            f"{'; '.join(told)}. To read the slope of the means as that of single rows would be "
            "the ecological fallacy.",
            f"Put the group means beside the covariate, group_mean(x, {approach.groups}), and both "
            "effects are told apart.",
        )
    ]


def _lost(setup: Setup, approach: Approach) -> str:
    """The coefficients that an approach cannot give."""
    names = setup.design.fixed.names
    gone = [
        names[j]
        for j, reason in enumerate(approach.estimates.reasons)
        if reason and names[j] != INTERCEPT
    ]
    if not gone:
        return ""
    return (
        f"It cannot estimate {listed(gone)}, which {'is' if len(gone) == 1 else 'are'} constant "
        f"within {approach.groups} or determined by the others there. "
    )


def of_separate(setup: Setup, approach: Approach, approaches: Sequence[Approach]) -> Diagnostic:
    """What separate regressions spend, cannot give, and mistake for differences."""
    fit = approach.fit
    assert isinstance(fit, GroupRegressions)
    names = setup.design.fixed.names
    n_coef = int(fit.rank.sum())
    text = f"{len(fit.labels)} regressions spend {n_coef} coefficients on {approach.n_rows} rows. "
    text += _lost(setup, approach)
    possible = [j for j in range(len(names)) if not np.isnan(approach.estimates.estimate[j])]
    short = int(np.isnan(fit.beta[:, possible]).any(axis=1).sum())
    if short:
        text += f"{short} groups do not determine every coefficient that others do. "
    slopes = [
        j for j in possible if names[j] != INTERCEPT and (~np.isnan(fit.beta[:, j])).sum() > 1
    ]
    if slopes:
        j = slopes[0]
        b = fit.beta[:, j]
        text += (
            f"The slope of {names[j]} runs from {number(float(np.nanmin(b)))} to "
            f"{number(float(np.nanmax(b)))} (sd {number(float(np.nanstd(b, ddof=1)))})"
        )
        true = slope_sd(approaches, names[j])
        text += "." if true is None else f"; random slopes put its sd at {number(true)}, the rest "
        text += "" if true is None else "is chance in small groups."
    return Diagnostic(
        "separate-regressions", text.strip(), "The average counts every group the same."
    )


def of_dummies(setup: Setup, approach: Approach) -> Diagnostic:
    """What groups as coefficients cost and cannot give."""
    level = next(level for level in setup.levels if level.name == approach.groups)
    return Diagnostic(
        "fixed-effects-cost",
        f"{level.factor.n_levels} groups of {level.name} as coefficients take "
        f"{level.factor.n_levels - 1} degrees of freedom; the multilevel model takes one variance "
        f"for them. {_lost(setup, approach)}".strip(),
        f"What it says holds for these {level.factor.n_levels} groups, not for others.",
    )


def of_interactions(setup: Setup, approach: Approach) -> Diagnostic:
    """What interactions with every group cost."""
    level = next(level for level in setup.levels if level.name == approach.groups)
    spent = approach.n_par - 1 - setup.design.fixed.X.shape[1]
    return Diagnostic(
        "interactions-cost",
        f"Intercepts and slopes of {level.factor.n_levels} groups of {level.name} take {spent} "
        f"degrees of freedom more than pooled regression. {_lost(setup, approach)}Each coefficient "
        "is that of the reference group, and another reference gives another answer.",
        "Random slopes say the same with a variance for each slope.",
    )


__all__ = ["of_dummies", "of_fallacy", "of_interactions", "of_means", "of_pooled", "of_separate"]
