"""Profiles, bootstraps and refits of GLMMs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from inference.glmm_models import cbpp, ticks
from nestwise.inference.bootstrap_interval import accelerations
from nestwise.inference.simulate import generator

Oracle = Callable[[str], Any]
Finder = Callable[[str], Path]


@pytest.fixture(scope="module")
def slopes(shared_file: Finder) -> nw.GeneralizedMixedModel:
    data = pd.read_csv(shared_file("Contraception.csv"))
    return nw.glmer("use ~ age + urban + (urban | district)", data)


def _agree(found: pd.DataFrame, want: dict[str, Any], within: float) -> None:
    assert found["term"].tolist() == want["term"]
    width = np.array(want["high"]) - np.array(want["low"])
    assert (np.abs(found["conf_low"] - want["low"]) / width).max() < within
    assert (np.abs(found["conf_high"] - want["high"]) / width).max() < within


def test_profile_intervals_are_those_of_lme4(
    oracle: Oracle, slopes: nw.GeneralizedMixedModel
) -> None:
    want = oracle("glmm_profile")
    _agree(cbpp().confint("profile"), want["cbpp"], 2e-4)
    _agree(cbpp().update(nAGQ=9).confint("profile"), want["quadrature"], 2e-4)
    _agree(slopes.confint("profile"), want["slopes"], 5e-3)  # lme4 interpolates by splines


def test_profiles_of_dispersions(shared_file: Finder) -> None:
    """At the ends of the interval the best fit with phi fixed is 3.84 worse."""
    m = ticks(shared_file("grouseticks.csv"))
    p = m.profile(["phi"])
    t = p.confint()
    assert t["conf_low"][0] < m.phi < t["conf_high"][0]
    points = p.tidy()
    assert points["value"].is_monotonic_increasing
    assert points["zeta"].is_monotonic_increasing
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(25), 6)
    y = rng.gamma(3.0, np.exp(0.4 * rng.standard_normal(25))[g] / 3.0)
    gamma = nw.glmer("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="gamma", link="log")
    found = gamma.confint("profile")
    assert found["term"].tolist() == ["sd_(Intercept)|g", "sigma", "(Intercept)"]
    truth = [0.4, 3.0**-0.5, 0.0]
    assert (found["conf_low"] < truth).all()
    assert (found["conf_high"] > truth).all()


def test_profile_of_a_coefficient_that_ran_away() -> None:
    """Its curvature says nothing; the profile still begins to rise where the likelihood falls."""
    rng = np.random.default_rng(8)
    g, kind = np.repeat(np.arange(12), 8), np.tile(["a", "b", "c", "c"], 24)
    eta = 0.8 * rng.normal(size=12)[g] + 0.7 * (kind == "b") - 0.3
    y = (rng.random(96) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    y[kind == "c"] = 1
    data = pd.DataFrame({"y": y, "kind": kind, "g": g})
    model = nw.glmer("y ~ kind + (1 | g)", data)
    assert "separation" in [d.code for d in model.diagnostics]
    found = model.confint(method="profile", params=["kindc"])
    low = float(found["conf_low"].iloc[0])
    assert np.isnan(found["conf_high"].iloc[0])
    fewer = data.assign(o=low * (kind == "c"), other=np.where(kind == "b", "b", "a"))
    held = nw.glmer("y ~ other + offset(o) + (1 | g)", fewer)
    assert held.criterion - model.criterion == pytest.approx(1.959964**2, abs=1e-2)


def test_profile_at_a_variance_of_zero() -> None:
    data = {"y": np.tile([0.0, 1, 1, 2, 2, 4], 10), "g": np.repeat(np.arange(10), 6)}
    m = nw.glmer("y ~ 1 + (1 | g)", data, family="poisson")
    assert m.is_singular
    p = m.profile(["sd_(Intercept)|g"])
    assert p.confint()["conf_low"][0] == 0.0
    assert 0.0 < p.confint()["conf_high"][0] < 1.0
    assert "boundary" in p.notes[0]


def test_bootstrap_agrees_with_the_curvature_and_is_reproducible() -> None:
    m = cbpp()
    b = m.bootstrap(200, seed=1)
    assert b.n_failed == 0
    t = b.tidy()
    assert t["term"].tolist() == ["sd_(Intercept)|herd", *m.params.index]
    np.testing.assert_allclose(t["std_error"][1:], m.bse, rtol=0.25)
    half = m.bootstrap(60, seed=1)
    both = m.bootstrap(100, resume=half)
    np.testing.assert_array_equal(both.replicates, b.replicates[:100])
    found = b.confint(kind="basic")
    assert (found["conf_low"] < found["conf_high"]).all()
    assert found["conf_low"][0] >= 0.0
    with pytest.raises(nw.OptionError, match="use method='parametric' or 'cases'"):
        m.bootstrap(10, "residual")
    percentile = m.confint("boot", n=60, seed=1)
    assert percentile["term"].tolist() == t["term"].tolist()


def test_warm_refits_are_the_fits(slopes: nw.GeneralizedMixedModel) -> None:
    """A replicate refitted from the estimates equals a fit from scratch."""
    for m in (cbpp(), slopes):
        y = m.simulate(2, seed=7)
        rows = m.bootstrap(2, seed=7).replicates
        for r in range(2):
            fresh = m.refit(y[:, r])
            components = fresh.varcorr()
            sd = components["sdcor"][components["var2"].isna()]
            terms = [c for c in rows.columns if c.startswith("sd_")]
            np.testing.assert_allclose(rows[terms].iloc[r], sd, atol=2e-3)
            np.testing.assert_allclose(rows[fresh.params.index].iloc[r], fresh.params, atol=1e-3)


def test_bootstrap_of_other_families(shared_file: Finder) -> None:
    m = ticks(shared_file("grouseticks.csv"))
    t = m.bootstrap(40, seed=2).tidy()
    assert "phi" in t["term"].tolist()
    assert (t["n"] >= 38).all()
    at = t["term"].tolist().index("phi")
    assert t["estimate"][at] == pytest.approx(m.phi)


def test_cases_are_whole_groups_fitted_anew() -> None:
    """A replicate by hand: herds drawn with replacement, each draw a herd of its own."""
    m, data = cbpp(), nw.load_dataset("cbpp")
    b = m.bootstrap(2, "cases", seed=5)
    herds = m.ranef()["level"].tolist()
    for r in range(2):
        drawn = generator(5, r).integers(15, size=15)
        parts = [data[data["herd"].astype(str) == herds[g]] for g in drawn]
        again = pd.concat([part.assign(herd=str(i)) for i, part in enumerate(parts)])
        fresh = m.update(data=again)
        np.testing.assert_allclose(b.replicates.iloc[r, 1:], fresh.params, atol=1e-5)
        assert b.replicates.iloc[r, 0] == pytest.approx(fresh.theta[0], abs=1e-5)


@pytest.mark.parametrize("method", ["parametric", "cases"])
def test_workers_do_not_change_the_answer(method: str) -> None:
    one, two = (cbpp().bootstrap(12, method, seed=3, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one.replicates, two.replicates)


def test_bca_leaves_out_each_group() -> None:
    """The acceleration from fits without each herd, by Efron's formula."""
    m, data = cbpp(), nw.load_dataset("cbpp")
    left = [
        m.update(data=data[data["herd"].astype(str) != herd])
        for herd in m.ranef()["level"].tolist()
    ]
    values = np.array([[one.theta[0], *one.params] for one in left])
    away = values.mean(axis=0) - values
    want = (away**3).sum(axis=0) / (6.0 * ((away**2).sum(axis=0)) ** 1.5)
    np.testing.assert_allclose(accelerations(m.fit), want, rtol=1e-3, atol=1e-4)
    found = m.bootstrap(60, seed=1).confint(kind="bca", level=0.9)
    assert (found["conf_low"] < found["conf_high"]).all()


