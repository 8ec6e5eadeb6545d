"""What mixed models leave out or tell, with the numbers of the data at hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc

from nestwise._base.diagnostic import Diagnostic
from nestwise.fit.result import LmmFit
from nestwise.inference.fitmeasures import fit_measures
from nestwise.workflow.approaches.approach import Approach
from nestwise.workflow.approaches.multilevel import SLOPES
from nestwise.workflow.approaches.setup import INTERCEPT, Setup
from nestwise.workflow.approaches.wording import ALPHA, disagreements, listed, number, p_text


def of_one_level(setup: Setup, approach: Approach, reference: Approach) -> Diagnostic:
    """What a level that is left out would have told."""
    assert isinstance(approach.fit, LmmFit)
    assert isinstance(reference.fit, LmmFit)
    others = listed([level.name for level in setup.levels if level.name != approach.groups])
    chisq, df = _likelihood_ratio(approach.fit, reference.fit)
    p = float(chdtrc(df, chisq))
    return Diagnostic(
        "level-left-out",
        f"Intercepts of {approach.groups} alone leave out {others}: chi-squared {chisq:.2f} on "
        f"{df} df, {p_text(p)} (conservative, because a variance cannot be negative).",
        disagreements(setup, approach, reference),
    )


def _likelihood_ratio(small: LmmFit, large: LmmFit) -> tuple[float, int]:
    """By REML, with the same fixed effects in both."""
    chisq = max(small.criterion - large.criterion, 0.0)
    return chisq, fit_measures(large).n_par - fit_measures(small).n_par


def of_slopes(approach: Approach, reference: Approach) -> Diagnostic:
    """Whether slopes differ, and what that does to the standard error of their mean."""
    assert isinstance(approach.fit, LmmFit)
    assert isinstance(reference.fit, LmmFit)
    chisq, df = _likelihood_ratio(reference.fit, approach.fit)
    p = float(chdtrc(df, chisq))
    names = approach.fit.design.fixed.names
    told = []
    for name in (c for term in approach.fit.design.terms for c in term.columns if c != INTERCEPT):
        text = f"{name} {number(slope_sd([approach], name) or 0.0)}"
        if name in names:
            j = names.index(name)
            text += (
                f" (standard error of its mean {number(approach.estimates.std_error[j])}, with "
                f"intercepts only {number(reference.estimates.std_error[j])})"
            )
        told.append(text)
    differ = p < ALPHA
    singular = " The fit is singular: these data do not determine all its variances."
    return Diagnostic(
        "random-slopes",
        f"{'The slopes differ between groups' if differ else 'No sign that slopes differ'}: "
        f"standard deviation of the slope of {listed(told)}; chi-squared {chisq:.2f} on {df} df, "
        f"{p_text(p)}.{singular if approach.fit.verdict.singular else ''}",
        "Where slopes differ, take the standard error of the mean slope from this model."
        if differ
        else "",
    )


def of_reference(approach: Approach) -> list[Diagnostic]:
    """The verdict of the multilevel model, when it is not simply converged."""
    assert isinstance(approach.fit, LmmFit)
    return [d for d in approach.fit.diagnostics if d.code not in ("converged", "rank-deficient")]


def slope_sd(approaches: Sequence[Approach], name: str) -> float | None:
    """Standard deviation of a slope in the approach with random slopes."""
    fit = next((a.fit for a in approaches if a.name == SLOPES), None)
    if not isinstance(fit, LmmFit):
        return None
    for term, La in zip(fit.design.terms, fit.lambdas, strict=True):
        if name in term.columns:
            k = term.columns.index(name)
            return fit.sigma * float(np.sqrt((La @ La.T)[k, k]))
    return None


__all__ = ["of_one_level", "of_reference", "of_slopes", "slope_sd"]
