"""Structured covariances of random effects: cs, ar1, toep, diag, homogeneous or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import evaluate
from nestwise.core.patterns import hessian_by_par, n_parameters, par_of, theta_of
from nestwise.core.structures.registry import STRUCTURES
from nestwise.design import build
from nestwise.design.check import check_plain
from nestwise.fit.patterned import patterned_objective
from nestwise.fit.refitter import make_refitter
from nestwise.formula.parser import parse
from nestwise.inference.kenward_roger import adjusted_vcov, kenward_roger_df
from nestwise.inference.parameters import parameters
from nestwise.inference.satterthwaite import degrees_of_freedom

Oracle = Callable[[str], Any]
PATTERNED = [s.name for s in STRUCTURES.values() if s.pattern is not None]


@pytest.fixture
def crossed(oracle: Oracle) -> pd.DataFrame:
    data = pd.DataFrame(oracle("g_side")["simulated_data"])
    return data.assign(f=data["time"].astype(str), item=data["item"].astype(str))


def covariance(model: nw.MixedModel) -> FloatArray:
    L = model.fit.lambdas[0]
    return np.asarray(model.sigma**2 * (L @ L.T))


@pytest.mark.parametrize("name", ["homcs", "homdiag", "diag", "cs", "ar1", "toep"])
def test_machines_as_nlme_and_glmmtmb(
    name: str, oracle: Oracle, shared_file: Callable[[str], Path]
) -> None:
    data, known = pd.read_csv(shared_file("Machines.csv")), oracle("g_side")[f"machines_{name}"]
    m = nw.lmer(f"score ~ Machine + {name}(0 + Machine | Worker)", data)
    assert m.loglik == pytest.approx(known["loglik"], abs=1e-8)
    assert m.sigma == pytest.approx(known["sigma"], rel=1e-5)
    np.testing.assert_allclose(covariance(m), known["covariance"], rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(m.bse, known["se"], rtol=1e-5)
    assert m.converged


def test_maximum_likelihood(oracle: Oracle, shared_file: Callable[[str], Path]) -> None:
    data, known = pd.read_csv(shared_file("Machines.csv")), oracle("g_side")["machines_homcs_ml"]
    m = nw.lmer("score ~ Machine + homcs(0 + Machine | Worker)", data, REML=False)
    assert m.loglik == pytest.approx(known["loglik"], abs=1e-8)
    np.testing.assert_allclose(covariance(m), known["covariance"], rtol=1e-4)


@pytest.mark.parametrize("name", ["ar1", "cs", "toep", "diag"])
def test_beside_a_crossed_factor(name: str, oracle: Oracle, crossed: pd.DataFrame) -> None:
    known = oracle("g_side")[f"simulated_{name}"]
    m = nw.lmer(f"y ~ time + {name}(0 + f | id) + (1 | item)", crossed)
    assert m.loglik == pytest.approx(known["loglik"], abs=1e-6)
    assert m.loglik >= known["loglik"] - 1e-9
    np.testing.assert_allclose(covariance(m), known["covariance"], rtol=2e-4, atol=1e-8)


@pytest.mark.parametrize("name", PATTERNED)
def test_derivatives(name: str, crossed: pd.DataFrame) -> None:
    problem = nw.lmer(f"y ~ time + {name}(0 + f | id) + (1 | item)", crossed).fit.problem
    rng = np.random.default_rng(3)
    n = n_parameters(problem)
    par = rng.normal(0.3, 0.2, n)
    function = patterned_objective(problem, True)
    here, step = function(par), 1e-5
    sigma = 0.9

    def deviance(at: FloatArray, s: float) -> float:
        e = evaluate(problem, theta_of(problem, at)[0], True, 0)
        df = problem.n - problem.p
        return e.ldL2 + e.ldRX2 + df * np.log(2 * np.pi * s**2) + e.pwrss / s**2

    H = hessian_by_par(problem, par, sigma, True)
    for i in range(n):
        move = np.zeros(n)
        move[i] = step
        slope = (function(par + move).value - function(par - move).value) / (2 * step)
        assert here.gradient[i] == pytest.approx(slope, rel=1e-5, abs=2e-5)
        h = 2e-3
        move[i] = h
        bend = deviance(par + move, sigma) - 2 * deviance(par, sigma) + deviance(par - move, sigma)
        assert H[i, i] == pytest.approx(bend / h**2, rel=1e-3, abs=1e-2)


@pytest.mark.parametrize("name", PATTERNED)
def test_par_and_theta_are_inverses(name: str, crossed: pd.DataFrame) -> None:
    fit = nw.lmer(f"y ~ time + {name}(0 + f | id) + (1 | item)", crossed).fit
    np.testing.assert_allclose(par_of(fit.problem, fit.theta), fit.par, rtol=1e-6, atol=1e-7)
    again = nw.lmer(f"y ~ time + {name}(0 + f | id) + (1 | item)", crossed, control=None)
    assert again.criterion == fit.criterion


def test_one_variance_is_an_interaction_of_groups(crossed: pd.DataFrame) -> None:
    """homdiag(0 + f | id) is (1 | id:f), in every answer."""
    a = nw.lmer("y ~ time + homdiag(0 + f | id)", crossed).fit
    b = nw.lmer("y ~ time + (1 | id:f)", crossed).fit
    assert a.criterion == pytest.approx(b.criterion, abs=1e-8)
    np.testing.assert_allclose(degrees_of_freedom(a), degrees_of_freedom(b), rtol=1e-4)
    L = np.eye(2)
    np.testing.assert_allclose(kenward_roger_df(a, L), kenward_roger_df(b, L), rtol=1e-4)
    np.testing.assert_allclose(adjusted_vcov(a), adjusted_vcov(b), rtol=1e-5)


def test_compound_symmetry_is_two_random_intercepts(crossed: pd.DataFrame) -> None:
    a = nw.lmer("y ~ time + cs(0 + f | id, hom=TRUE)", crossed)
    b = nw.lmer("y ~ time + (1 | id/f)", crossed)
    assert a.criterion == pytest.approx(b.criterion, abs=1e-8)
    assert a.aic == pytest.approx(b.aic, abs=1e-8)
    np.testing.assert_allclose(degrees_of_freedom(a.fit), degrees_of_freedom(b.fit), rtol=1e-4)
    L = np.eye(2)
    np.testing.assert_allclose(kenward_roger_df(a.fit, L), kenward_roger_df(b.fit, L), rtol=1e-4)
    np.testing.assert_allclose(adjusted_vcov(a.fit), adjusted_vcov(b.fit), rtol=1e-5)


@pytest.mark.parametrize("name", ["cs", "toep", "hetar1"])
def test_two_effects_have_any_covariance(name: str) -> None:
    """With two columns a variance each and one correlation is the unstructured covariance."""
    data = nw.load_dataset("sleepstudy")
    a = nw.lmer(f"Reaction ~ Days + {name}(1 + Days | Subject)", data)
    b = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    assert a.criterion == pytest.approx(b.criterion, abs=1e-7)
    np.testing.assert_allclose(covariance(a), covariance(b), rtol=1e-3)
    np.testing.assert_allclose(degrees_of_freedom(a.fit), degrees_of_freedom(b.fit), rtol=1e-3)


def dense_kenward_roger(
    X: FloatArray, V: Callable[[FloatArray], FloatArray], phi: FloatArray
) -> FloatArray:
    """Kenward & Roger's (1997) adjusted covariance from n x n matrices and differences of V."""
    n, h = len(phi), 1e-4 * np.maximum(np.abs(phi), 0.1)
    inverse = np.linalg.inv(V(phi))

    def unit(i: int) -> FloatArray:
        return np.eye(n)[i] * h[i]

    first = [(V(phi + unit(i)) - V(phi - unit(i))) / (2 * h[i]) for i in range(n)]
    second = [
        [
            (
                V(phi + unit(i) + unit(j))
                - V(phi + unit(i) - unit(j))
                - V(phi - unit(i) + unit(j))
                + V(phi - unit(i) - unit(j))
            )
            / (4 * h[i] * h[j])
            for j in range(n)
        ]
        for i in range(n)
    ]
    Phi = np.linalg.inv(X.T @ inverse @ X)
    P = [-X.T @ inverse @ F @ inverse @ X for F in first]
    Q = [[X.T @ inverse @ F @ inverse @ G @ inverse @ X for G in first] for F in first]
    R = [[X.T @ inverse @ second[i][j] @ inverse @ X for j in range(n)] for i in range(n)]
    information = np.array(
        [
            [
                np.trace(inverse @ first[i] @ inverse @ first[j])
                - 2 * np.trace(Phi @ Q[i][j])
                + np.trace(Phi @ P[i] @ Phi @ P[j])
                for j in range(n)
            ]
            for i in range(n)
        ]
    )
    W = 2.0 * np.linalg.inv(information)
    middle = sum(
        W[i, j] * (Q[i][j] - P[i] @ Phi @ P[j] - 0.25 * R[i][j]) for i in range(n) for j in range(n)
    )
    return np.asarray(Phi + 2.0 * Phi @ middle @ Phi)


