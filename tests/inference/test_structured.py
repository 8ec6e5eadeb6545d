"""Tests, sandwiches and intervals of fits with structured residuals, by their definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

import nestwise as nw
from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise.core.structured.dense import dense_covariance
from nestwise.inference.structured.residuals import correlated, structured_residuals


def trial(n: int = 40, seed: int = 1) -> pd.DataFrame:
    """Two arms, four visits, dropout and holes, correlated residuals with unequal variances."""
    rng = np.random.default_rng(seed)
    C = 0.6 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    e = rng.standard_normal((n, 4)) @ np.linalg.cholesky(C).T * [1.0, 1.3, 1.6, 2.0]
    subject, visit = np.repeat(np.arange(n), 4), np.tile(np.arange(4), n)
    data = pd.DataFrame(
        {
            "y": 10.0 + e.ravel() + 0.5 * visit * (subject % 2),
            "arm": np.where(subject % 2 == 1, "active", "placebo"),
            "visit": pd.Categorical([f"V{v + 1}" for v in visit]),
            "subject": subject,
        }
    )
    dropped = (rng.random(len(data)) < 0.15) & (data["visit"] != "V1")
    return data[~dropped].reset_index(drop=True)


FORMULA = "y ~ arm * visit"


@pytest.fixture(scope="module")
def model() -> nw.StructuredModel:
    return nw.gls(FORMULA, trial(), residual="us(visit | subject)")


def clusters(model: nw.StructuredModel) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """X, V and residuals of each subject, from the n x n matrix."""
    fit = model.fit
    V = fit.sigma**2 * dense_covariance(fit.problem.arrays, fit.par)[0]
    e, X = fit.design.y - fit.design.fixed.X @ fit.beta, fit.design.fixed.X
    codes = fit.design.residual.subject.codes  # type: ignore[union-attr]
    groups = [np.flatnonzero(codes == c) for c in np.unique(codes)]
    return [(X[at], V[np.ix_(at, at)], e[at]) for at in groups]


@pytest.mark.parametrize(("kind", "power"), [("CR0", 0.0), ("CR2", -0.5), ("CR3", -1.0)])
def test_sandwich_by_definition(model: nw.StructuredModel, kind: str, power: float) -> None:
    parts = clusters(model)
    Phi = np.linalg.inv(sum(X.T @ np.linalg.solve(V, X) for X, V, _ in parts))
    Phi_half, meat, g = Phi, np.zeros_like(Phi), []
    whole = np.vstack([np.linalg.inv(np.real(sqrtm(V))) @ X for X, V, _ in parts])
    H, start = whole @ Phi_half @ whole.T, 0
    row = np.zeros(len(Phi))
    row[-1] = 1.0
    for X, V, e in parts:
        half = np.linalg.inv(np.real(sqrtm(V)))
        at = slice(start, start + len(e))
        values, vectors = np.linalg.eigh(np.eye(len(e)) - H[at, at])
        A = (vectors * values**power) @ vectors.T
        score = X.T @ half @ A @ half @ e
        meat += np.outer(score, score)
        g.append((np.eye(len(H)) - H)[at].T @ A @ half @ X @ Phi @ row)
        start += len(e)
    G = np.array(g) @ np.array(g).T
    np.testing.assert_allclose(model.vcov(kind), Phi @ meat @ Phi, rtol=1e-8)
    expected = np.trace(G) ** 2 / np.sum(G**2)
    assert model.tidy(ddf=kind)["df"].iloc[-1] == pytest.approx(expected, rel=1e-8)


def test_satterthwaite_by_differences_of_refitted_variances(model: nw.StructuredModel) -> None:
    """The gradient of a contrast's variance, from V itself."""
    fit = model.fit

    def variances(par: FloatArray) -> FloatArray:
        V, _ = dense_covariance(fit.problem.arrays, par)
        X = fit.design.fixed.X
        return np.asarray(fit.sigma**2 * np.linalg.inv(X.T @ np.linalg.solve(V, X)).diagonal())

    from nestwise.inference.structured.satterthwaite import parameter_covariance, variance_gradient

    p, m = fit.beta.size, fit.par.size
    found = variance_gradient(fit, np.eye(p))
    for i in range(m):
        move = 1e-5 * np.eye(m)[i]
        numeric = (variances(fit.par + move) - variances(fit.par - move)) / 2e-5
        np.testing.assert_allclose(found[:, i], numeric, rtol=1e-5, atol=1e-9)
    spread = np.einsum("qi,ij,qj->q", found, parameter_covariance(fit), found)
    np.testing.assert_allclose(
        model.tidy()["df"], 2.0 * variances(fit.par) ** 2 / spread, rtol=1e-6
    )


