"""Random generalised models: no crash, no number that is none, and a verdict that holds."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nestwise._base.errors import NestwiseError
from nestwise.core.families.registry import family_named
from nestwise.core.glmm import evaluate_glmm
from nestwise.core.links.link import mean
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_result import GlmmFit

PAIRS = (
    ("binomial", "logit"),
    ("binomial", "probit"),
    ("binomial", "cloglog"),
    ("poisson", "log"),
    ("negative_binomial", "log"),
    ("gamma", "log"),
    ("gaussian", "identity"),
)
RANDOM = ("(1 | g)", "(x | g)", "(x || g)", "(1 | g) + (1 | h)", "(1 | g/h)")


def _data(
    family: str, link: str, seed: int, n: int, m: int, sd: float, one_kind: bool
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, h = np.arange(n) % m, rng.integers(0, 3, n)
    x, c = rng.normal(size=n), rng.choice(["a", "b"], n)
    eta = 0.3 + 0.4 * x + 0.3 * (c == "b") + sd * rng.normal(size=m)[g]
    chosen, function = family_named(family), link_named(link)
    mu = mean(function, np.minimum(eta, 4.0))
    y = np.asarray(chosen.simulate(mu, np.ones(n), 0.5, rng), dtype=float)
    if one_kind and chosen.discrete:
        y[c == "b"] = 0.0
    if family == "gamma":
        y = np.maximum(y, 1e-6)
    return pd.DataFrame({"y": y, "x": x, "c": c, "g": g, "h": h})


@st.composite
def models(draw: st.DrawFn) -> tuple[str, str, str, int, pd.DataFrame]:
    family, link = draw(st.sampled_from(PAIRS))
    n, m = draw(st.sampled_from([24, 60])), draw(st.sampled_from([3, 8, 12]))
    random = draw(st.sampled_from(RANDOM))
    fixed = draw(st.sampled_from(["1", "x", "x + c", "c"]))
    points = draw(st.sampled_from([1, 1, 4])) if "h" not in random else 1
    sd, kind = draw(st.sampled_from([0.0, 0.5, 2.0])), draw(st.booleans())
    data = _data(family, link, draw(st.integers(0, 10_000)), n, m, sd, kind)
    return family, link, f"y ~ {fixed} + {random}", points, data


def _numbers(fit: GlmmFit) -> list[np.ndarray]:
    scalars = [fit.loglik, fit.criterion, fit.sigma, 1.0 if fit.phi is None else fit.phi]
    return [
        fit.theta,
        fit.beta,
        fit.vcov,
        fit.par_vcov,
        fit.eta,
        fit.mu,
        *fit.modes,
        np.array(scalars),
    ]


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(models())
def test_an_answer_is_numbers_and_a_word(model: tuple[str, str, str, int, pd.DataFrame]) -> None:
    family, link, formula, points, data = model
    response = "proportion" if family == "binomial" else "number"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            design = build(formula, data, response=response)
            fit = fit_glmm(design, family_named(family), link_named(link), points)
        except NestwiseError:  # a response that is constant, or no mode at any start
            return
    assert all(np.isfinite(x).all() for x in _numbers(fit))
    assert fit.verdict.converged == (fit.verdict.status not in ("saddle", "not-converged"))
    if not fit.verdict.converged:
        assert "not-converged" in [d.code for d in fit.diagnostics]
    if fit.verdict.singular:
        assert "singular" in [d.code for d in fit.diagnostics]
    if fit.verdict.status == "converged":
        _nothing_is_better_nearby(fit)


def _nothing_is_better_nearby(fit: GlmmFit) -> None:
    """No small step from the optimum lowers the criterion."""
    problem, rng = fit.model, np.random.default_rng(0)
    layout = problem.layout
    par = fit.theta * fit.sigma * layout.theta_scale
    beta = np.linalg.solve(layout.basis.to_user, fit.beta)
    psi = np.concatenate([par, beta, [] if fit.phi is None else [np.log(fit.phi)]])
    here = evaluate_glmm(problem, psi, None, 0).value
    assert abs(here - fit.criterion) < 1e-6
    for size in (1e-3, 1e-2):
        moved = evaluate_glmm(problem, psi + size * rng.normal(size=len(psi)), None, 0).value
        assert not moved < here - 1e-7