@pytest.fixture(scope="module")
def occasions() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    b = rng.normal(0.0, 0.5, 40)
    return {
        "y": rng.poisson(np.exp(0.7 + np.repeat(b, 4))).astype(float),
        "t": np.tile(list("abcd"), 40),
        "g": np.repeat(np.arange(40), 4),
    }


@pytest.mark.parametrize("structure", ["cs", "ar1", "homcs"])
def test_refits_of_structured_terms_are_the_fits(structure: str, occasions: dict[str, Any]) -> None:
    m = nw.glmer(f"y ~ 1 + {structure}(0 + t | g)", occasions, family="poisson")
    y, rows = m.simulate(2, seed=7), m.bootstrap(2, seed=7).replicates
    assert (rows == m.bootstrap(2, seed=7, n_jobs=2).replicates).to_numpy().all()
    for r in range(2):
        fresh = m.refit(y[:, r])
        np.testing.assert_allclose(rows["(Intercept)"].iloc[r], fresh.params, atol=1e-4)
        assert rows.iloc[r, 0] == pytest.approx(fresh.varcorr()["sdcor"][0], abs=1e-3)


def test_structured_terms_compared_by_simulation(occasions: dict[str, Any]) -> None:
    """The responses were drawn with equal correlations, so that one intercept is enough."""
    large = nw.glmer("y ~ 1 + cs(0 + t | g)", occasions, family="poisson")
    small = large.update("y ~ 1 + (1 | g)")
    t = nw.pb_compare(small, large, n=20, seed=1)
    assert t.n_failed == 0
    assert t.df == 4
    assert t.p_value > 0.05
