"""What fits with structured residuals say at the limits of their parameters, and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from fit.dense_residuals import blocks
from nestwise._base.arrays import FloatArray


def test_a_range_without_bound_is_said() -> None:
    """Random walks: their covariance falls in a straight line, which no finite range does."""
    y = np.random.default_rng(0).normal(size=(6, 40)).cumsum(axis=1)
    data = pd.DataFrame({"y": y.ravel(), "t": np.tile(np.arange(40) * 0.5, 6)})
    data["s"] = np.repeat(np.arange(6), 40)
    model = nw.gls("y ~ factor(s)", data, residual="exp(t | s)")
    assert model.converged
    assert [d.code for d in model.diagnostics] == ["singular"]
    assert "grows without bound" in model.diagnostics[0].message
    bounded = nw.gls("y ~ factor(s)", data, residual="exp(t | s)", REML=False)
    assert bounded.diagnostics == ()


@pytest.fixture
def orthodont(shared_file: Callable[[str], Path]) -> pd.DataFrame:
    return pd.read_csv(shared_file("Orthodont.csv"))


def slopes(data: pd.DataFrame) -> Any:
    call: Any = nw.lmer
    return call("distance ~ age + (age | Subject)", data, variance="Sex")


def test_coefficients_by_group_and_their_errors(orthodont: pd.DataFrame) -> None:
    """Var(beta + b less their predictions) from the n x n definition."""
    model = slopes(orthodont)
    fit = model.fit
    table = model.coef(std_error=True)
    X: FloatArray = fit.design.fixed.X
    codes = fit.design.factors[0].codes
    s2, G = fit.sigma**2, fit.sigma**2 * fit.lambdas[0] @ fit.lambdas[0].T
    assert fit.natural.names[0] == "sd[Male]/sd[Female]"
    sd = np.where(orthodont["Sex"] == "Female", 1.0, fit.natural.values[0])
    V = np.diag(s2 * sd**2) + blocks(codes.astype(np.float64), X @ G @ X.T)
    Vi = np.linalg.inv(V)
    C = np.linalg.inv(X.T @ Vi @ X)
    P = Vi - Vi @ X @ C @ X.T @ Vi
    level = int(codes[0])
    Z = X * (codes == level)[:, None]
    joint = C + G - G @ Z.T @ P @ Z @ G - C @ X.T @ Vi @ Z @ G - (C @ X.T @ Vi @ Z @ G).T
    name = str(orthodont["Subject"].iloc[0])
    own = table[table["level"].astype(str) == name].set_index("term")
    errors = own.loc[["(Intercept)", "age"], "std_error"]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(joint)), rtol=1e-8)
    modes = G @ Z.T @ Vi @ (fit.design.y - X @ fit.beta)
    np.testing.assert_allclose(
        own.loc[["(Intercept)", "age"], "estimate"], fit.beta + modes, rtol=1e-8
    )


def test_coefficients_equal_those_of_the_linear_mixed_model(orthodont: pd.DataFrame) -> None:
    """Beside compound symmetry within a level nothing but a second intercept is added."""
    call: Any = nw.lmer
    one = nw.lmer("distance ~ age + (1 | Sex) + (1 | Subject)", orthodont)
    two = call("distance ~ age + (1 | Sex)", orthodont, residual="cs(age | Subject)")
    a, b = one.coef(std_error=True), two.coef(std_error=True)
    a = a[a["group"] == "Sex"].reset_index(drop=True)
    np.testing.assert_allclose(b["estimate"], a["estimate"], rtol=1e-4)
    np.testing.assert_allclose(b["std_error"], a["std_error"], rtol=1e-3)


def test_the_verdict_is_confirmed_by_the_exact_hessian(orthodont: pd.DataFrame) -> None:
    model = slopes(orthodont)
    check = model.convergence_check()
    assert check.agrees
    assert (check.eigenvalues > 0.0).all()
    marginal = nw.gls("distance ~ age", orthodont, residual="us(age | Subject)")
    assert marginal.convergence_check().agrees
    normal = model.random_normality()
    assert normal["term"].tolist() == ["(Intercept)", "age"]
    assert ((normal["p_value"] > 0.0) & (normal["p_value"] <= 1.0)).all()
