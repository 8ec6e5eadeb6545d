"""Small generalised linear mixed models with responses that suit the family and the link."""

from __future__ import annotations

import numpy as np

from core.random_models import make_model
from nestwise.core.families.family import Family
from nestwise.core.glmm_kernel import GlmmInput
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.links.link import Link, mean
from nestwise.core.problem import ModelArrays, Problem, build_problem, factor_columns

STRUCTURES = {
    "scalar": ((7,), (False,), (1,), "us"),
    "vector": ((6,), (False,), (2,), "us"),
    "uncorrelated": ((6,), (False,), (2,), "diag"),
    "two terms": ((6,), (False,), (1, 1), "us"),
    "nested": ((8, 3), (False, True), (1, 2), "us"),
    "crossed": ((7, 5), (False, False), (2, 1), "us"),
    "deep and crossed": ((9, 5, 3, 4), (False, True, True, False), (2, 1, 1, 2), "diag"),
}
"""Levels, whether a factor is nested in the one before, widths, structure of each term."""

CENTRE = {"identity": 3.0, "inverse": 2.0, "1/mu^2": 2.0, "sqrt": 1.5, "log": -1.0}
"""A linear predictor in the middle of the domain, 0 where not named."""


def make_glmm_input(
    family: Family, link: Link, structure: str, phi: float | None, observed: bool = True
) -> tuple[GlmmInput, Problem]:
    """A model of 40 or so rows whose linear predictors stay inside the domain."""
    levels, nested, widths, kind = STRUCTURES[structure]
    arrays = make_model(5, levels, nested, widths, 2, structure=kind)
    n = len(arrays.y)
    rng = np.random.default_rng(11)
    shares = family.name in ("binomial", "beta", "beta_binomial") and link.name == "identity"
    offset = np.full(n, 0.5 if shares else CENTRE.get(link.name, 0.0))
    mu = mean(link, offset + 0.05 * rng.normal(size=n))
    counts = family.name.startswith("b") and family.name != "beta"
    weights = rng.integers(1, 9, n).astype(float) if counts else rng.uniform(0.5, 2.0, n)
    y = family.simulate(mu, weights, phi, rng)
    working = ModelArrays(
        offset + 0.3 * rng.normal(size=n),
        arrays.X,
        0,
        None,
        arrays.codes,
        arrays.n_levels,
        arrays.terms,
    )
    problem = build_problem(working)
    model = GlmmInput(
        rows=FamilyRows(family, link, np.asarray(y, dtype=float), weights),
        X=arrays.X,
        center=problem.basis.center,
        scale=problem.basis.scale,
        offset=offset,
        factors=factor_columns(arrays),
        observed=observed,
    )
    return model, problem
