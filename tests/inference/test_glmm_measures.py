"""Shares of variance, dispersion and simulation of GLMMs."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import polygamma

import nestwise as nw
from inference.glmm_models import cbpp, ticks
from nestwise.inference.drawn_means import drawn_means
from nestwise.inference.glmm_linear import LinearPredictions
from nestwise.inference.glmm_predict import population_means


def _poisson(n_groups: int = 40, size: int = 12, extra: float = 0.0) -> dict[str, np.ndarray]:
    """Counts by group; `extra` is the sd of a further effect of each row."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(n_groups), size)
    x = rng.standard_normal(g.size)
    eta = 0.8 + 0.4 * x + 0.5 * rng.standard_normal(n_groups)[g]
    y = rng.poisson(np.exp(eta + extra * rng.standard_normal(g.size)))
    return {"y": y.astype(float), "x": x, "g": g, "row": np.arange(g.size)}


def test_shares_of_variance_of_a_binomial_model() -> None:
    m = cbpp()
    between = float(m.theta[0] ** 2)
    latent = math.pi**2 / 3
    assert m.icc().adjusted == pytest.approx(between / (between + latent), rel=1e-12)
    data = nw.load_dataset("cbpp")
    eta = m.params.iloc[0] + np.array([0, *m.params.iloc[1:]])[data["period"].astype(int) - 1]
    fixed = float(np.var(eta, ddof=1))
    total = fixed + between + latent
    assert m.r2().marginal == pytest.approx(fixed / total, rel=1e-12)
    assert m.r2().conditional == pytest.approx((fixed + between) / total, rel=1e-12)
    # By the delta method at the mean over rows and herds, integrated here by brute force.
    z, w = np.polynomial.hermite_e.hermegauss(80)
    by_herd = 1 / (1 + np.exp(-(eta[:, None] + m.theta[0] * z)))
    p = float(np.mean(by_herd @ w / w.sum()))
    within = 1 / (p * (1 - p))
    assert m.icc("delta").adjusted == pytest.approx(between / (between + within), rel=1e-8)
    with pytest.raises(nw.OptionError, match="use one of 'latent', 'delta'"):
        m.icc("lognormal")


def test_shares_of_variance_of_counts(shared_file: Callable[[str], Path]) -> None:
    m = nw.glmer("y ~ x + (1 | g)", _poisson(), family="poisson")
    between = float(m.theta[0] ** 2)
    mu = float(np.mean(np.exp(m.params.iloc[0] + m.params.iloc[1] * _poisson()["x"] + between / 2)))
    for method, within in (
        (None, math.log1p(1 / mu)),
        ("lognormal", math.log1p(1 / mu)),
        ("delta", 1 / mu),
        ("trigamma", float(polygamma(1, mu))),
    ):
        assert m.icc(method).adjusted == pytest.approx(between / (between + within), rel=1e-7)
    nb = ticks(shared_file("grouseticks.csv"))
    between = float(nb.theta[0] ** 2)
    mu = float(np.mean(nb.predict(re_form="marginal")))
    within = math.log1p(1 / mu + 1 / nb.phi)
    assert nb.icc().adjusted == pytest.approx(between / (between + within), rel=1e-9)


def test_an_effect_of_each_row_counts_as_residual() -> None:
    data = _poisson(extra=0.6)
    m = nw.glmer("y ~ x + (1 | g) + (1 | row)", data, family="poisson")
    sd = {row.group: row.sdcor for row in m.varcorr().itertuples()}
    mu = float(np.mean(m.predict(re_form="marginal")))
    within = sd["row"] ** 2 + math.log1p(1 / mu)
    assert m.icc().adjusted == pytest.approx(sd["g"] ** 2 / (sd["g"] ** 2 + within), rel=1e-7)
    assert sd["row"] == pytest.approx(0.6, abs=0.12)


def test_overdispersion_is_found_where_it_is() -> None:
    fine = nw.glmer("y ~ x + (1 | g)", _poisson(), family="poisson").overdispersion(seed=1)
    assert fine["p_value"].min() > 0.05
    assert "No sign" in fine.attrs["note"]
    wide = nw.glmer("y ~ x + (1 | g)", _poisson(extra=0.8), family="poisson").overdispersion(seed=1)
    assert wide["ratio"].min() > 1.3
    assert wide["p_value"].max() < 0.05
    assert "negative_binomial" in wide.attrs["note"]


