"""Generalised models whose likelihood has no proper maximum: each says which parameter is where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nestwise.core.families.registry import family_named
from nestwise.core.glmm import evaluate_glmm
from nestwise.core.glmm_reference import dense_glmm
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_model import make_glmm
from nestwise.fit.glmm_result import GlmmFit


def _fit(formula: str, table: pd.DataFrame, family: str, link: str) -> GlmmFit:
    chosen = family_named(family)
    design = build(formula, table, response="proportion" if chosen.trials else "number")
    return fit_glmm(design, chosen, link_named(link))


def _codes(fit: GlmmFit) -> list[str]:
    return [d.code for d in fit.diagnostics]


def _lognormal() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    g = np.arange(60) % 8
    effects = 0.5 * rng.normal(size=8)
    y = np.exp(0.3 + effects[g] + 0.6 * rng.normal(size=60))
    return pd.DataFrame({"y": y, "g": g, "row": np.arange(60)})


def test_an_effect_by_row_takes_the_place_of_a_dispersion() -> None:
    table = _lognormal()
    fit = _fit("y ~ 1 + (1 | g) + (1 | row)", table, "gamma", "log")
    assert fit.verdict.status == "converged"
    assert "dispersion-at-limit" in _codes(fit)
    assert fit.phi is not None
    assert fit.phi < 1e-6
    # The limit is the lognormal model itself: there Laplace's approximation is exact.
    logs = _fit("z ~ 1 + (1 | g)", table.assign(z=np.log(table.y)), "gaussian", "identity")
    assert abs(fit.criterion - (logs.criterion + 2.0 * np.log(table.y).sum())) < 1e-5


@pytest.mark.parametrize("largest", [1.0 - 1e-6, 0.999])
def test_a_precision_that_runs_away_leaves_the_model_of_the_log_odds(largest: float) -> None:
    rng = np.random.default_rng(0)
    g, x, row = np.arange(60) % 10, rng.normal(size=60), np.arange(60)
    eta = 2.0 + x + rng.normal(size=10)[g] + 1.5 * rng.normal(size=60)
    y = np.clip(1.0 / (1.0 + np.exp(-eta)), 1.0 - largest, largest)
    odds = np.log(y) - np.log1p(-y)
    table = pd.DataFrame({"y": y, "x": x, "g": g, "row": row, "odds": odds})
    fit = _fit("y ~ x + (1 | g) + (1 | row)", table, "beta", "logit")
    assert fit.verdict.status == "converged"
    assert _codes(fit) == ["dispersion-at-limit"]
    assert fit.phi is not None
    assert fit.phi > 1e8
    # A linear mixed model, whose residuals are the effects of the rows: Laplace is exact there.
    limit = _fit("odds ~ x + (1 | g)", table, "gaussian", "identity")
    density = 2.0 * (np.log(y) + np.log1p(-y)).sum()
    assert abs(fit.criterion - (limit.criterion + density)) < 1e-4
    np.testing.assert_allclose(fit.beta, limit.beta, atol=2e-5)
    deviations = sorted([*limit.theta * limit.sigma, limit.sigma])
    np.testing.assert_allclose(sorted(fit.theta), deviations, atol=1e-5)
    np.testing.assert_allclose(np.diag(fit.vcov), np.diag(limit.vcov), rtol=1e-4)


def test_variances_that_ran_away_are_no_saddle() -> None:
    levels = [0, 0, 1, 1, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 7, 7]
    table = pd.DataFrame(
        {
            "y": [1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1],
            "x": [
                *(-0.78, -0.78, -1.11, -0.24, 1.15, 1.08, 2.02, 0.28),
                *(0.29, 1.16, -1.2, 1.12, -1.33, -0.18, 0.86, -1.38),
            ],
            "c": list("acaabaabcccaaaac"),
            "g": levels,
            "h": [7 if v == 0 else v for v in levels],
        }
    )
    fit = _fit("y ~ c + (x | g) + (1 | h)", table, "binomial", "cauchit")
    assert fit.verdict.status == "not-identifiable"
    assert "flat-likelihood" in _codes(fit)
    assert "saddle" not in _codes(fit)


@pytest.mark.parametrize("seed", [0, 8])
def test_variances_that_run_until_no_mode_is_found_are_not_identifiable(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, g, trials = rng.normal(size=24).round(2), np.arange(24) % 4, rng.integers(1, 6, 24)
    won = np.where(x > 0.0, trials, 0)
    nearest = np.argmin(np.abs(x))
    won[nearest] = trials[nearest] - won[nearest]  # all but one row are a step in x
    table = pd.DataFrame({"won": won, "lost": trials - won, "x": x, "g": g})
    design = build("cbind(won, lost) ~ 1 + (x | g)", table, response="proportion")
    fit = fit_glmm(design, family_named("binomial"), link_named("cloglog"), 9)
    assert fit.verdict.status == "not-identifiable"
    assert "flat-likelihood" in _codes(fit)
    assert np.isfinite(fit.par_vcov).all()


@pytest.mark.parametrize("seed", [3, 5, 7])
def test_a_negative_binomial_is_never_worse_than_its_poisson_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    g, c = rng.integers(0, 12, 90), rng.integers(0, 3, 90)
    level = 0.3 + 0.3 * (c == 1) + rng.normal(size=12)[g]
    y = rng.poisson(np.exp(level + 0.6 * rng.normal(size=90))).astype(float)
    table = pd.DataFrame({"y": y, "g": g, "row": np.arange(90), "c": c.astype(str)})
    formula = "y ~ c + (1 | g) + (1 | row)"
    fit = _fit(formula, table, "negative_binomial", "log")
    limit = _fit(formula, table, "poisson", "log")
    assert fit.criterion < limit.criterion + 1e-6
    told = [d for d in fit.diagnostics if d.code == "dispersion-at-limit"]
    assert len(told) == 1
    assert "poisson" in told[0].advice
    assert fit.verdict.converged


@pytest.mark.parametrize(("family", "link"), [("gaussian", "identity"), ("gamma", "log")])
def test_effects_that_reproduce_the_response_are_named(family: str, link: str) -> None:
    rng = np.random.default_rng(0)
    g, h = np.arange(16) // 2, rng.integers(0, 5, 16)
    x, c = rng.normal(size=16), rng.choice(list("abc"), 16)
    y = rng.normal(size=16) + rng.normal(size=8)[g]
    table = pd.DataFrame({"y": np.exp(y) if link == "log" else y, "g": g, "h": h, "x": x, "c": c})
    fit = _fit("y ~ x*c + (x | g) + (1 | h)", table, family, link)
    assert fit.verdict.status == "not-identifiable"
    assert "no-residual-variance" in _codes(fit)
    assert "not-converged" not in _codes(fit)
    assert np.isfinite(fit.par_vcov).all()


def test_estimates_that_run_away_are_told_and_not_taken() -> None:
    rng = np.random.default_rng(0)
    g, x = np.arange(24) // 2, rng.normal(size=24)
    rng.choice(list("ab"), 24)
    y = (rng.random(24) < 0.85).astype(float)
    fit = _fit("y ~ 1 + (x || g)", pd.DataFrame({"y": y, "g": g, "x": x}), "binomial", "logit")
    assert fit.verdict.converged
    assert "lower-at-infinity" in _codes(fit)
    assert np.abs(fit.theta).max() < 5.0


def test_a_model_without_effects_may_be_the_better_optimum() -> None:
    rng = np.random.default_rng(16)
    g, h, x = rng.integers(0, 10, 30), rng.integers(0, 8, 30), rng.normal(size=30)
    y = rng.wald(np.exp(0.5 + 0.4 * x), 0.5)
    table = pd.DataFrame({"y": y, "g": g, "h": h, "x": x})
    fit = _fit("y ~ x + (1 | g) + (1 | h)", table, "inverse_gaussian", "log")
    assert fit.verdict.status == "singular"
    # From the first start alone the optimiser ends at 46.147.
    assert fit.criterion < 46.013


def test_a_pole_of_the_approximation_is_named() -> None:
    rng = np.random.default_rng(7)
    g, x = np.arange(24) // 2, rng.normal(size=24)
    rng.choice(list("ab"), 24)
    y = (rng.random(24) < 0.85).astype(float)
    fit = _fit("y ~ x + (1 | g)", pd.DataFrame({"y": y, "g": g, "x": x}), "binomial", "cauchit")
    assert fit.verdict.status == "not-converged"
    assert _codes(fit)[0] == "laplace-pole"
    assert "flat-likelihood" not in _codes(fit)
    assert np.isfinite(fit.vcov).all()


def test_the_edge_of_a_link_is_named() -> None:
    rng = np.random.default_rng(1)
    g, x, c = rng.integers(0, 10, 40), rng.normal(size=40), rng.choice(list("abc"), 40)
    effects = 0.2 * rng.normal(size=10)
    y = rng.poisson(np.maximum(1.0 + 0.3 * x + effects[g], 0.1) ** 2).astype(float)
    y[c == "c"] = 0.0
    table = pd.DataFrame({"y": y, "g": g, "x": x, "c": c})
    fit = _fit("y ~ x + c + (1 | g)", table, "poisson", "sqrt")
    assert fit.verdict.status == "not-converged"
    assert _codes(fit)[0] == "edge-of-range"


def test_a_level_without_events_is_separation_for_the_beta_binomial() -> None:
    rng = np.random.default_rng(2)
    n, c, g = rng.integers(2, 9, 60), rng.choice(list("ab"), 60), np.arange(60) % 10
    k = rng.binomial(n, rng.beta(2.0, 3.0, 60))
    k[c == "b"] = 0
    table = pd.DataFrame({"k": k, "rest": n - k, "c": c, "g": g})
    fit = _fit("cbind(k, rest) ~ c + (1 | g)", table, "beta_binomial", "logit")
    assert "separation" in _codes(fit)


def test_modes_are_found_next_to_the_limit_of_a_dispersion() -> None:
    rng = np.random.default_rng(4)
    g, h = rng.integers(0, 8, 40), np.arange(40)
    y = np.exp(0.2 + rng.normal(size=8)[g] + 0.5 * rng.normal(size=40))
    table = pd.DataFrame({"y": y, "g": g, "h": h})
    design, family, link = build("y ~ 1 + (1 | g/h)", table), family_named("gamma"), "log"
    control = fit_glmm(design, family, link_named(link)).control
    compiled = make_glmm(design, family, link_named(link), control).problem
    dense = make_glmm(design, family, link_named(link), control, dense_glmm).problem
    for log_phi in (-12.0, -20.5):
        psi = np.array([0.8, 0.5, 0.2, log_phi])
        found, twin = (evaluate_glmm(p, psi, None, 1) for p in (compiled, dense))
        assert abs(found.value / twin.value - 1.0) < 1e-7
        size = np.abs(twin.gradient).max()
        assert np.abs(found.gradient - twin.gradient).max() < 1e-4 * size


@pytest.mark.parametrize("log_phi", [20.0, 28.0])
def test_gradients_keep_their_digits_where_weights_are_large(log_phi: float) -> None:
    """The rounding of eta changes slopes by the weights times it, which are 10^11 here."""
    rng = np.random.default_rng(0)
    y = 1.0 / (1.0 + np.exp(-1.0 - 2.0 * rng.normal(size=30)))
    table = pd.DataFrame({"y": y, "x": rng.normal(size=30), "row": np.arange(30)})
    design, family, link = build("y ~ x + (1 | row)", table), family_named("beta"), "logit"
    control = fit_glmm(design, family, link_named(link)).control
    compiled = make_glmm(design, family, link_named(link), control).problem
    dense = make_glmm(design, family, link_named(link), control, dense_glmm).problem
    psi = np.array([1.7, 0.9, 0.1, log_phi])
    found, twin = (evaluate_glmm(p, psi, None, 1) for p in (compiled, dense))
    assert abs(found.value - twin.value) < 1e-10
    assert np.abs(found.gradient - twin.gradient).max() < 1e-9
    # At the limit the log odds are normal: the gradient by beta is that of least squares.
    x = compiled.arrays.X @ compiled.layout.basis.to_user
    left = np.log(y / (1.0 - y)) - x @ psi[1:3]
    spread = (psi[0] / compiled.layout.column_scales[0][0]) ** 2
    np.testing.assert_allclose(found.gradient[1:3], -2.0 * x.T @ left / spread, rtol=1e-6)