def test_kenward_roger_of_an_autoregression(crossed: pd.DataFrame) -> None:
    part = crossed[crossed["id"] <= 12].reset_index(drop=True)
    fit = nw.lmer("y ~ time + ar1(0 + f | id)", part).fit
    lag = np.abs(np.subtract.outer(part["time"].to_numpy(), part["time"].to_numpy()))
    same = part["id"].to_numpy()[:, None] == part["id"].to_numpy()

    def V(phi: FloatArray) -> FloatArray:
        return np.asarray(np.where(same, phi[0] * phi[1] ** lag, 0.0) + phi[2] * np.eye(len(part)))

    C = fit.lambdas[0] @ fit.lambdas[0].T
    phi = np.array([fit.sigma**2 * C[0, 0], C[0, 1] / C[0, 0], fit.sigma**2])
    expected = dense_kenward_roger(fit.design.fixed.X, V, phi)
    np.testing.assert_allclose(adjusted_vcov(fit), expected, rtol=1e-5)


def test_spellings() -> None:
    for text, name in [
        ("cs(0 + f | g)", "cs"),
        ("cs(0 + f | g, hom = TRUE)", "homcs"),
        ("diag(0 + f | g, hom=True)", "homdiag"),
        ("ar1(0 + f | g)", "ar1"),
        ("ar1(0 + f | g, hom=FALSE)", "hetar1"),
        ("toep(0 + f | g, hom=TRUE)", "homtoep"),
    ]:
        assert parse(f"y ~ x + {text}").random[0].structure == name
    with pytest.raises(nw.FormulaError, match="one bar"):
        parse("y ~ cs(x || g)")
    with pytest.raises(nw.FormulaError, match="hom=TRUE"):
        parse("y ~ us(x | g, hom=TRUE)")
    with pytest.raises(nw.FormulaError, match="hom=TRUE"):
        parse("y ~ cs(x | g, equal=TRUE)")


