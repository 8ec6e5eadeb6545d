"""Generalised models with structured random effects: glmmTMB's optimum, gradient, trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise._base.options import Control
from nestwise.core.families.registry import FAMILIES
from nestwise.core.links.registry import LINKS
from nestwise.core.patterns import n_parameters
from nestwise.design import build
from nestwise.fit.glmm_model import make_glmm
from nestwise.fit.glmm_patterned import patterned_criterion


@pytest.fixture
def counts(oracle: Callable[[str], dict[str, Any]]) -> tuple[pd.DataFrame, dict[str, Any]]:
    facts = oracle("glmm_patterned")
    table = pd.DataFrame(facts["data"])
    table["t"] = table["time"].astype(str)
    return table, facts


@pytest.mark.parametrize("structure", ["ar1", "cs"])
def test_counts_over_time_as_glmmtmb(
    counts: tuple[pd.DataFrame, dict[str, Any]], structure: str
) -> None:
    table, facts = counts
    m = nw.glmer(f"y ~ x + {structure}(0 + t | id)", table, family="poisson")
    r = facts[structure]
    assert m.converged
    assert m.loglik >= r["loglik"] - 1e-6
    np.testing.assert_allclose(m.params, r["beta"], atol=2e-5)
    np.testing.assert_allclose(m.bse, r["se"], rtol=1e-4)
    found = m.varcorr()
    np.testing.assert_allclose(found["sdcor"][:5], r["sd"], rtol=1e-4)
    np.testing.assert_allclose(found["sdcor"][5:9], r["cor"][1:], rtol=1e-3)
    n_par = {"ar1": 2, "cs": 6}[structure]
    np.testing.assert_allclose(m.aic, m.criterion + 2 * (n_par + 2))


def test_a_scale_beside_a_structure(counts: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    table, facts = counts
    table["y"] = facts["gamma_y"]
    m = nw.glmer("y ~ x + ar1(0 + t | id)", table, family="gamma", link="log")
    r = facts["gamma"]
    assert m.loglik >= r["loglik"] - 1e-6
    np.testing.assert_allclose(m.bse, r["se"], rtol=1e-4)
    np.testing.assert_allclose(m.varcorr()["sdcor"][:6], [*r["sd"], r["cor"][1]], rtol=1e-4)


@pytest.mark.parametrize("structure", ["ar1", "cs", "toep", "diag", "us"])
def test_gradient(counts: tuple[pd.DataFrame, dict[str, Any]], structure: str) -> None:
    table, _ = counts
    wrapped = f"{structure}(0 + t | id)"
    design = build(f"y ~ x + {wrapped}", table[table["time"] <= 3].reset_index())
    model = make_glmm(design, FAMILIES["poisson"], LINKS["log"], Control(), centre=False)
    function = patterned_criterion(model.problem)
    rng = np.random.default_rng(2)
    n = n_parameters(model.problem.layout)
    at = np.concatenate([0.5 + 0.1 * rng.normal(size=n), model.start.beta])
    found = function(at, None).gradient
    for i in range(at.size):
        shift = np.zeros(at.size)
        shift[i] = 1e-5
        numeric = (function(at + shift, None).value - function(at - shift, None).value) / 2e-5
        np.testing.assert_allclose(found[i], numeric, rtol=1e-6, atol=1e-5)


def test_diag_is_the_double_bar(counts: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    table, _ = counts
    one = nw.glmer("y ~ x + diag(1 + x | id)", table, family="poisson")
    two = nw.glmer("y ~ x + (1 + x || id)", table, family="poisson")
    np.testing.assert_allclose(one.criterion, two.criterion, rtol=1e-10)


def test_answers_know_the_structure(counts: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    table, _ = counts
    m = nw.glmer("y ~ x + ar1(0 + t | id)", table, family="poisson")
    wider = nw.glmer("y ~ x + toep(0 + t | id)", table, family="poisson")
    lrt = nw.anova(m, wider)
    assert lrt["n_par"].tolist() == [4, 11]
    assert m.refit(table["y"]).criterion == pytest.approx(m.criterion, rel=1e-8)
    se = m.predict(table.head(3), se=True)["se"]
    assert np.isfinite(se).all()
    assert m.fit.par_vcov.shape == (m.fit.theta.size + 2,) * 2
    with pytest.raises(nw.OptionError, match="ar1"):
        nw.glmer("y ~ x + ar1(0 + t | id)", table, family="poisson", nAGQ=5)
