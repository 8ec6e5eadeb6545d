"""Quantile residuals, heteroscedasticity, normality of random effects, between/within bias."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

import nestwise as nw
from inference.r_models import mixed, table
from nestwise.inference.mundlak import between_within_diagnostic


def random_intercepts(seed: int, weird: bool = False) -> nw.MixedModel:
    """30 groups of 6 from a normal model; with `weird` a heavy tail on one side."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(30), 6), rng.normal(size=180)
    noise = rng.exponential(size=180) ** 2 if weird else rng.normal(size=180)
    y = 1 + 0.5 * x + rng.normal(size=30)[g] + noise
    return nw.lmer("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g}))


def test_quantile_residuals_of_a_right_model() -> None:
    p = [random_intercepts(s).simulated_residuals(99, seed=s).tests["p_value"] for s in range(12)]
    assert (np.array(p)[:, 0] < 0.05).sum() <= 2
    assert (np.array(p)[:, 1] < 0.05).sum() <= 2
    r = random_intercepts(3).simulated_residuals(seed=1)
    assert r.residuals.min() > 0
    assert r.residuals.max() < 1
    assert r.n_simulations == 250


def test_quantile_residuals_of_a_wrong_model() -> None:
    m = random_intercepts(1, weird=True)
    for conditional in (True, False):
        t = m.simulated_residuals(199, seed=2, conditional=conditional).tests
        assert t["p_value"][0] <= 0.01


def test_quantile_residuals_are_repeatable() -> None:
    m = mixed("sleepstudy")
    a, b = (m.simulated_residuals(50, seed=7).residuals for _ in range(2))
    np.testing.assert_array_equal(a, b)
    again = m.simulated_residuals(50)
    np.testing.assert_array_equal(
        m.simulated_residuals(50, seed=again.seed).residuals, again.residuals
    )


def test_quantile_residuals_are_the_normal_quantiles() -> None:
    """Many simulations of a Gaussian model give its distribution function."""
    m = nw.lm("Reaction ~ Days", table("sleepstudy"))
    u = m.simulated_residuals(4000, seed=3).residuals
    expected = stats.norm.cdf(m.residuals() / m.sigma)
    assert np.abs(u - expected).max() < 0.04


def test_bad_numbers_of_simulations() -> None:
    with pytest.raises(nw.NestwiseError, match="n="):
        mixed("sleepstudy").simulated_residuals(0)
    with pytest.raises(nw.NestwiseError, match="memory"):
        mixed("sleepstudy").simulated_residuals(10**6)


def test_koenker_statistic_is_n_times_r_squared() -> None:
    m = nw.lm("Reaction ~ Days", table("sleepstudy"))
    t = m.heteroscedasticity()
    s = (m.residuals() / m.sigma) ** 2 / (1 - m.hatvalues())
    aux = nw.lm("s ~ Days", table("sleepstudy").assign(s=s))
    assert t["statistic"].tolist() == pytest.approx([180 * aux.r_squared] * 2, rel=1e-9)
    assert t["p_value"][0] == pytest.approx(stats.chi2.sf(180 * aux.r_squared, 1))


def test_growing_variance_is_found() -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(1, 5, 400)
    g = np.repeat(np.arange(40), 10)
    y = x + rng.normal(size=40)[g] + x * rng.normal(size=400)
    m = nw.lmer("y ~ x + (1 | g)", {"y": y, "x": x, "g": g})
    assert m.heteroscedasticity()["p_value"].max() < 1e-4
    assert random_intercepts(5).heteroscedasticity()["p_value"].min() > 0.01


def test_normality_is_that_of_the_modes_when_balanced() -> None:
    m = mixed("sleepstudy")
    t, modes = m.random_normality(), m.fit.modes[0]
    expected = [stats.shapiro(modes[:, j]).pvalue for j in (0, 1)]
    assert t["p_value"].tolist() == pytest.approx(expected, rel=1e-9)
    assert t["n"].tolist() == [18, 18]


def test_normality_where_the_variance_is_zero() -> None:
    assert np.isnan(mixed("dyestuff2").random_normality()["p_value"][0])


def test_outlying_group_is_not_normal() -> None:
    rng = np.random.default_rng(6)
    b = rng.normal(size=40)
    b[0] = 12.0
    g = np.repeat(np.arange(40), 20)
    m = nw.lmer("y ~ 1 + (1 | g)", {"y": b[g] + rng.normal(size=800), "g": g})
    assert m.random_normality()["p_value"][0] < 1e-6


def test_mundlak_is_the_model_with_group_means() -> None:
    data = nw.load_dataset("Exam")
    data = data.assign(between=data.groupby("school", observed=True)["standLRT"].transform("mean"))
    m = nw.lmer("normexam ~ standLRT + (1 | school)", data)
    full = nw.lmer("normexam ~ standLRT + between + (1 | school)", data).tidy()
    t = m.between_within_bias()
    for column in ("estimate", "std_error", "statistic", "df", "p_value"):
        assert t[column][0] == pytest.approx(full[column][2], rel=1e-4)
    assert t["statistic"][1] == pytest.approx(full["statistic"][2] ** 2, rel=1e-4)
    assert between_within_diagnostic(m.fit) is not None


def test_mundlak_with_nothing_to_compare() -> None:
    with pytest.raises(nw.NestwiseError, match="nothing to compare"):
        mixed("sleepstudy").between_within_bias()
    with pytest.raises(nw.NestwiseError, match="did you mean 'Subject'"):
        mixed("sleepstudy").between_within_bias("Subjct")


def test_tests_come_in_the_callers_kind_of_table() -> None:
    data = pl.DataFrame({"y": [0, 1, 1, 0, 1, 1, 0, 0], "g": list("aabbccdd")})
    r = nw.glmer("y ~ 1 + (1 | g)", data).simulated_residuals(20, seed=1)
    assert isinstance(r.tests, pl.DataFrame)
    assert r.tests.columns == ["test", "statistic", "p_value"]
    assert (r.n_simulations, r.seed) == (20, 1)
    assert r.residuals.shape == (8,)
