"""What the fit and its residuals say against the model, and what that means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nestwise._base.errors import NestwiseError
from nestwise.inference.heteroscedasticity import heteroscedasticity
from nestwise.inference.influence import cooks_distance, influence
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, LmmFit, StructuredFit
from nestwise.inference.mundlak import mundlak
from nestwise.inference.random_normality import random_normality
from nestwise.inference.simulated_residuals import simulated_residuals
from nestwise.present.plots.accessor import Plots
from nestwise.present.plots.values import plotted_residuals
from nestwise.present.report.blocks import Block, Grid, Items, Section
from nestwise.present.report.figures import picture
from nestwise.present.report.numbers import number, p_value

Row = tuple[str, str, str]
SLOW = 20_000
"""Checks that take a moment are left out with more rows than this, and that is said."""


def checks_section(fit: Fit, plots: Plots) -> Section:
    """The verdict of the fit, tests of its assumptions, and pictures of the residuals.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> checks_section(m.fit, m.plot).blocks[1].head
    ('Check', 'Result', 'What it means')
    """
    blocks: list[Block] = [Items(tuple(remarks(fit)))]
    n = fit.design.y.size
    note = "" if n <= SLOW else f"Slower checks are left out with more than {SLOW:,} rows."
    head = ("Check", "Result", "What it means")
    grid = Grid("Checks of the assumptions", head, tuple(check_rows(fit)), note, frozenset({1, 2}))
    blocks.append(grid)
    alt = (
        "Four plots of the residuals: against fitted values, against normal quantiles, their "
        "spread against fitted values, and by group."
    )
    caption = (
        "A level band and points along the line suit the model. A bend tells of a missing term, a "
        "funnel of a variance that grows, ends off the line of heavy tails."
    )
    blocks.append(picture(plots.checks, alt, caption, 3 * n))
    if not isinstance(fit, LmFit) and fit.design.terms:
        blocks.append(
            picture(
                plots.ranef_qq,
                "Random effects of the finest grouping factor against normal quantiles.",
                "Points along the line suit normal random effects. The effects are shrunken, which "
                "hides departures.",
            )
        )
    return Section("checks", "Diagnostics", blocks)


def remarks(fit: Fit) -> list[str]:
    """The verdict and every diagnostic of the fit."""
    found = [f"{d.message} {d.advice}".strip() for d in fit.diagnostics]
    if not isinstance(fit, LmFit) and fit.verdict.status == "converged":
        found.insert(
            0,
            f"The fit converged after {fit.n_evaluations} evaluations: the curvature promises no "
            "further improvement that matters.",
        )
    return found or ["The fit has nothing to remark."]


def check_rows(fit: Fit) -> list[Row]:
    """One row a check; one that does not apply to this model is left out."""
    few = fit.design.y.size <= SLOW
    checks: list[Callable[[Fit], list[Row]]] = []
    if isinstance(fit, (LmFit, LmmFit)):
        checks += [_spread]
    checks.append(_tails)
    if isinstance(fit, (GlmmFit, StructuredFit)) and few:
        checks.append(_simulated)
    if isinstance(fit, LmmFit):
        checks += [_random, _within]
    if few:
        checks.append(_subjects if isinstance(fit, StructuredFit) else _influence)
    rows: list[Row] = []
    for check in checks:
        try:
            rows += check(fit)
        except NestwiseError:
            continue
    return rows


def _spread(fit: Fit) -> list[Row]:
    assert isinstance(fit, (LmFit, LmmFit))
    found = heteroscedasticity(fit)
    p = float(found["p_value"][0])
    meaning = (
        "The residual variance changes with the fitted values: standard errors may be off. Look at "
        "the plot; a transformation or a variance function may help."
        if p < 0.05
        else "No sign that the residual variance changes with the fitted values."
    )
    return [("Constant residual variance", f"p {_sign(p)}", meaning)]


def _tails(fit: Fit) -> list[Row]:
    scaled, _ = plotted_residuals(fit)
    far = int(np.sum(np.abs(scaled) > 3.0))
    expected = 0.0027 * scaled.size
    largest = number(float(np.abs(scaled).max()), 2)
    many = far > expected + 3.0 * np.sqrt(expected + 0.1)
    meaning = (
        "More than a normal distribution has: look at these rows, they may be errors or of another "
        "kind."
        if many
        else "About what a normal distribution has."
    )
    result = f"{far} beyond 3 sd (normal: {number(expected, 2)}); largest {largest}"
    return [("Extreme residuals", result, meaning)]


MEANINGS = {
    "uniformity": (
        "Distribution of the residuals (simulated)",
        "The residuals are not distributed as the model says: look at the Q-Q plot, and think of "
        "another distribution, link or predictor.",
        "The residuals are distributed as the model says.",
    ),
    "dispersion": (
        "Dispersion (simulated)",
        "The data vary more or less than the model says: think of a distribution with a "
        "dispersion of its own, or of another random effect.",
        "The data vary as much as the model says.",
    ),
    "outliers": (
        "Outliers (simulated)",
        "More or fewer rows lie outside all simulations than should.",
        "No more rows lie outside all simulations than should.",
    ),
}


def _simulated(fit: Fit) -> list[Row]:
    tests = simulated_residuals(fit, 250, 1).tests
    rows: list[Row] = []
    for test, p in zip(tests["test"], tests["p_value"], strict=True):
        name, bad, good = MEANINGS[str(test)]
        rows.append((name, f"p {_sign(float(p))}", bad if p < 0.05 else good))
    return rows


def _random(fit: Fit) -> list[Row]:
    assert isinstance(fit, LmmFit)
    found = random_normality(fit)
    rows: list[Row] = []
    for group, term, p in zip(found["group"], found["term"], found["p_value"], strict=True):
        if not np.isfinite(p):
            continue
        meaning = (
            "These effects look far from normal: a predictor of the group may be missing, or some "
            "groups are of another kind. Fixed effects are little affected."
            if p < 0.05
            else "No sign against normal effects; with few groups this says little."
        )
        rows.append((f"Normal effects of {group}, {term}", f"p {_sign(float(p))}", meaning))
    return rows


def _within(fit: Fit) -> list[Row]:
    assert isinstance(fit, LmmFit)
    found = mundlak(fit, None)
    p = float(found["p_value"][-1])
    meaning = (
        "Slopes between groups differ from those within: a coefficient mixes the two. Centre the "
        "predictors within groups and add the groups' means."
        if p < 0.05
        else "No sign that slopes between groups differ from those within."
    )
    return [("Between and within slopes (Mundlak)", f"p {_sign(p)}", meaning)]


def _influence(fit: Fit) -> list[Row]:
    assert not isinstance(fit, StructuredFit)
    distance = cooks_distance(fit)
    worst = int(np.nanargmax(distance))
    kept = fit.design.kept
    row = worst if kept is None else int(np.flatnonzero(kept)[worst])
    largest = float(distance[worst])
    meaning = (
        "One row moves the estimates by much: see whether it is right, and what the fit says "
        "without it."
        if largest > 1.0
        else "No single row decides the estimates."
    )
    return [
        ("Influence (Cook's distance)", f"largest {number(largest, 2)}, row {row + 1}", meaning)
    ]


def _subjects(fit: Fit) -> list[Row]:
    """Cook's distance by subject, the covariance parameters held."""
    assert isinstance(fit, StructuredFit)
    part = fit.design.residual
    by = None if part is None or part.subject is None else part.subject.name
    found = influence(fit, by, exact=False)
    worst = int(np.nanargmax(found.cooks_distance))
    largest, label = float(found.cooks_distance[worst]), found.levels[worst]
    name = f"{by} {label}" if by else f"row {int(label) + 1}"
    what = by or "row"
    meaning = (
        f"One {what} moves the estimates by much: see whether it is right, and what the fit says "
        "without it."
        if largest > 1.0
        else f"No single {what} decides the estimates."
    )
    return [("Influence (Cook's distance)", f"largest {number(largest, 2)}, {name}", meaning)]


def _sign(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


__all__ = ["check_rows", "checks_section", "remarks"]
