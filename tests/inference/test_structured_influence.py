"""Influence, tests of random effects and shares of variance beside structured residuals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise.core.structured.evaluate import degrees, evaluate
from nestwise.core.structured.problem import make_problem, user_beta, user_vcov
from nestwise.fit.structured_arrays import structured_arrays
from nestwise.inference.influence import influence
from nestwise.inference.refitting import take_rows

Shared = Callable[[str], Path]


@pytest.fixture
def data(shared_file: Shared) -> pd.DataFrame:
    return pd.read_csv(shared_file("Orthodont.csv"))


@pytest.fixture
def crossed() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    subject, t = np.repeat(np.arange(40), 4), np.tile(np.arange(4), 40)
    rater = rng.integers(0, 6, 160)
    y = 1.0 + 0.5 * t + rng.normal(size=6)[rater] + rng.normal(size=40)[subject]
    y = y + rng.normal(size=160)
    return pd.DataFrame({"y": y, "t": t, "subject": subject, "rater": rater})


@pytest.mark.parametrize("by", [None, "subject", "rater"])
def test_left_out_is_the_fit_without_at_the_same_parameters(
    by: str | None, crossed: pd.DataFrame
) -> None:
    call: Any = nw.lmer
    model = call("y ~ t + (1 | rater)", crossed, residual="ar1(t | subject)")
    assert model.fit.problem.trailing is not None
    found = influence(model.fit, by, exact=False)
    codes = np.arange(160) if by is None else crossed[by].to_numpy()
    for level in (0, 3):
        left = take_rows(model.fit.design, np.flatnonzero(codes != level))
        problem = make_problem(structured_arrays(left))
        point = evaluate(problem, model.fit.par, True)
        sigma = np.sqrt(point.pwrss / degrees(problem, True))
        at = level if by is None else [str(x) for x in found.levels].index(str(level))
        np.testing.assert_allclose(found.beta[at], user_beta(problem, point.delta), rtol=1e-9)
        assert found.sigma[at] == pytest.approx(sigma, rel=1e-10)
        error = sigma * np.sqrt(np.diag(user_vcov(problem, point.Phi)))
        np.testing.assert_allclose(found.std_error[at], error, rtol=1e-9)


def test_refits_without_a_subject(data: pd.DataFrame) -> None:
    """Arms and strata that vanish, and all others, as a new fit to the rest."""
    model = nw.gls("distance ~ age", data, residual="ar1h(age | Subject)", variance="Sex")
    found = model.influence("Subject")
    assert len(found) == 27
    for level in ("M01", "F10"):
        rest = nw.gls(
            "distance ~ age",
            data[data["Subject"] != level],
            residual="ar1h(age | Subject)",
            variance="Sex",
        )
        at = [str(x) for x in found.influence.levels].index(level)
        np.testing.assert_allclose(found.influence.beta[at], rest.params, rtol=1e-5)
        assert found.influence.sigma[at] == pytest.approx(rest.sigma, rel=1e-4)
    np.testing.assert_allclose(model.cooks_distance("Subject"), found.cooks_distance)
    assert model.cooks_distance().shape == (108,)
    with pytest.raises(nw.NestwiseError, match="Subject"):
        model.influence("Subjct")


def test_random_terms_are_tested_beside_the_residuals(data: pd.DataFrame) -> None:
    call: Any = nw.lmer
    model = call("distance ~ age + (1 | Subject)", data, residual="ar1(age | Subject)")
    smaller = nw.gls("distance ~ age", data, residual="ar1(age | Subject)")
    table = model.ranova()
    assert table["loglik"][1] == pytest.approx(smaller.loglik, abs=1e-9)
    assert table["chisq"][1] == pytest.approx(2.0 * (model.loglik - smaller.loglik))
    assert table["p_boundary"][1] == pytest.approx(0.5 * table["p_value"][1])
    with pytest.raises(nw.NestwiseError, match="compare_structures"):
        smaller.ranova()


def test_shares_add_up_and_are_reported(data: pd.DataFrame, tmp_path: Path) -> None:
    call: Any = nw.lmer
    model = call("distance ~ age + (age | Subject)", data, variance="Sex")
    table = model.variance_decomposition()
    assert table["share"].sum() == pytest.approx(1.0)
    assert model.__maketables_stat__("r2_marginal") == pytest.approx(table["share"][0])
    assert model.r2().conditional == pytest.approx(1.0 - table["share"].iloc[-1])
    page = model.report(tmp_path / "page.html").read_text()
    assert "intraclass correlation" in page
    assert "correlations of residuals do not" in page
    marginal = nw.gls("distance ~ age", data, residual="ar1(age | Subject)")
    page = marginal.report(tmp_path / "gls.html").read_text()
    assert "R² (fixed effects)" in page
    assert "No single Subject decides the estimates." in page
