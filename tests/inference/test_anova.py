"""F and t tests of fixed effects against lmerTest, pbkrtest and nlme (tests/oracle/tests.json)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import listed
from inference.r_tests import MODELS, R, fitted, prepared

METHODS = [("satterthwaite", "satterthwaite"), ("kenward-roger", "kenward_roger")]
# With estimates on the boundary lme4 stops a little beside it, and lmerTest's second derivatives
# are not defined.
BOUNDARY = {"dyestuff2"}
CASES = [
    (name, ddf, key)
    for name in MODELS
    for ddf, key in METHODS
    if key in MODELS[name] and not (name in BOUNDARY and key == "satterthwaite")
]


def numbers(values: Any) -> np.ndarray:
    """Numbers of the oracle; null is NaN."""
    return np.array([np.nan if v is None else v for v in listed(values)], dtype=float)


def same(got: Any, expected: Any, tolerance: float) -> None:
    np.testing.assert_allclose(np.asarray(got, dtype=float), numbers(expected), rtol=tolerance)


@pytest.mark.parametrize(("name", "ddf", "key"), CASES)
def test_coefficients(name: str, ddf: str, key: str) -> None:
    r, t = MODELS[name][key], fitted(name).tidy(ddf=ddf)
    assert t["term"].tolist() == listed(MODELS[name]["names"])
    same(t["std_error"], r["std_error"], 1e-4)
    same(t["df"], r["df"], 1e-3)
    np.testing.assert_allclose(t["statistic"], numbers(r["statistic"]), rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(t["p_value"], numbers(r["p_value"]), rtol=2e-3, atol=1e-12)


@pytest.mark.parametrize("type_", [3, 2, 1])
@pytest.mark.parametrize(("name", "ddf", "key"), CASES)
def test_anova(name: str, ddf: str, key: str, type_: int) -> None:
    r = MODELS[name][key]["anova"].get(str(type_))
    t = fitted(name).anova(type=type_, ddf=ddf)
    if not r:
        assert len(t) == 0
        return
    assert t["term"].tolist() == listed(r["term"])
    assert t["num_df"].tolist() == listed(r["num_df"])
    same(t["den_df"], r["den_df"], 1e-3)
    np.testing.assert_allclose(t["f_value"], numbers(r["f_value"]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(t["sum_sq"], numbers(r["sum_sq"]), rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(t["p_value"], numbers(r["p_value"]), rtol=2e-3, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(MODELS) - BOUNDARY))
def test_all_coefficients_at_once(name: str) -> None:
    r, m = MODELS[name]["joint"], fitted(name)
    t = m.contrast(np.eye(len(m.params)), joint=True)
    assert t["num_df"][0] == r["num_df"]
    same(t["den_df"], r["den_df"], 1e-3)
    same(t["f_value"], r["f_value"], 1e-4)


@pytest.mark.parametrize("name", [n for n in MODELS if "vcov_kr" in MODELS[n]])
def test_adjusted_covariance(name: str) -> None:
    expected = np.array(MODELS[name]["vcov_kr"], dtype=float).reshape(-1)
    got = fitted(name).vcov(ddf="kenward-roger").ravel()
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", list(R["between"]))
def test_between_within(name: str) -> None:
    r = R["between"][name]
    m = nw.lmer(r["formula"], prepared(r["data"]))
    assert m.tidy(ddf="between-within")["df"].tolist() == r["df"]


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger", "between-within", "residual"])
def test_one_df_per_hypothesis(ddf: str) -> None:
    """A row of anova and the same contrast asked directly agree, single or joint."""
    m = nw.lmer("effort ~ Type + (1 | Subject)", prepared("ergoStool"))
    row = m.anova(ddf=ddf)
    asked = m.contrast(["TypeT2", "TypeT3", "TypeT4"], joint=True, ddf=ddf)
    for column in ("num_df", "den_df", "f_value", "p_value"):
        assert asked[column][0] == pytest.approx(row[column][0], rel=1e-10)
    slope = nw.lmer("Reaction ~ Days + (Days | Subject)", prepared("sleepstudy"))
    single, term = slope.contrast("Days", ddf=ddf), slope.anova(ddf=ddf)
    joint = slope.contrast("Days", ddf=ddf, joint=True)
    assert single["statistic"][0] ** 2 == pytest.approx(term["f_value"][0], rel=1e-10)
    assert single["df"][0] == pytest.approx(term["den_df"][0], rel=1e-10)
    assert single["p_value"][0] == pytest.approx(joint["p_value"][0], rel=1e-8)


@pytest.mark.parametrize("type_", [2, 3])
def test_contrast_coding_does_not_matter(type_: int) -> None:
    data = prepared("full")
    tables = [
        nw.lmer("y ~ a * b * x + (1 | g)", data, contrasts={"a": kind, "b": kind}).anova(type=type_)
        for kind in ("treatment", "sum", "helmert", "poly")
    ]
    for other in tables[1:]:
        np.testing.assert_allclose(other["f_value"], tables[0]["f_value"], rtol=1e-6)
        np.testing.assert_array_equal(other["num_df"], tables[0]["num_df"])


def test_empty_cells_are_reported() -> None:
    table = fitted("cells").anova()
    assert table["num_df"].tolist() == [2, 1, 1, 1]
    assert "a:b (1 of 2 degrees of freedom)" in table.attrs["note"]
    data = prepared("full").assign(twice=lambda d: 2 * d.x)
    nothing = nw.lmer("y ~ x + twice + (1 | g)", data).anova()
    assert nothing["num_df"].tolist() == [1, 0]
    assert np.isnan(nothing["f_value"][1])
    assert "twice (0 of 1 degrees of freedom)" in nothing.attrs["note"]


def test_linear_model_type_three() -> None:
    """With equal cells the three types agree; with a covariate, as the partial F of its column."""
    data = prepared("full")
    m = nw.lm("y ~ a * b + x", data)
    t = m.anova(type=3)
    x = m.contrast("x")
    assert t["term"].tolist() == ["a", "b", "x", "a:b", "Residuals"]
    assert t["f_value"][2] == pytest.approx(x["statistic"][0] ** 2, rel=1e-10)
    again = nw.lm("y ~ a * b + x", data, contrasts={"a": "sum", "b": "sum"})
    parts = [again.contrast(n, joint=True)["f_value"][0] for n in (["a1", "a2"], ["b1"])]
    np.testing.assert_allclose(t["f_value"][:2], parts, rtol=1e-8)


def test_bad_input() -> None:
    m, ml = fitted("sleepstudy"), fitted("sleepstudy").update(REML=False)
    with pytest.raises(nw.NestwiseError, match="use 1, 2 or 3"):
        m.anova(type=4)
    with pytest.raises(nw.NestwiseError, match="did you mean 'satterthwaite'"):
        m.anova(ddf="satterthwait")
    with pytest.raises(nw.NestwiseError, match="REML=True"):
        ml.anova(ddf="kenward-roger")
    with pytest.raises(nw.NestwiseError, match="crossed"):
        fitted("penicillin").tidy(ddf="between-within")
    assert len(m.anova(ddf="normal")) == 1
