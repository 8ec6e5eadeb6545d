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
    with pytest.raises(nw.OptionError, match="use kind='percentile' or 'basic'"):
        b.confint(kind="bca")
    with pytest.raises(nw.OptionError, match="method='cases' is not known"):
        m.bootstrap(10, "cases")
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


def test_structured_terms_have_no_simulated_refits() -> None:
    rng = np.random.default_rng(3)
    data = {
        "y": rng.poisson(2.0, 160).astype(float),
        "t": np.tile(list("abcd"), 40),
        "g": np.repeat(np.arange(40), 4),
    }
    m = nw.glmer("y ~ 1 + cs(0 + t | g)", data, family="poisson")
    with pytest.raises(
        nw.OptionError, match="Simulated refits of GLMMs do not know the structure of cs"
    ):
        m.bootstrap(5, seed=1)
    with pytest.raises(nw.OptionError, match="Profiles do not know the structure of cs"):
        m.profile()
