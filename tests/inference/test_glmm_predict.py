"""Predictions of generalised linear mixed models: TMB's standard errors, means by brute force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nestwise._base.errors import DataError, OptionError
from nestwise.core.families.registry import FAMILIES
from nestwise.core.glmm import evaluate_glmm, random_effects
from nestwise.core.links.registry import LINKS
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.glmm_linear import linear_predictions, sensitivity
from nestwise.inference.glmm_predict import predict_glmm, predict_glmm_interval
from nestwise.inference.marginal_effects import marginal_effects, marginal_means
from nestwise.inference.marginal_mean import marginal_mean
from nestwise.inference.model_rows import model_rows

Oracle = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def gamma_data() -> Callable[[Oracle], pd.DataFrame]:
    def make(oracle: Oracle) -> pd.DataFrame:
        facts = oracle("glmm_predict")["gamma"]
        groups = np.repeat(np.arange(30), 6).astype(str)
        return pd.DataFrame({"y": facts["y"], "x": facts["x"], "g": groups})

    return make


def _gamma(table: pd.DataFrame) -> GlmmFit:
    return fit_glmm(build("y ~ x + (1 | g)", table), FAMILIES["gamma"], LINKS["log"])


def _binary(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(40), 12)
    x, f = rng.normal(size=g.size), rng.choice(["a", "b", "c"], g.size)
    effect = rng.normal(size=(40, 2)) * [1.0, 0.6]
    eta = -0.3 + 0.8 * x + 0.7 * (f == "b") + effect[g, 0] + effect[g, 1] * x
    y = (rng.random(g.size) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    return pd.DataFrame({"y": y, "x": x, "f": f, "g": g.astype(str)})


@pytest.fixture(scope="module")
def binary() -> tuple[GlmmFit, pd.DataFrame]:
    table = _binary()
    return fit_glmm(
        build("y ~ x + f + (x | g)", table), FAMILIES["binomial"], LINKS["logit"]
    ), table


def test_slopes_as_tmb_has_them(oracle: Oracle, shared_file: Callable[[str], Path]) -> None:
    facts = oracle("glmm_predict")["contraception"]
    table = pd.read_csv(shared_file("Contraception.csv"))
    table["use"] = (table["use"] == "Y").astype(float)
    design = build("use ~ age + urban + (urban | district)", table)
    fit = fit_glmm(design, FAMILIES["binomial"], LINKS["logit"])
    rows = table.iloc[facts["rows"]]
    on_link = predict_glmm_interval(fit, rows, type="link")
    np.testing.assert_allclose(on_link["fit"], facts["fit"], atol=1e-5)
    np.testing.assert_allclose(on_link["se"], facts["se"], rtol=2e-5)
    found = predict_glmm_interval(fit, rows)
    np.testing.assert_allclose(found["fit"], facts["response"], atol=1e-5)
    np.testing.assert_allclose(found["se"], facts["response_se"], rtol=2e-5)
    population = predict_glmm_interval(fit, rows, re_form=None, type="link")
    np.testing.assert_allclose(population["fit"], facts["population"], atol=1e-5)
    np.testing.assert_allclose(population["se"], facts["population_se"], rtol=3e-5)


def test_a_scale_is_uncertain_too(
    oracle: Oracle, gamma_data: Callable[[Oracle], pd.DataFrame]
) -> None:
    facts, table = oracle("glmm_predict")["gamma"], gamma_data(oracle)
    fit = _gamma(table)
    assert fit.loglik >= facts["loglik"] - 1e-6
    found = predict_glmm_interval(fit, table.iloc[:8], type="link")
    np.testing.assert_allclose(found["fit"], facts["fit"], atol=5e-6)
    np.testing.assert_allclose(found["se"], facts["se"], rtol=2e-5)


def test_modes_move_as_differences_say(binary: tuple[GlmmFit, pd.DataFrame]) -> None:
    fit, _ = binary
    model, m = fit.model, fit.theta.size
    to_kernel = np.linalg.inv(model.layout.basis.to_user)

    def modes(parameters: np.ndarray) -> np.ndarray:
        par = parameters[:m] * model.layout.theta_scale
        psi = np.concatenate([par, to_kernel @ parameters[m:]])
        u = evaluate_glmm(model, psi, None, 0).result.u
        return random_effects(model.layout, par, u)[0]

    at = np.concatenate([fit.theta, fit.beta])
    found = sensitivity(fit).effects[0]
    for i in range(at.size):
        shift = np.zeros(at.size)
        shift[i] = 1e-4
        numeric = (modes(at + shift) - modes(at - shift)) / 2e-4
        np.testing.assert_allclose(found[:, :, i], numeric, atol=2e-6)


def test_marginal_means_by_brute_force(binary: tuple[GlmmFit, pd.DataFrame]) -> None:
    fit, table = binary
    rows = table.iloc[:5]
    covariance = fit.lambdas[0] @ fit.lambdas[0].T
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    half = np.linalg.cholesky(covariance)
    a, b = np.meshgrid(nodes, nodes)
    effects = half @ np.stack([a.ravel(), b.ravel()])
    w = np.outer(weights, weights).ravel() / weights.sum() ** 2
    eta = predict_glmm(fit, rows, re_form=None, type="link")
    grid = eta[:, None] + effects[0] + rows["x"].to_numpy()[:, None] * effects[1]
    expected = (1.0 / (1.0 + np.exp(-grid))) @ w
    found = predict_glmm(fit, rows, re_form=None, marginal=True)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    typical = predict_glmm(fit, rows, re_form=None)
    assert (np.abs(found - 0.5) < np.abs(typical - 0.5)).all()


@pytest.mark.parametrize("name", ["logit", "probit", "cloglog", "cauchit", "log", "identity"])
def test_derivatives_of_marginal_means(name: str) -> None:
    eta, s2 = np.array([-2.0, 0.3, 1.5]), np.array([0.2, 1.0, 3.0])
    found, h = marginal_mean(LINKS[name], eta, s2), 1e-5
    ahead, back = (marginal_mean(LINKS[name], eta + d, s2).mean for d in (h, -h))
    np.testing.assert_allclose(found.by_eta, (ahead - back) / (2 * h), rtol=1e-6)
    ahead, back = (marginal_mean(LINKS[name], eta, s2 + d).mean for d in (h, -h))
    np.testing.assert_allclose(found.by_variance, (ahead - back) / (2 * h), rtol=1e-5, atol=1e-9)


def test_probit_and_log_have_closed_forms() -> None:
    from scipy.special import ndtr

    eta, s2 = np.array([-1.0, 0.4]), np.array([0.5, 2.0])
    probit = marginal_mean(LINKS["probit"], eta, s2).mean
    np.testing.assert_allclose(probit, ndtr(eta / np.sqrt(1.0 + s2)), rtol=1e-12)
    log = marginal_mean(LINKS["log"], eta, s2).mean
    np.testing.assert_allclose(log, np.exp(eta + 0.5 * s2), rtol=1e-12)


def test_standard_errors_of_marginal_means_by_refits_of_parameters(
    binary: tuple[GlmmFit, pd.DataFrame],
) -> None:
    fit, table = binary
    rows = model_rows(fit, table.iloc[:4], re_form=None)
    linear = linear_predictions(fit, rows, True)
    m, h = fit.theta.size, 1e-5

    def means(theta: np.ndarray, beta: np.ndarray) -> np.ndarray:
        lambdas = np.zeros((2, 2))
        lambdas[[0, 1, 1], [0, 0, 1]] = theta
        moved = replace(fit, theta=theta, beta=beta, lambdas=(lambdas,))
        return predict_glmm(moved, table.iloc[:4], re_form=None, marginal=True)

    slopes = []
    for i in range(m + fit.beta.size):
        shift = np.zeros(m + fit.beta.size)
        shift[i] = h
        ahead = means(fit.theta + shift[:m], fit.beta + shift[m:])
        back = means(fit.theta - shift[:m], fit.beta - shift[m:])
        slopes.append((ahead - back) / (2 * h))
    J = np.array(slopes).T
    expected = np.sqrt(np.einsum("ri,ij,rj->r", J, fit.par_vcov, J))
    found = predict_glmm_interval(fit, table.iloc[:4], re_form=None, marginal=True)
    np.testing.assert_allclose(found["se"], expected, rtol=1e-5)
    assert linear.latent.max() == 0.0


def test_unseen_groups(binary: tuple[GlmmFit, pd.DataFrame]) -> None:
    fit, table = binary
    new = table.iloc[:3].assign(g="unknown")
    with pytest.raises(DataError, match="unknown"):
        predict_glmm(fit, new)
    typical = predict_glmm(fit, new, allow_new_levels=True)
    np.testing.assert_allclose(typical, predict_glmm(fit, new, re_form=None))
    mean = predict_glmm(fit, new, allow_new_levels=True, marginal=True)
    np.testing.assert_allclose(mean, predict_glmm(fit, new, re_form=None, marginal=True))
    told = predict_glmm_interval(fit, new, allow_new_levels=True, type="link")
    known = predict_glmm_interval(fit, new, re_form=None, type="link")
    assert (told["se"] > known["se"]).all()


def test_intervals_stay_in_range_and_cover_new_responses(
    oracle: Oracle, gamma_data: Callable[[Oracle], pd.DataFrame]
) -> None:
    table = gamma_data(oracle)
    fit = _gamma(table)
    mean = predict_glmm_interval(fit, table, interval="confidence")
    new = predict_glmm_interval(fit, table, interval="prediction", seed=1)
    assert (mean["lower"] > 0).all()
    assert (new["lower"] < mean["lower"]).all()
    inside = (table["y"] > new["lower"]) & (table["y"] < new["upper"])
    assert 0.9 < inside.mean() < 1.0
    again = predict_glmm_interval(fit, table, interval="prediction", seed=1)
    np.testing.assert_array_equal(again["upper"], new["upper"])
    with pytest.raises(OptionError, match="new responses"):
        predict_glmm_interval(fit, table, interval="prediction", type="link")


def test_offset_counts_in_new_rows() -> None:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(25), 8)
    time = rng.uniform(1, 5, g.size)
    y = rng.poisson(time * np.exp(0.2 + rng.normal(size=25)[g] * 0.4))
    table = pd.DataFrame({"y": y, "time": time, "g": g.astype(str)})
    design = build("y ~ 1 + offset(log(time)) + (1 | g)", table)
    fit = fit_glmm(design, FAMILIES["poisson"], LINKS["log"])
    new = pd.DataFrame({"time": [1.0, 3.0], "g": ["0", "0"]})
    one, three = predict_glmm(fit, new)
    np.testing.assert_allclose(three, 3.0 * one)
    np.testing.assert_allclose(predict_glmm(fit), fit.mu)


def test_average_effects(binary: tuple[GlmmFit, pd.DataFrame]) -> None:
    fit, table = binary
    found = marginal_effects(fit, table)
    assert found["term"].tolist() == ["x", "f", "f"]
    assert found["contrast"].tolist() == ["dy/dx", "b - a", "c - a"]
    means = marginal_means(fit, table, "f")
    by_hand = [
        predict_glmm(fit, table.assign(f=level), re_form=None, marginal=True).mean()
        for level in "abc"
    ]
    np.testing.assert_allclose(means["estimate"], by_hand, rtol=1e-12)
    np.testing.assert_allclose(found["estimate"][1], by_hand[1] - by_hand[0], rtol=1e-10)
    h = 1e-4
    ahead, back = (
        predict_glmm(fit, table.assign(x=table["x"] + d), re_form=None, marginal=True).mean()
        for d in (h, -h)
    )
    np.testing.assert_allclose(found["estimate"][0], (ahead - back) / (2 * h), rtol=1e-5)
    assert (means["conf_low"] < means["estimate"]).all()
    typical = marginal_effects(fit, table, "x", marginal=False)
    assert typical["estimate"][0] != found["estimate"][0]
    with pytest.raises(OptionError, match="did you mean"):
        marginal_effects(fit, table, "xx")


def test_effects_on_the_scale_of_the_link(binary: tuple[GlmmFit, pd.DataFrame]) -> None:
    fit, table = binary
    typical = marginal_effects(fit, table, marginal=False, type="link")
    # Without interactions they are the coefficients.
    np.testing.assert_allclose(typical["estimate"], fit.beta[1:], rtol=1e-9)
    np.testing.assert_allclose(typical["std_error"], np.sqrt(np.diag(fit.vcov))[1:], rtol=1e-9)
    m, h = fit.theta.size, 1e-5

    def effects(shift: np.ndarray) -> np.ndarray:
        theta, beta = fit.theta + shift[:m], fit.beta + shift[m:]
        lambdas = np.zeros((2, 2))
        lambdas[[0, 1, 1], [0, 0, 1]] = theta
        moved = replace(fit, theta=theta, beta=beta, lambdas=(lambdas,))
        a, b = (
            predict_glmm(moved, table.assign(f=v), re_form=None, marginal=True, type="link").mean()
            for v in "ab"
        )
        return np.array([a, b, b - a])

    J = np.array([effects(e) - effects(-e) for e in h * np.eye(m + fit.beta.size)]).T / (2 * h)
    se = np.sqrt(np.einsum("ri,ij,rj->r", J, fit.par_vcov, J))
    found = marginal_effects(fit, table, "f", type="link")
    means = marginal_means(fit, table, "f", type="link")
    a, b, difference = effects(np.zeros(m + fit.beta.size))
    np.testing.assert_allclose(means["estimate"][:2], [a, b], rtol=1e-12)
    np.testing.assert_allclose(found["estimate"][0], difference, rtol=1e-10)
    np.testing.assert_allclose([*means["std_error"][:2], found["std_error"][0]], se, rtol=1e-5)
    half = means["conf_high"] - means["estimate"]
    np.testing.assert_allclose(half, 1.959964 * means["std_error"], rtol=1e-6)
    with pytest.raises(OptionError, match="type='mean' is not known"):
        marginal_means(fit, table, "f", type="mean")


def test_a_table_of_any_kind(binary: tuple[GlmmFit, pd.DataFrame]) -> None:
    pl = pytest.importorskip("polars")
    fit, table = binary
    other = pl.from_pandas(table)
    a, b = marginal_effects(fit, table), marginal_effects(fit, other)
    np.testing.assert_allclose(a["estimate"], b["estimate"], rtol=1e-12)
    plain = {name: table[name].tolist() for name in table}
    np.testing.assert_allclose(
        marginal_effects(fit, plain)["std_error"], a["std_error"], rtol=1e-10
    )
