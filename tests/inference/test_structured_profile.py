"""Profiles of fits with structured residuals: by definition, and where another fit has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

import nestwise as nw
from fit.dense_residuals import blocks, correlation, loglik
from nestwise._base.arrays import FloatArray
from nestwise.fit.structured import fit_structured
from nestwise.inference.profile import profile
from nestwise.inference.profile_interval import profile_interval

Shared = Callable[[str], Path]
CRITICAL = float(chi2.ppf(0.95, 1))


@pytest.fixture
def data(shared_file: Shared) -> pd.DataFrame:
    return pd.read_csv(shared_file("Orthodont.csv"))


def interval(model: Any, name: str) -> tuple[float, float]:
    table = model.confint("profile", params=[name])
    return float(table["conf_low"][0]), float(table["conf_high"][0])


def dense_parts(data: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    y = data["distance"].to_numpy(dtype=np.float64)
    X = np.column_stack([np.ones(len(y)), data["age"].to_numpy(dtype=np.float64)])
    subject = np.unique(data["Subject"], return_inverse=True)[1].astype(np.float64)
    index = np.asarray((X[:, 1] - 8.0) / 2.0)
    return y, X, subject, index


def test_ends_of_a_correlation_by_definition(data: pd.DataFrame) -> None:
    y, X, subject, index = dense_parts(data)
    model = nw.gls("distance ~ age", data, residual="ar1(age | Subject)")

    def value(rho: float) -> float:
        R = correlation("ar1", np.array([rho]), index, index)
        return loglik(y, X, blocks(subject, R), reml=False)[0]

    best = nw.gls("distance ~ age", data, residual="ar1(age | Subject)", REML=False)
    for end in interval(model, "rho"):
        assert 2.0 * (best.loglik - value(end)) == pytest.approx(CRITICAL, abs=2e-3)


def test_ends_of_an_unstructured_correlation_by_definition(data: pd.DataFrame) -> None:
    """cor[8,12] depends on several parameters of the fit; all others are optimised again."""
    early = data[data["age"] < 14]
    y, X, subject, index = dense_parts(early)
    model = nw.gls("distance ~ age", early, residual="us(age | Subject)", REML=False)
    i = index.astype(int)

    def deviance(free: FloatArray, fixed: float) -> float:
        a, b = np.tanh(free[:2])
        C = np.array([[1.0, a, fixed], [a, 1.0, b], [fixed, b, 1.0]])
        if np.linalg.eigvalsh(C)[0] < 1e-6:
            return 1e6
        sd = np.exp(np.append(0.0, free[2:]))
        R = (C * np.outer(sd, sd))[i[:, None], i]
        return -2.0 * loglik(y, X, blocks(subject, R), reml=False)[0]

    natural = model.residual_parameters(level=None).set_index("term")["estimate"]
    cors, sds = natural[["cor[8,10]", "cor[10,12]"]], natural[["sd[10]/sd[8]", "sd[12]/sd[8]"]]
    begin = np.concatenate([np.arctanh(cors), np.log(sds)])
    low, _ = interval(model, "cor[8,12]")
    found = minimize(deviance, begin, args=(low,), method="BFGS", options={"gtol": 1e-3})
    assert found.fun + 2.0 * model.loglik == pytest.approx(CRITICAL, abs=2e-3)


def test_equals_the_linear_mixed_model(data: pd.DataFrame) -> None:
    """The engine of structured residuals, given independent ones."""
    plain = nw.lmer("distance ~ age + (age | Subject)", data, REML=False)
    same = profile(fit_structured(plain.fit.design, reml=False), level=0.95)
    b = profile_interval(same)
    found = {str(t): i for i, t in enumerate(b["term"])}
    for name, low, high in plain.confint("profile").to_numpy():
        ends = [b["conf_low"][found[name]], b["conf_high"][found[name]]]
        np.testing.assert_allclose(ends, [low, high], rtol=1e-3, atol=1e-3)


def test_compound_symmetry_and_its_intercept(data: pd.DataFrame) -> None:
    marginal = nw.gls("distance ~ age*Sex", data, residual="cs(age | Subject)")
    mixed = nw.lmer("distance ~ age*Sex + (1 | Subject)", data)
    names = ["(Intercept)", "age", "age:SexMale"]
    a = marginal.confint("profile", params=names)
    b = mixed.confint("profile", params=names)
    np.testing.assert_allclose(
        a[["conf_low", "conf_high"]], b[["conf_low", "conf_high"]], rtol=1e-4
    )


def test_structured_effects_and_boundaries(oracle: Callable[[str], Any]) -> None:
    call: Any = nw.lmer
    data = pd.DataFrame(oracle("structured_effects")["data"])
    one = call("y ~ t + homcs(0 + f | id)", data, residual="ar1(t | run)", REML=False)
    two = call("y ~ t + (1 | id/f)", data, residual="ar1(t | run)", REML=False)
    for name in ("rho", "sigma", "t"):
        np.testing.assert_allclose(interval(one, name), interval(two, name), rtol=1e-3)
    found = one.profile(["cor_rho|id"])
    curve = found.found.curves[0]
    assert np.abs(np.interp(0.0, curve.zeta, curve.value) - curve.estimate) < 1e-6
    assert curve.low_end == curve.high_end == "reached"
    with pytest.raises(nw.NestwiseError, match="parameter"):
        one.confint("profile", params=["rhoo"])


def test_structured_random_effects_without_residual_structures(
    oracle: Callable[[str], Any],
) -> None:
    """homcs(0 + f | id) is (1 | id) + (1 | id:f): what both know has the same profile."""
    data = pd.DataFrame(oracle("structured_effects")["data"])
    one = nw.lmer("y ~ t + homcs(0 + f | id)", data)
    two = nw.lmer("y ~ t + (1 | id/f)", data)
    for name in ("t", "sigma"):
        np.testing.assert_allclose(interval(one, name), interval(two, name), rtol=2e-4)
    table = one.confint("profile").set_index("term")
    assert list(table.index) == list(one.profile(level=0.5).confint(level=0.5)["term"])
    assert table.loc["cor_rho|id", "conf_low"] < table.loc["cor_rho|id", "conf_high"] < 1.0
    crossed = nw.lmer("y ~ t + ar1(0 + f | id) + (1 | arm)", data)
    low, high = interval(crossed, "cor_rho|id")
    assert -1.0 < low < high < 1.0
