"""Likelihood-ratio tests of the terms of a GLMM, by deletion and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import chdtrc

import nestwise as nw
from inference.glmm_models import cbpp
from nestwise.inference.glmm_deletion import fixed_loglik


def test_drop1_is_that_of_lme4() -> None:
    """lme4's drop1(m, test = "Chisq") on cbpp: AIC 194.0531 and 213.6631, LRT 25.60994."""
    t = cbpp().drop1()
    assert t["term"].tolist() == ["<none>", "period"]
    np.testing.assert_allclose(t["aic"], [194.0531, 213.6631], atol=1e-3)
    assert t["chisq"][1] == pytest.approx(25.60994, abs=1e-3)
    assert t["p_value"][1] == pytest.approx(1.151e-05, rel=2e-3)


def test_ranova_against_the_model_without_random_effects() -> None:
    """R's glm has log-likelihood -99.0291995."""
    t = cbpp().ranova()
    assert t["loglik"][1] == pytest.approx(-99.0291995, abs=1e-6)
    assert t["chisq"][1] == pytest.approx(2 * (cbpp().loglik + 99.0291995), abs=1e-6)
    assert t["p_value"][1] == pytest.approx(2 * t["p_boundary"][1])


def test_slopes_are_reduced_one_at_a_time() -> None:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(50), 12)
    x = rng.standard_normal(g.size)
    eta = 0.5 + (0.6 * rng.standard_normal(50))[g] + (0.3 + 0.4 * rng.standard_normal(50))[g] * x
    data = {"y": rng.poisson(np.exp(eta)).astype(float), "x": x, "g": g}
    m = nw.glmer("y ~ x + (x | g)", data, family="poisson")
    t = m.ranova()
    assert t["term"].tolist() == ["<none>", "x in (x | g)"]
    smaller = m.update(". ~ x + (1 | g)")
    assert t["loglik"][1] == pytest.approx(smaller.loglik, abs=1e-6)
    assert t["p_value"][1] == pytest.approx(chdtrc(2, t["chisq"][1]))


@pytest.mark.parametrize(("family", "link"), [("negative_binomial", "log"), ("gamma", "log")])
def test_a_singular_fit_is_the_fit_without_random_effects(family: str, link: str) -> None:
    y = np.tile([0.5 if family == "gamma" else 0.0, 1, 1, 2, 2, 9], 12)
    data = {"y": y, "g": np.repeat(np.arange(12), 6)}
    m = nw.glmer("y ~ 1 + (1 | g)", data, family=family, link=link)
    assert m.is_singular
    assert fixed_loglik(m.fit) == pytest.approx(m.loglik, abs=1e-6)


def test_comparison_by_simulation() -> None:
    m1 = cbpp()
    m0 = m1.update(". ~ 1 + (1 | herd)")
    found = nw.pb_compare(m0, m1, n=60, seed=1)
    assert found.df == 3
    assert found.statistic == pytest.approx(25.60994, abs=1e-3)
    assert found.p_value == pytest.approx(1 / 61)
    assert found.n_failed == 0
    assert 1.0 < np.mean(found.simulated) < 6.0
    data = nw.load_dataset("cbpp")
    plain = nw.lmer("incidence / size ~ period + (1 | herd)", data, weights="size", REML=False)
    with pytest.raises(nw.OptionError, match="two of a kind"):
        nw.pb_compare(m0, plain, n=10)
