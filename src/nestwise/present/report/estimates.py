"""Sections on what was estimated: fixed effects and the variation between groups."""

from __future__ import annotations

from functools import partial

import numpy as np

from nestwise.inference.coefficients import coefficients
from nestwise.inference.fitmeasures import fit_measures, r_squared
from nestwise.inference.icc import design_effect, icc
from nestwise.inference.kinds import LmFit, LmmFit, PlainFit
from nestwise.inference.r2 import r2
from nestwise.inference.ranef import group_effects
from nestwise.inference.tidy import tidy
from nestwise.inference.varcorr import varcorr
from nestwise.inference.variance_parts import variance_parts
from nestwise.present.plots.accessor import Plots
from nestwise.present.report.blocks import Block, Grid, Items, Section
from nestwise.present.report.figures import picture
from nestwise.present.report.numbers import count, fixed, listed, number, p_value, p_words, percent
from nestwise.present.report.words import coefficient_in_words

LEVEL = 0.95
SENTENCES = 12
"""With more coefficients than this only the table shows them."""


def fixed_section(fit: PlainFit) -> Section:
    """Coefficients with intervals, as a table and in words.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> grid = fixed_section(m.fit).blocks[0]
    >>> grid.head[:3], grid.rows[1][:2]
    (('Term', 'Estimate', 'Std. error'), ('Days', '10.47'))
    """
    t = tidy(fit, conf_int=True, conf_level=LEVEL)
    rows = tuple(
        (
            str(t["term"][j]),
            number(t["estimate"][j]),
            number(t["std_error"][j], 3),
            f"{number(t['conf_low'][j])} to {number(t['conf_high'][j])}",
            fixed(t["df"][j], 1),
            fixed(t["statistic"][j], 2),
            p_value(t["p_value"][j]),
        )
        for j in range(len(t))
    )
    head = ("Term", "Estimate", "Std. error", "95 % interval", "df", "t", "p")
    method = "Satterthwaite's" if isinstance(fit, LmmFit) else "residual"
    note = f"Intervals and tests by t distributions with {method} degrees of freedom."
    blocks: list[Block] = [Grid("Fixed effects", head, rows, note)]
    if len(rows) <= SENTENCES:
        blocks.append(Items(tuple(coefficient_sentences(fit))))
    return Section("fixed", "Fixed effects", blocks if rows else [])


def coefficient_sentences(fit: PlainFit) -> list[str]:
    """A sentence for each coefficient, in their order."""
    t = tidy(fit, conf_int=True, conf_level=LEVEL)
    return [
        coefficient_in_words(
            fit,
            j,
            float(t["estimate"][j]),
            (float(t["conf_low"][j]), float(t["conf_high"][j])),
            LEVEL,
        )
        for j in range(len(t))
    ]


def clear_effects(fit: PlainFit, most: int = 4) -> list[str]:
    """Sentences on the coefficients with the smallest p values below 0.05."""
    c = coefficients(fit)
    sentences = coefficient_sentences(fit)
    order = [
        int(j)
        for j in np.argsort(c.p_value, kind="stable")
        if c.p_value[j] < 0.05 and c.names[j] != "(Intercept)"
    ]
    return [
        f"{sentences[j].removesuffix('.')} ({p_words(float(c.p_value[j]))})." for j in order[:most]
    ]