def test_a_sequence_needs_a_factor(crossed: pd.DataFrame) -> None:
    with pytest.raises(nw.DataError, match=r"factor\(time\)"):
        nw.lmer("y ~ time + ar1(0 + time | id)", crossed)
    with pytest.raises(nw.DataError, match=r"factor\(time\)"):
        nw.lmer("y ~ time + ar1(1 | id)", crossed)


def test_at_the_limit_tests_stay_sensible(crossed: pd.DataFrame) -> None:
    """A response without any variation between subjects: variances go to zero."""
    noise = crossed.assign(y=np.random.default_rng(3).normal(size=len(crossed)))
    m = nw.lmer("y ~ time + cs(0 + f | id)", noise)
    assert m.is_singular
    plain = nw.lm("y ~ time", noise)
    np.testing.assert_allclose(m.bse, plain.bse, rtol=0.1)
    df = degrees_of_freedom(m.fit)
    assert ((df > 20) & (df < 480)).all()
    with pytest.raises(nw.OptionError, match="satterthwaite"):
        m.summary("kenward-roger")
    assert nw.lmer("y ~ time + homdiag(0 + f | id)", noise).converged


def test_answers_that_read_the_fit(crossed: pd.DataFrame) -> None:
    m = nw.lmer("y ~ time + ar1(0 + f | id) + (1 | item)", crossed)
    assert m.fit.par.size == 3
    assert "ar1" in m.formula
    assert m.varcorr()["sdcor"].notna().all()
    assert m.ranova()["df"].tolist()[1:] == [1.0, 1.0]
    compared = nw.anova(m, nw.lmer("y ~ time + (1 | id) + (1 | item)", crossed))
    assert compared["df"].iloc[1] == 1
    assert m.predict(crossed.head(3), interval="prediction").notna().to_numpy().all()
    assert np.isfinite(m.simulate(1, seed=1)).all()
    ends = m.confint(method="profile", params=["cor_rho|id", "sigma"])
    assert (ends["conf_low"] < ends["conf_high"]).all()