def test_linear_kenward_roger_does_not_depend_on_the_parameters() -> None:
    """cs and a random intercept are one model: its tests are those of the mixed model."""
    data = trial()
    balanced = data.groupby("subject").filter(lambda g: len(g) == 4)
    marginal = nw.gls(FORMULA, balanced, residual="cs(visit | subject)")
    mixed = nw.lmer(FORMULA + " + (1 | subject)", balanced)
    linear = marginal.anova(ddf="kenward-roger-linear")
    reference = mixed.anova(ddf="kenward-roger")
    np.testing.assert_allclose(linear["f_value"], reference["f_value"], rtol=1e-6)
    np.testing.assert_allclose(linear["den_df"], reference["den_df"], rtol=1e-5)


@pytest.mark.parametrize("kind", ["CR0", "CR2", "CR3"])
def test_too_few_subjects(kind: str) -> None:
    """Five subjects and ten variance parameters: refused in words, or finite."""
    small = nw.gls(FORMULA, trial(5), residual="us(visit | subject)")
    with pytest.raises(OptionError, match="variances negative"):
        small.tidy(ddf="kenward-roger")
    assert (np.linalg.eigvalsh(small.vcov(kind)) > -1e-12).all()
    assert np.isfinite(small.tidy(ddf=kind)["std_error"]).all()


def test_unstructured_balanced_is_the_multivariate_test() -> None:
    """Complete data, all interactions: the F of the arm's profile has exact degrees of freedom."""
    balanced = trial().groupby("subject").filter(lambda g: len(g) == 4)
    complete = nw.gls(FORMULA, balanced, residual="us(visit | subject)")
    n = balanced["subject"].nunique()
    np.testing.assert_allclose(complete.tidy()["df"], n - 2.0, rtol=1e-5)
    pairs = complete.emmeans("arm", by="visit").pairs()
    wide = balanced.pivot(index=["subject", "arm"], columns="visit", values="y").reset_index()
    for visit, t in zip(("V1", "V2", "V3", "V4"), pairs["t_ratio"], strict=True):
        a, b = (wide.loc[wide["arm"] == arm, visit] for arm in ("active", "placebo"))
        pooled = (a.var() * (len(a) - 1) + b.var() * (len(b) - 1)) / (n - 2)
        expected = (a.mean() - b.mean()) / np.sqrt(pooled * (1 / len(a) + 1 / len(b)))
        assert t == pytest.approx(expected, rel=1e-5)


def test_between_within_counts_subjects(model: nw.StructuredModel) -> None:
    data = trial()
    rows, subjects = len(data), data["subject"].nunique()
    within = rows - (subjects + 6)  # three visits, three interactions
    df = dict(zip(model.params.index, model.tidy(ddf="between-within")["df"], strict=True))
    assert df["(Intercept)"] == within == df["visitV2"]
    assert df["armplacebo"] == subjects - (1 + 1)


def test_normalized_residuals_are_whitened(model: nw.StructuredModel) -> None:
    raw, found = model.residuals(), model.residuals("normalized")
    fit = model.fit
    V = fit.sigma**2 * dense_covariance(fit.problem.arrays, fit.par)[0]
    assert float(found @ found) == pytest.approx(float(raw @ np.linalg.solve(V, raw)), rel=1e-9)
    np.testing.assert_allclose(model.residuals("pearson"), raw / np.sqrt(V.diagonal()), rtol=1e-10)


def test_crossed_effects_with_autoregression_recover_the_truth() -> None:
    rng = np.random.default_rng(7)
    n_subjects, n_items, v = 120, 30, 8
    subject, time = np.repeat(np.arange(n_subjects), v), np.tile(np.arange(v), n_subjects)
    item = np.concatenate([rng.choice(n_items, v, replace=False) for _ in range(n_subjects)])
    C = 0.5 ** np.abs(np.subtract.outer(np.arange(v), np.arange(v)))
    e = (rng.standard_normal((n_subjects, v)) @ np.linalg.cholesky(C).T).ravel()
    y = (
        2.0
        + 0.3 * time
        + rng.normal(0, 0.8, n_items)[item]
        + rng.normal(0, 0.7, n_subjects)[subject]
        + e
    )
    data = pd.DataFrame({"y": y, "time": time, "subject": subject, "item": item})
    model = nw.lmer("y ~ time + (1 | subject) + (1 | item)", data, residual="ar1(time | subject)")
    assert model.converged
    assert model.fit.problem.blocks.trailing == (1,)
    table = model.residual_parameters()
    rho = table.loc[table["term"] == "rho"].iloc[0]
    assert rho["conf_low"] < 0.5 < rho["conf_high"]
    assert rho["std_error"] < 0.1
    sds = dict(zip(model.varcorr()["group"], model.varcorr()["sdcor"], strict=True))
    assert sds["item"] == pytest.approx(0.8, abs=0.35)
    assert sds["subject"] == pytest.approx(0.7, abs=0.25)
    assert sds["Residual"] == pytest.approx(1.0, abs=0.12)
    assert model.params["time"] == pytest.approx(0.3, abs=4 * model.bse["time"])
    assert len(model.ranef(cond_var=True)) == n_subjects + n_items
    df = model.tidy(ddf="kenward-roger")["df"]
    assert df.iloc[0] < n_subjects < df.iloc[1] < len(data)


