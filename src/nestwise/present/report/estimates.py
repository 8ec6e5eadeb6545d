"""Sections on what was estimated: fixed effects and the variation between groups."""

from __future__ import annotations

from functools import partial

import numpy as np

from nestwise._base.errors import NestwiseError
from nestwise.inference.coefficients import coefficients
from nestwise.inference.fitmeasures import fit_measures, r_squared
from nestwise.inference.icc import design_effect, icc
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, LmmFit, MixedFit, StructuredFit
from nestwise.inference.r2 import r2
from nestwise.inference.ranef import group_effects
from nestwise.inference.structured.parameters import residual_parameters
from nestwise.inference.tidy import tidy
from nestwise.inference.varcorr import varcorr
from nestwise.inference.variance_parts import variance_parts
from nestwise.present.plots.accessor import Plots
from nestwise.present.report.blocks import Block, Grid, Items, Section, Text
from nestwise.present.report.figures import picture
from nestwise.present.report.kinds import ratio_name, structure_in_words, tests_in_words
from nestwise.present.report.numbers import count, fixed, listed, number, p_value, p_words, percent
from nestwise.present.report.words import coefficient_in_words

LEVEL = 0.95
SENTENCES = 12
"""With more coefficients than this only the table shows them."""


def fixed_section(fit: Fit) -> Section:
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
    rows: tuple[tuple[str, ...], ...] = tuple(
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
    head: tuple[str, ...] = ("Term", "Estimate", "Std. error", "95 % interval", "df", "t", "p")
    note = f"Intervals and tests by {tests_in_words(fit)}."
    if isinstance(fit, GlmmFit):
        head = (*head[:4], "z", "p")
        rows = tuple((*row[:4], *row[5:]) for row in rows)
        note += f" Estimates are on the scale of the {fit.link.name} link."
    blocks: list[Block] = [Grid("Fixed effects", head, rows, note)]
    if ratio_name(fit):
        blocks.append(_ratios(fit))
    if len(rows) <= SENTENCES:
        blocks.append(Items(tuple(coefficient_sentences(fit))))
    return Section("fixed", "Fixed effects", blocks if rows else [])


def _ratios(fit: Fit) -> Grid:
    t = tidy(fit, conf_int=True, conf_level=LEVEL, exponentiate=True)
    rows = tuple(
        (
            str(t["term"][j]),
            number(t["estimate"][j]),
            f"{number(t['conf_low'][j])} to {number(t['conf_high'][j])}",
        )
        for j in range(len(t))
        if t["term"][j] != "(Intercept)"
    )
    name = ratio_name(fit)
    return Grid(f"{name}s", ("Term", name, "95 % interval"), rows)


def coefficient_sentences(fit: Fit) -> list[str]:
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


def clear_effects(fit: Fit, most: int = 4) -> list[str]:
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


def random_section(fit: MixedFit, plots: Plots) -> Section:
    """Variance components, shares and what they mean."""
    found = varcorr(fit)
    rows = []
    for group, v1, v2, vcov, sdcor in zip(
        *(found[n] for n in ("group", "var1", "var2", "vcov", "sdcor")), strict=True
    ):
        measure = "Correlation" if isinstance(v2, str) else "Standard deviation"
        one, two = (isinstance(v, str) for v in (v1, v2))
        effect = f"{v1} with {v2}" if two else str(v1) if one else "residual"
        rows.append((str(group), effect, measure, number(sdcor), number(vcov)))
    head = ("Group", "Effect", "Measure", "Value", "(Co)variance")
    what = fit.design.formula.response_label
    if isinstance(fit, GlmmFit):
        what = f"the {fit.link.name} of {what}"
    note = f"In units of {what}; variances in squared units."
    table = Grid("Variation between groups", head, tuple(rows), note, frozenset({1, 2}))
    blocks: list[Block] = [table, *_shares(fit, plots), *_caterpillars(fit, plots)]
    return Section("random", "Variation between groups", blocks)


def _shares(fit: MixedFit, plots: Plots) -> list[Block]:
    try:
        variance_parts(fit)
    except NestwiseError as problem:
        return [Text(f"Shares of variance are not given: {problem}.")]
    shares = picture(
        plots.variance_shares,
        "Stacked bar: " + ", ".join(share_words(fit)),
        "Shares of the variance of the response. With random slopes the shares are averages "
        "over the rows.",
    )
    return [Items(tuple(sharing(fit))), shares]


def share_words(fit: MixedFit) -> list[str]:
    """Each part of the variance with its share."""
    parts = variance_parts(fit)
    named = [("fixed effects", parts.fixed), *parts.groups, ("residual", parts.residual)]
    return [f"{name} {percent(variance / parts.total)}" for name, variance in named]


def sharing(fit: MixedFit) -> list[str]:
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
    if isinstance(fit, GlmmFit):
        return [*sentences, f"All on the scale of the {fit.link.name} link."]
    if isinstance(fit, StructuredFit):
        return [
            *sentences,
            "The residual variance is its mean over the rows; correlations of residuals do not "
            "count as variation between groups.",
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


def _caterpillars(fit: MixedFit, plots: Plots) -> list[Block]:
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


def residual_section(fit: StructuredFit) -> Section:
    """How the residuals of a subject hang together, and how they spread."""
    found = residual_parameters(fit, LEVEL)
    arms = [str(a) for a in found["arm"]]
    rows = tuple(
        (
            f"{found['term'][i]} ({arms[i]})" if arms[i] else str(found["term"][i]),
            str(found["part"][i]),
            number(found["estimate"][i]),
            f"{number(found['conf_low'][i])} to {number(found['conf_high'][i])}",
        )
        for i in range(len(found))
    )
    head = ("Parameter", "Part", "Estimate", "95 % interval")
    note = f"Structure: {structure_in_words(fit)}."
    grid = Grid("Parameters of the residuals", head, rows, note, frozenset({1}))
    return Section("residual", "The residuals", [grid])


def measures_grid(fit: Fit) -> Grid:
    """Measures of the whole fit."""
    m = fit_measures(fit)
    rows = [("Rows", f"{m.nobs:,}"), ("Log-likelihood", fixed(m.loglik, 1))]
    rows += [("AIC", fixed(m.aic, 1)), ("BIC", fixed(m.bic, 1))]
    if isinstance(fit, LmFit):
        r = r_squared(fit)
        rows.append(("R²", fixed(r.r_squared, 3)))
    else:
        rows.append(("Parameters", str(m.n_par)))
    if isinstance(fit, StructuredFit) and not fit.design.terms:
        rows.append(("R² (fixed effects)", fixed(r2(fit).marginal, 3)))
    note = ""
    if isinstance(fit, (LmmFit, StructuredFit)) and fit.reml:
        note = "The likelihood is restricted: compare only models with the same fixed effects."
    return Grid("The fit as a whole", ("Measure", "Value"), tuple(rows), note)


__all__ = [
    "clear_effects",
    "coefficient_sentences",
    "fixed_section",
    "measures_grid",
    "random_section",
    "residual_section",
    "share_words",
    "sharing",
]
