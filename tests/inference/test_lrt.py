"""Comparisons of models, beside R's anova; analysis of variance of linear models."""

from __future__ import annotations

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import LINEAR, LM, LMM, linear, mixed, table

RIGHT = ("", " + Days", " + Days + I(Days^2)")


def _models(reml: bool = True) -> list[nw.MixedModel]:
    data = table("sleepstudy")
    return [nw.lmer(f"Reaction ~ 1{r} + (Days | Subject)", data, REML=reml) for r in RIGHT]


def test_likelihood_ratio_refits_by_ml_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    m0, m1, m2 = _models()
    t, r = nw.anova(m2, m0, m1), LMM["anova"]["refitted"]
    assert "refitted by ML" in capsys.readouterr().err
    assert "refitted by ML" in t.attrs["note"]
    assert t["model"].tolist() == [m0.formula, m1.formula, m2.formula]
    for column in ("n_par", "aic", "bic", "loglik", "deviance"):
        np.testing.assert_allclose(t[column], r[column], rtol=1e-8)
    for column in ("chisq", "df", "p_value"):
        np.testing.assert_allclose(t[column], np.array(r[column], dtype=float), rtol=1e-5)


def test_ml_fits_are_compared_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    t = nw.anova(*_models(reml=False)[:2])
    assert capsys.readouterr().err == ""
    assert t["chisq"][1] == pytest.approx(LMM["anova"]["refitted"]["chisq"][1], rel=1e-6)


def test_restricted_likelihoods_on_request() -> None:
    r = LMM["anova"]["as_fitted"]
    t = nw.anova(mixed("sleepstudy_intercept"), mixed("sleepstudy"), refit=False)
    np.testing.assert_allclose(t["deviance"], r["deviance"], rtol=1e-8)
    np.testing.assert_allclose(t["p_value"][1], r["p_value"][1], rtol=1e-5)


def test_restricted_likelihoods_of_different_fixed_effects_are_refused() -> None:
    m0, m1, _ = _models()
    with pytest.raises(nw.NestwiseError, match="refit=True"):
        nw.anova(m0, m1, refit=False)


def test_a_mixed_and_a_linear_model() -> None:
    data = table("sleepstudy")
    t = nw.anova(nw.lm("Reaction ~ Days", data), nw.lmer("Reaction ~ Days + (1 | Subject)", data))
    assert t["deviance"][0] == pytest.approx(-2 * LM["sleepstudy"]["loglik"], rel=1e-9)
    assert t["df"][1] == 1
    assert t["p_value"][1] < 1e-20


def test_different_rows_responses_and_weights_are_refused() -> None:
    data = table("sleepstudy")
    m = mixed("sleepstudy")
    with pytest.raises(nw.NestwiseError, match="different rows: model 1 has 180, model 2 has 170"):
        nw.anova(m, nw.lmer("Reaction ~ Days + (1 | Subject)", data.iloc[:170]))
    with pytest.raises(nw.NestwiseError, match="different responses"):
        nw.anova(m, nw.lmer("log(Reaction) ~ Days + (1 | Subject)", data))
    with pytest.raises(nw.NestwiseError, match="different prior weights"):
        nw.anova(m, mixed("sleepstudy_weights"))
    with pytest.raises(nw.NestwiseError, match="two or more fits"):
        nw.anova(m)
    with pytest.raises(nw.NestwiseError, match="fitted models, got str"):
        nw.anova(m, "x")  # type: ignore[arg-type]


def test_linear_models_are_compared_by_f() -> None:
    data, r = table("sleepstudy"), LM["two"]
    t = nw.anova(nw.lm("Reaction ~ 1", data), nw.lm("Reaction ~ Days", data))
    np.testing.assert_allclose(t["rss"], r["rss"], rtol=1e-10)
    assert t["df_resid"].tolist() == r["res_df"]
    assert t["f_value"][1] == pytest.approx(r["f"][1], rel=1e-9)
    assert t["p_value"][1] == pytest.approx(r["p"][1], rel=1e-8)


@pytest.mark.parametrize("name", LINEAR)
def test_sequential_anova(name: str) -> None:
    r, t = LM[name]["anova"], linear(name).anova()
    assert t["term"].tolist() == r["term"]
    assert t["df"].tolist() == r["df"]
    np.testing.assert_allclose(t["sum_sq"], r["sum_sq"], rtol=1e-8)
    np.testing.assert_allclose(t["mean_sq"], r["mean_sq"], rtol=1e-8)
    np.testing.assert_allclose(t["f_value"], np.array(r["f"], dtype=float), rtol=1e-8)
    np.testing.assert_allclose(t["p_value"], np.array(r["p"], dtype=float), rtol=1e-7)


def test_partial_anova_does_not_depend_on_the_order() -> None:
    data = table("Exam")
    a = nw.lm("normexam ~ standLRT + sex + type", data).anova(2).set_index("term")
    b = nw.lm("normexam ~ type + sex + standLRT", data).anova(2).set_index("term")
    np.testing.assert_allclose(a["sum_sq"], b["sum_sq"].loc[a.index], rtol=1e-9)
    last = nw.lm("normexam ~ standLRT + sex + type", data).anova(1).set_index("term")
    assert a["sum_sq"]["type"] == pytest.approx(last["sum_sq"]["type"], rel=1e-9)


def test_partial_anova_leaves_out_what_contains_the_term() -> None:
    data = table("cake")
    with_interaction = nw.lm("angle ~ recipe * temperature", data).anova(2).set_index("term")
    without = nw.lm("angle ~ recipe + temperature", data).anova(2).set_index("term")
    for term in ("recipe", "temperature"):
        assert with_interaction["sum_sq"][term] == pytest.approx(without["sum_sq"][term], rel=1e-9)


def test_unknown_type_of_anova() -> None:
    with pytest.raises(nw.NestwiseError, match="type=4"):
        linear("cake").anova(4)