def fitted_model(
    formula: str, data: pd.DataFrame, settings: Mapping[str, Any]
) -> nw.StructuredModel:
    call: Any = nw.lmer if "|" in formula else nw.gls
    options = {k: settings.get(k) for k in ("residual", "variance")}
    model: nw.StructuredModel = call(formula, data, **options)
    return model


def joint_by_hand(
    model: nw.StructuredModel, data: pd.DataFrame, whole: pd.DataFrame
) -> tuple[FloatArray, FloatArray]:
    """BLUP and its error variance of the rows of `whole` that are not in `data`, from one big V.

    A fit to `whole` only makes the arrays; the parameters are those of `model`.
    """
    arrays = fitted_model(model.formula, whole, model.source.settings).fit.problem.arrays
    V = model.fit.sigma**2 * dense_covariance(arrays, model.fit.par)[0]
    old = np.flatnonzero(whole["row"].isin(data["row"]))
    new = np.flatnonzero(~whole["row"].isin(data["row"]))
    X, y, beta = arrays.X, arrays.y, model.fit.beta
    A = np.linalg.solve(V[np.ix_(old, old)], V[np.ix_(old, new)]).T
    g = X[new] - A @ X[old]
    value = X[new] @ beta + A @ (y[old] - X[old] @ beta)
    error = V[np.ix_(new, new)] - A @ V[np.ix_(old, new)] + g @ model.vcov() @ g.T
    return value, error.diagonal()


@pytest.mark.parametrize(
    ("random", "settings"),
    [
        ("", {"residual": "us(visit | subject)"}),
        ("", {"residual": "ar1(visit | arm/subject)"}),
        ("", {"residual": "ar1(visit | subject)", "variance": "arm"}),
        (" + (1 | subject)", {"residual": "ar1(visit | subject)", "variance": "visit"}),
        (" + (1 | subject) + (1 | site)", {"residual": "ar1(visit | subject)"}),
    ],
)
def test_missed_visits_are_predicted_from_the_others(random: str, settings: dict[str, str]) -> None:
    whole = trial(30, 3).assign(row=lambda d: range(len(d)), site=lambda d: d["row"] * 7 % 5)
    data = whole[whole["row"] % 9 != 4]
    model = fitted_model(FORMULA + random, data, settings)
    assert bool(model.fit.problem.blocks.trailing) == ("site" in random)
    value, variance = joint_by_hand(model, data, whole)
    new = whole[whole["row"] % 9 == 4]
    np.testing.assert_allclose(model.predict(new, residual=True), value, rtol=1e-8)
    table = model.predict(new, residual=True, se=True)
    np.testing.assert_allclose(table["se"] ** 2, variance, rtol=1e-7)
    # Without its own residuals a subject gets the mean of the population.
    population = model.predict(new, re_form=None)
    stranger = new.assign(subject=999)
    np.testing.assert_allclose(population, model.predict(stranger, re_form=None), rtol=1e-12)
    known = model.predict(data, residual=True)
    np.testing.assert_allclose(known, data["y"], rtol=1e-8)


def test_prediction_intervals_with_random_effects() -> None:
    data = trial(30, 4)
    mixed = nw.lmer(FORMULA + " + (1 | subject)", data)
    plain = nw.lmer(FORMULA + " + (1 | subject)", data, variance="visit")
    new = data.head(5).assign(subject=[0, 1, 777, 3, 778])
    settings = {"allow_new_levels": True, "se": True}
    for m, options in ((mixed, {"theta_uncertainty": False}), (plain, {})):
        known = m.predict(new, **settings, **options)
        assert known["se"].iloc[2] < known["se"].iloc[0] * 3
    # With equal variances both kinds of fit predict alike.
    equal = nw.gls(FORMULA, data, residual="cs(visit | subject)")
    own = equal.predict(new, interval="prediction")
    theirs = mixed.predict(
        new, re_form=None, interval="prediction", theta_uncertainty=False, ddf="normal"
    )
    np.testing.assert_allclose(own["fit"], theirs["fit"], rtol=1e-6)
    np.testing.assert_allclose(own["upper"], theirs["upper"], rtol=1e-5)


