"""Fixed effects, their tests and intervals, beside lmerTest and lm."""

from __future__ import annotations

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import LINEAR, LM, LMM, MODELS, linear, listed, mixed, table
from nestwise.inference.coefficients import coefficients
from nestwise.inference.satterthwaite import degrees_of_freedom, inverse_curvature
from nestwise.inference.wald import quantile, two_sided_p


@pytest.mark.parametrize("name", MODELS)
def test_estimates_and_standard_errors(name: str) -> None:
    r, m = LMM[name], mixed(name)
    assert list(m.params.index) == listed(r["names"])
    np.testing.assert_allclose(m.params, r["estimate"], rtol=5e-6)
    np.testing.assert_allclose(m.bse, r["std_error"], rtol=5e-6)
    np.testing.assert_allclose(m.vcov(), np.atleast_2d(r["vcov"]), rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_satterthwaite_tests(name: str) -> None:
    r, c = LMM[name], coefficients(mixed(name).fit, "satterthwaite")
    np.testing.assert_allclose(c.df, r["df"], rtol=1e-3)
    np.testing.assert_allclose(c.statistic, r["statistic"], rtol=1e-5)
    np.testing.assert_allclose(c.p_value, r["p_value"], rtol=2e-3)


@pytest.mark.parametrize("name", MODELS)
def test_satterthwaite_of_a_contrast(name: str) -> None:
    r, m = LMM[name]["contrast"], mixed(name)
    L = np.atleast_1d(r["L"])
    np.testing.assert_allclose(degrees_of_freedom(m.fit, L), r["df"], rtol=1e-3)
    assert np.sqrt(L @ m.vcov() @ L) == pytest.approx(r["std_error"], rel=1e-5)


def test_tutorial_full_model_to_the_printed_digits() -> None:
    c = coefficients(mixed("tutorial_full").fit)
    assert c.df.round(2).tolist() == [198.58, 201.25, 230.58, 229.31]
    assert c.estimate.round(5).tolist() == [61.07410, -9.71573, -0.15977, 0.17658]
    assert c.std_error.round(5).tolist() == [4.08533, 5.46709, 0.07602, 0.10097]
    assert c.statistic.round(3).tolist() == [14.950, -1.777, -2.102, 1.749]
    assert c.p_value[1:].round(4).tolist() == [0.0771, 0.0367, 0.0816]


@pytest.mark.parametrize("name", MODELS)
def test_wald_intervals_of_mixed_models(name: str) -> None:
    t = mixed(name).confint()
    found = np.column_stack([t["conf_low"], t["conf_high"]])
    np.testing.assert_allclose(found, np.atleast_2d(LMM[name]["wald"]), rtol=2e-5)


def test_normal_and_residual_degrees_of_freedom() -> None:
    fit = mixed("sleepstudy").fit
    assert np.isinf(coefficients(fit, "normal").df).all()
    assert coefficients(fit, "residual").df.tolist() == [178.0, 178.0]
    assert coefficients(fit, "normal").p_value[1] < coefficients(fit, "residual").p_value[1]


def test_unknown_ddf_is_named() -> None:
    with pytest.raises(nw.NestwiseError, match="ddf='satterthwait' is not known"):
        coefficients(mixed("sleepstudy").fit, "satterthwait")


@pytest.mark.parametrize("name", LINEAR)
def test_linear_coefficients(name: str) -> None:
    r, m = LM[name], linear(name)
    assert list(m.params.index) == listed(r["names"])
    np.testing.assert_allclose(m.params, r["estimate"], rtol=1e-9)
    np.testing.assert_allclose(m.bse, r["std_error"], rtol=1e-9)
    np.testing.assert_allclose(m.tvalues, r["statistic"], rtol=1e-9)
    np.testing.assert_allclose(m.pvalues, r["p_value"], rtol=1e-7)
    np.testing.assert_allclose(m.vcov(), r["vcov"], rtol=1e-8, atol=1e-14)
    t = m.confint()
    np.testing.assert_allclose(
        np.column_stack([t["conf_low"], t["conf_high"]]), r["confint"], rtol=1e-8
    )


def test_tails_and_quantiles_agree() -> None:
    df = np.array([1.5, 10.0, 1e6, np.inf])
    for level in (0.5, 0.95, 0.999):
        np.testing.assert_allclose(two_sided_p(quantile(df, level), df), 1 - level, rtol=1e-9)


def test_degrees_of_freedom_do_not_depend_on_units() -> None:
    data = table("sleepstudy").assign(Hours=lambda d: d["Days"] * 24e4)
    for unit, name in (("Days", "sleepstudy"), ("Hours", "sleepstudy")):
        m = nw.lmer(f"Reaction ~ {unit} + ({unit} | Subject)", data)
        np.testing.assert_allclose(degrees_of_freedom(m.fit), LMM[name]["df"], rtol=1e-4)


def test_degrees_of_freedom_of_a_flat_model_do_not_depend_on_units() -> None:
    data = table("hlm_tutorial").assign(dose=lambda d: 1e-3 * d["intervention"])
    m = nw.lmer("math_score ~ dose * ses + (1 + dose | classroom_id)", data)
    df = LMM["tutorial_full"]["df"]
    np.testing.assert_allclose(degrees_of_freedom(m.fit), df, rtol=1e-3)


def test_options_that_cannot_be_hashed_are_refused_too() -> None:
    with pytest.raises(nw.NestwiseError, match="ddf="):
        coefficients(mixed("sleepstudy").fit, ["normal"])  # type: ignore[arg-type]


def test_inverse_curvature_of_a_proper_minimum() -> None:
    H = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 2.0]])
    units = np.outer([1e-4, 1.0, 1e5], [1e-4, 1.0, 1e5])
    np.testing.assert_allclose(inverse_curvature(H), 2.0 * np.linalg.inv(H), rtol=1e-12)
    np.testing.assert_allclose(
        inverse_curvature(H * units), 2.0 * np.linalg.inv(H) / units, rtol=1e-9, atol=0.0
    )


@pytest.mark.parametrize("curvature", [1e-10, 0.0, -1e-10, -0.5])
def test_inverse_curvature_leaves_out_flat_and_downward_directions(curvature: float) -> None:
    flat = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2.0)
    H = flat @ np.diag([3.0, curvature]) @ flat.T
    A = inverse_curvature(H)
    along = flat[:, 1] @ A @ flat[:, 1]
    assert flat[:, 0] @ A @ flat[:, 0] == pytest.approx(2.0 / 3.0, rel=1e-6)
    assert abs(along) < 1e-6