@pytest.mark.parametrize("name", ["ar1", "cs", "homdiag", "toep"])
def test_refits_of_other_responses(name: str, crossed: pd.DataFrame) -> None:
    """The refits of the bootstrap reach what a fit from the start reaches."""
    m = nw.lmer(f"y ~ time + {name}(0 + f | id)", crossed)
    again = make_refitter(m.fit)
    for seed in range(3):
        y = m.simulate(1, seed=seed).ravel()
        short, whole = again.fit_response(y), m.refit(y)
        assert short.criterion == pytest.approx(whole.criterion, abs=1e-6)
        assert short.sigma == pytest.approx(whole.sigma, rel=1e-4)
        np.testing.assert_allclose(short.beta, whole.fit.beta, rtol=1e-3, atol=1e-4)


def test_bootstrap_of_a_structure(crossed: pd.DataFrame) -> None:
    m = nw.lmer("y ~ time + ar1(0 + f | id)", crossed)
    table = m.bootstrap(60, seed=2).confint().set_index("term")
    assert list(table.index[:3]) == ["sd_f1..f6|id", "cor_rho|id", "sigma"]
    C = covariance(m)
    rho = C[0, 1] / C[0, 0]
    assert table.loc["cor_rho|id", "conf_low"] < rho < table.loc["cor_rho|id", "conf_high"]
    sd = np.sqrt(C[0, 0])
    assert table.loc["sd_f1..f6|id", "conf_low"] < sd < table.loc["sd_f1..f6|id", "conf_high"]
    het = nw.lmer("y ~ time + toep(0 + f | id)", crossed)
    names = [p.name for p in parameters(het.fit.design)]
    assert names[:8] == [
        *(f"sd_f{i}|id" for i in range(1, 7)),
        "cor_lag1|id",
        "cor_lag2|id",
    ]


def test_no_residual_left(crossed: pd.DataFrame) -> None:
    """One row for each subject and time: the autoregression takes all."""
    once = crossed.drop_duplicates(["id", "time"])
    m = nw.lmer("y ~ time + toep(0 + f | id)", once)
    assert {d.code for d in m.diagnostics} & {
        "no-residual-variance",
        "not-identifiable",
        "singular",
    }


def test_recovers_an_autoregression() -> None:
    rng = np.random.default_rng(11)
    n, v, rho = 400, 6, 0.6
    C = 1.5**2 * rho ** np.abs(np.subtract.outer(np.arange(v), np.arange(v)))
    b = rng.multivariate_normal(np.zeros(v), C, n)
    g, t, _ = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(v), [0, 1], indexing="ij"))
    y = 3.0 + b[g, t] + rng.normal(0.0, 0.7, len(g))
    m = nw.lmer("y ~ 1 + ar1(0 + t | g)", pd.DataFrame({"y": y, "g": g, "t": t.astype(str)}))
    V = covariance(m)
    assert V[0, 1] / V[0, 0] == pytest.approx(rho, abs=0.05)
    assert V[0, 0] == pytest.approx(2.25, rel=0.1)
    assert m.sigma == pytest.approx(0.7, rel=0.05)


def test_generalised_models_refuse_structures(crossed: pd.DataFrame) -> None:
    design = build("y ~ time + cs(0 + f | id)", crossed)
    with pytest.raises(nw.OptionError, match="structure of cs"):
        check_plain(design, "These")