def random_section(fit: LmmFit, plots: Plots) -> Section:
    """Variance components, shares and what they mean."""
    found = varcorr(fit)
    rows = []
    for group, v1, v2, vcov, sdcor in zip(
        *(found[n] for n in ("group", "var1", "var2", "vcov", "sdcor")), strict=True
    ):
        measure = "Correlation" if v2 is not None else "Standard deviation"
        effect = "residual" if v1 is None else str(v1) if v2 is None else f"{v1} with {v2}"
        rows.append((str(group), effect, measure, number(sdcor), number(vcov)))
    head = ("Group", "Effect", "Measure", "Value", "(Co)variance")
    note = f"In units of {fit.design.formula.response_label}; variances in squared units."
    table = Grid("Variation between groups", head, tuple(rows), note, frozenset({1, 2}))
    shares = picture(
        plots.variance_shares,
        "Stacked bar: " + ", ".join(share_words(fit)),
        "Shares of the variance of the response. With random slopes the shares are averages "
        "over the rows.",
    )
    blocks: list[Block] = [table, Items(tuple(sharing(fit))), shares]
    blocks += _caterpillars(fit, plots)
    return Section("random", "Variation between groups", blocks)


def share_words(fit: LmmFit) -> list[str]:
    """Each part of the variance with its share."""
    parts = variance_parts(fit)
    named = [("fixed effects", parts.fixed), *parts.groups, ("residual", parts.residual)]
    return [f"{name} {percent(variance / parts.total)}" for name, variance in named]


def sharing(fit: LmmFit) -> list[str]:
    """Intraclass correlation, R squared and design effects in sentences."""
    found = icc(fit)
    measure = r2(fit)
    each = [f"{percent(share)} between levels of {g}" for g, share in found.by_group.items()]
    by_group = f": {listed(each)}" if len(each) > 1 else ""
    sentences = [
        f"{percent(found.adjusted)} of the variance that the fixed effects leave lies between "
        f"groups (intraclass correlation){by_group}.",
        f"The fixed effects account for {percent(measure.marginal)} of the variance (marginal "
        f"R²), together with the groups for {percent(measure.conditional)} (conditional R²).",
    ]
    effects = design_effect(fit)
    for name, size, factor in zip(
        effects["group"], effects["mean_size"], effects["design_effect"], strict=True
    ):
        if np.isfinite(factor) and factor > 1.0:
            sentences.append(
                f"With {number(size, 3)} rows in a level of {name} on average, the variance of a "
                f"mean is {number(factor, 3)} times what it would be with independent rows "
                "(design effect)."
            )
    return sentences


def _caterpillars(fit: LmmFit, plots: Plots) -> list[Block]:
    blocks: list[Block] = []
    for effects in group_effects(fit, cond_var=True)[:3]:
        half = 1.96 * np.sqrt(effects.variances)
        clear = int(np.sum(np.any(np.abs(effects.modes) > half, axis=1)))
        levels = count(effects.modes.shape[0], "level", "levels")
        alt = (
            f"Random effects of {effects.group}, {levels}, sorted, with intervals: for {clear} an "
            "interval does not cover zero."
        )
        caption = (
            f"How far each level of {effects.group} lies from the fixed effects, shrunken towards "
            "zero, with an interval of 1.96 conditional standard deviations each way."
        )
        blocks.append(
            picture(partial(plots.caterpillar, effects.group), alt, caption, effects.modes.size * 3)
        )
    return blocks


def measures_grid(fit: PlainFit) -> Grid:
    """Measures of the whole fit."""
    m = fit_measures(fit)
    rows = [("Rows", f"{m.nobs:,}"), ("Log-likelihood", fixed(m.loglik, 1))]
    rows += [("AIC", fixed(m.aic, 1)), ("BIC", fixed(m.bic, 1))]
    if isinstance(fit, LmFit):
        r = r_squared(fit)
        rows.append(("R²", fixed(r.r_squared, 3)))
    else:
        rows.append(("Parameters", str(fit.beta.size + fit.theta.size + 1)))
    note = ""
    if isinstance(fit, LmmFit) and fit.reml:
        note = "The likelihood is restricted: compare only models with the same fixed effects."
    return Grid("The fit as a whole", ("Measure", "Value"), tuple(rows), note)


__all__ = [
    "clear_effects",
    "coefficient_sentences",
    "fixed_section",
    "measures_grid",
    "random_section",
    "share_words",
    "sharing",
]
