"""Overdispersion: counts that vary more than their family allows."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.family import Family
from nestwise.design.model import Design

LEAST = 1.2
"""Ratio of Pearson's statistic to its degrees of freedom below which nothing is said."""

SURE = 4.0
"""Standard errors of that ratio above one from which it is told."""


def overdispersion(
    design: Design, family: Family, mu: FloatArray, n_par: int
) -> tuple[Diagnostic, ...]:
    """Counts that vary more about the conditional means than their family allows.

    Parameters
    ----------
    design : Design
        The model.
    family : Family
        Without a dispersion parameter of its own, else there is nothing to tell.
    mu : (n,) float64
        Conditional means.
    n_par : int
        Parameters of the model.

    Source
    ------
    McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., section 4.5.2: Pearson's
    statistic over its degrees of freedom.
    """
    y = design.y
    weights = np.ones(len(y)) if design.weights is None else design.weights
    bernoulli = family.name == "binomial" and bool((weights <= 1.0).all())
    by_row = any(f.n_levels == len(y) for f in design.factors)
    left = len(y) - n_par
    if not family.discrete or family.dispersion or bernoulli or by_row or left <= 0:
        return ()
    spread = family.response_variance(mu, weights, None)
    ratio = float(np.sum((y - mu) ** 2 / np.maximum(spread, 1e-12))) / left
    if ratio < max(LEAST, 1.0 + SURE * np.sqrt(2.0 / left)):
        return ()
    other = "beta_binomial" if family.name == "binomial" else "negative_binomial"
    return (
        Diagnostic(
            "overdispersion",
            f"Pearson's statistic is {ratio:.2f} times its degrees of freedom: the responses vary "
            f"more than the {family.name} family allows, and standard errors are too small.",
            f"Use family='{other}', or add a random intercept for each row (1 | row).",
        ),
    )