@pytest.mark.parametrize(
    ("family", "link", "beta", "sd", "phi"),
    [
        ("binomial", "logit", [-0.4, 0.8], 0.7, None),
        ("binomial", "probit", [-0.2, 0.5], 0.5, None),
        ("poisson", "log", [0.6, 0.3], 0.5, None),
        ("negative_binomial", "log", [1.0, 0.3], 0.5, 2.0),
        ("gamma", "log", [0.5, 0.4], 0.4, 0.3),
        ("beta", "logit", [0.2, 0.5], 0.5, 8.0),
        ("gaussian", "log", [1.0, 0.2], 0.2, 0.25),
    ],
)
def test_simulated_data_give_their_parameters_back(
    family: str, link: str, beta: list[float], sd: float, phi: float | None
) -> None:
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(120), 15)
    x = rng.standard_normal(g.size)
    eta = beta[0] + beta[1] * x + sd * rng.standard_normal(120)[g]
    made = getattr(nw.families, family)(link)
    mu = nw.families.links[link].inverse(eta, 0)[0]
    y = made.simulate(mu, np.ones(g.size), phi, rng)
    m = nw.glmer("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, family=made)
    assert m.converged
    assert m.link == link
    assert np.abs((m.params.to_numpy() - beta) / m.bse.to_numpy()).max() < 3.5
    assert m.varcorr()["sdcor"][0] == pytest.approx(sd, rel=0.25)
    if phi is not None:
        assert m.phi == pytest.approx(phi, rel=0.2)
    again = m.simulate(1, seed=3)
    assert again.shape == (g.size, 1)
    assert again.mean() == pytest.approx(y.mean(), rel=0.3)


def test_simulation_depends_on_seed_and_column_alone() -> None:
    m = cbpp()
    three, five = m.simulate(3, seed=4), m.simulate(5, seed=4)
    assert (three == five[:, :3]).all()
    trials = m.fit.design.weights
    assert trials is not None
    counts = five * trials[:, None]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    held = m.simulate(400, seed=1, conditional=True).mean(axis=1)
    np.testing.assert_allclose(held, m.fitted(), atol=0.09)


def test_simulated_residuals_of_the_true_model_are_uniform() -> None:
    m = nw.glmer("y ~ x + (1 | g)", _poisson(), family="poisson")
    r = m.simulated_residuals(seed=2)
    assert r.tests["p_value"].min() > 0.01
    assert 0.0 <= r.residuals.min() < r.residuals.max() <= 1.0
    assert np.histogram(r.residuals, 4, (0, 1))[0].min() > 80


def test_links_that_do_not_keep_means_in_range_say_so() -> None:
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(20), 10)
    data = {"y": rng.poisson(12.0 + 1.2 * rng.standard_normal(20)[g]).astype(float), "g": g}
    m = nw.glmer("y ~ 1 + (1 | g)", data, family="poisson", link="identity")
    assert m.predict(re_form="marginal")[0] == pytest.approx(m.params.iloc[0], rel=1e-9)
    assert m.simulate(2, seed=1).min() >= 0.0
    with pytest.raises(nw.FitError, match="1 of 2 means that were drawn from this model"):
        drawn_means(m.fit, np.array([-1.0, 2.0]))
    one, none = np.ones(1), np.zeros((1, 3))
    with pytest.raises(nw.FitError, match=r"probability 0.15., which the identity link allows"):
        population_means(m.fit, LinearPredictions(one, none, 0 * one, one, none))
    low = m.predict({"g": [0]}, re_form=None, interval="confidence", level=1 - 1e-12)
    assert low["lower"][0] >= 0.0


def test_means_across_a_pole_are_refused_and_intervals_end_at_it() -> None:
    """1/eta of a normal eta has no mean: far from zero it makes no difference, near it does."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(6), 12)
    y = 1.0 / (1.8 + 0.9 * rng.standard_normal(6))[g] + 0.1 * rng.standard_normal(72)
    m = nw.glmer("y ~ 1 + (1 | g)", {"y": y, "g": g}, family="gaussian", link="inverse")
    with pytest.raises(nw.FitError, match="pass through infinity, with probability"):
        m.predict(re_form="marginal")
    wide = m.predict({"g": [0]}, re_form=None, interval="confidence", level=1 - 1e-14)
    assert wide["upper"][0] == np.inf
    assert 0.0 < wide["lower"][0] < wide["fit"][0]
    one, none = np.ones(1), np.zeros((1, 3))
    for eta, slack in ((6.0, 1e-3), (12.0, 1e-5)):
        far = population_means(m.fit, LinearPredictions(eta * one, none, 0 * one, one, none))
        series = 1.0 / eta + 1.0 / eta**3 + 3.0 / eta**5 + 15.0 / eta**7 + 105.0 / eta**9
        assert far.mean[0] == pytest.approx(series, rel=slack)


def test_gamma_responses_near_zero_do_not_lead_astray() -> None:
    """With a shape of 0.1 some responses are 1e-30: no place for the search to begin."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        g = np.repeat(np.arange(12), 8)
        x = rng.standard_normal(g.size)
        mu = np.exp(0.5 + 0.4 * x + 0.3 * rng.standard_normal(12)[g])
        data = {"y": np.maximum(rng.gamma(0.1, mu / 0.1), 1e-200), "x": x, "g": g}
        m = nw.glmer("y ~ x + (1 | g)", data, family="gamma", link="log")
        assert m.converged
        assert m.fitted().max() < 1e3
        assert m.phi == pytest.approx(10.0, rel=0.3)