def test_simulated_responses_have_the_covariance_of_the_fit(model: nw.StructuredModel) -> None:
    draws = model.simulate(4000, seed=3)
    fit = model.fit
    V = fit.sigma**2 * dense_covariance(fit.problem.arrays, fit.par)[0]
    own = np.flatnonzero(fit.design.residual.subject.codes == 0)  # type: ignore[union-attr]
    found = np.cov(draws[own])
    np.testing.assert_allclose(found, V[np.ix_(own, own)], atol=0.35)
    refitted = model.refit(draws[:, 0])
    assert refitted.converged
    assert refitted.loglik != pytest.approx(model.loglik)


def test_intervals_are_those_of_nlme(
    oracle: Callable[[str], Any], shared_file: Callable[[str], Path]
) -> None:
    expected = oracle("structured_first")["limits"]
    orthodont = pd.read_csv(shared_file("Orthodont.csv"))
    models = {
        "ovary": nw.gls(
            "follicles ~ sin(2*pi*Time) + cos(2*pi*Time)",
            pd.read_csv(shared_file("Ovary.csv")),
            residual="ar1(1 | Mare)",
        ),
        "ident": nw.gls(
            "distance ~ age*Sex", orthodont, residual="ar1(age | Subject)", variance="Sex"
        ),
        "cs": nw.gls("distance ~ age*Sex", orthodont, residual="cs(age | Subject)"),
    }
    for name, model in models.items():
        table = model.residual_parameters()
        found = table[["conf_low", "estimate", "conf_high"]].to_numpy()
        theirs = [expected[name].get(k) for k in ("corStruct", "varStruct", "sigma")]
        np.testing.assert_allclose(found, np.array([x for x in theirs if x]), rtol=2e-3)
        own = model.confint(params=list(table["term"]))
        np.testing.assert_allclose(own["conf_low"], table["conf_low"])


def test_intervals_of_random_effects(shared_file: Callable[[str], Path]) -> None:
    """Nearly equal variances: as the delta method on the mixed model's own Hessian has them."""
    from nestwise.core.hessian import hessian

    data = pd.read_csv(shared_file("Orthodont.csv"))
    model = nw.lmer("distance ~ age + (1 | Subject)", data, variance="Sex")
    table = model.confint().set_index("term")
    sd = dict(zip(model.varcorr()["group"], model.varcorr()["sdcor"], strict=True))["Subject"]
    low, high = table.loc["sd_(Intercept)|Subject"]
    assert low < sd < high
    assert np.sqrt(low * high) == pytest.approx(sd, rel=1e-6)
    plain = nw.lmer("distance ~ age + (1 | Subject)", data)
    H = hessian(plain.fit.problem, plain.fit.theta, plain.sigma, True)
    g = np.array([1.0 / plain.theta[0], 1.0 / plain.sigma])
    std_error = float(np.sqrt(g @ (2.0 * np.linalg.inv(H)) @ g))
    assert np.log(high / low) / 3.92 == pytest.approx(std_error, rel=0.1)
    assert list(table.index) == [
        "(Intercept)",
        "age",
        "sd_(Intercept)|Subject",
        "sd[Male]/sd[Female]",
        "sigma",
    ]


@pytest.mark.parametrize("formula", ["Reaction ~ Days", "Reaction ~ Days + (1 | Subject)"])
def test_chains_are_whitened_and_coloured_as_matrices_are(formula: str) -> None:
    data = nw.load_dataset("sleepstudy").sample(frac=0.8, random_state=1)
    data["w"] = np.random.default_rng(2).uniform(0.5, 2.0, len(data))
    call = nw.lmer if "|" in formula else nw.gls
    fit = call(formula, data, residual="car1(Days | Subject)", weights="w").fit
    assert fit.problem.chain is not None
    blocks = dataclasses.replace(fit, problem=dataclasses.replace(fit.problem, chain=None))
    e = np.random.default_rng(3).normal(size=len(data))
    for kind in ("normalized", "pearson"):
        found, twin = (structured_residuals(one, e, kind) for one in (fit, blocks))
        np.testing.assert_allclose(found, twin, atol=1e-12)
    np.testing.assert_allclose(correlated(fit, e), correlated(blocks, e), atol=1e-12)
    back = structured_residuals(fit, correlated(fit, e), "normalized")
    np.testing.assert_allclose(back * fit.sigma, e, atol=1e-12)
