"""Likelihoods, criteria, R squared and residuals, beside R."""

from __future__ import annotations

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import LINEAR, LM, LMM, MODELS, ROWWISE, linear, listed, mixed
from nestwise.inference.fitmeasures import r_squared
from nestwise.inference.residuals import residual_quantiles


@pytest.mark.parametrize("name", MODELS)
def test_mixed_measures(name: str) -> None:
    r, m = LMM[name], mixed(name)
    for measure in ("loglik", "aic", "bic", "criterion"):
        assert getattr(m, measure) == pytest.approx(r[measure], rel=1e-8)
    assert m.sigma == pytest.approx(r["sigma"], rel=1e-5)
    assert (m.nobs, m.df_resid) == (r["n"], r["df_resid"])
    assert m.n_groups == r["n_groups"]


@pytest.mark.parametrize("name", [m for m in MODELS if m != "tutorial_full"])
def test_singularity(name: str) -> None:
    assert mixed(name).is_singular == LMM[name]["singular"]


@pytest.mark.parametrize("name", MODELS)
def test_scaled_residual_quantiles(name: str) -> None:
    found = residual_quantiles(mixed(name).fit)
    np.testing.assert_allclose(found, LMM[name]["quantiles"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ROWWISE)
def test_fitted_and_residuals(name: str) -> None:
    r, m = LMM[name], mixed(name)
    np.testing.assert_allclose(m.fitted()[:8], r["fitted"], rtol=1e-5)
    scale = 1e-4 * m.sigma
    np.testing.assert_allclose(m.residuals()[:8], r["residuals"], atol=scale)
    np.testing.assert_allclose(m.residuals("pearson")[:8], r["pearson"], atol=scale)
    np.testing.assert_allclose(m.residuals("scaled") * m.sigma, m.residuals("pearson"))


@pytest.mark.parametrize("name", LINEAR)
def test_linear_measures(name: str) -> None:
    r, m = LM[name], linear(name)
    s = r_squared(m.fit)
    for measure in ("sigma", "loglik", "aic", "bic", "r_squared", "adj_r_squared"):
        assert getattr(m, measure) == pytest.approx(r[measure], rel=1e-9)
    assert m.df_resid == r["df_resid"]
    assert [s.f_value, s.num_df, s.den_df] == pytest.approx(r["f"], rel=1e-9)
    np.testing.assert_allclose(m.hatvalues()[:8], r["hat"], rtol=1e-9)
    np.testing.assert_allclose(m.fitted()[:8], r["fitted"], rtol=1e-9)
    np.testing.assert_allclose(m.residuals()[:8], r["residuals"], rtol=1e-8)
    np.testing.assert_allclose(m.residuals("pearson")[:8], r["pearson"], rtol=1e-8)
    kind = "pearson" if r["weights"] else "response"
    np.testing.assert_allclose(residual_quantiles(m.fit, kind), r["quantiles"], rtol=1e-8)
    aliased = set(listed(r["aliased"]))
    assert set(m.fit.design.fixed.dropped) == aliased


def test_unknown_residuals_are_named() -> None:
    with pytest.raises(nw.NestwiseError, match="type='peerson' is not known"):
        mixed("sleepstudy").residuals("peerson")
