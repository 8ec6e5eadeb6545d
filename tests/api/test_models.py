"""The result objects: attributes, refits, updates, representations, refusals."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

import nestwise as nw

FORMULA = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def model() -> nw.MixedModel:
    return nw.lmer(FORMULA, nw.load_dataset("sleepstudy"))


def test_attributes(model: nw.MixedModel) -> None:
    for series in (model.params, model.bse, model.tvalues, model.pvalues, model.fixef()):
        assert isinstance(series, pd.Series)
        assert list(series.index) == ["(Intercept)", "Days"]
    assert model.params["Days"] == pytest.approx(10.467286, rel=1e-7)
    assert model.pvalues["Days"] == pytest.approx(3.26e-6, rel=2e-3)
    assert (model.nobs, model.n_groups, model.df_resid) == (180, {"Subject": 18}, 174)
    assert model.formula == FORMULA
    assert model.converged
    assert not model.is_singular
    assert 0 < model.n_evaluations < 40
    assert model.theta.shape == (3,)


def test_a_model_is_frozen(model: nw.MixedModel) -> None:
    with pytest.raises(FrozenInstanceError):
        model.fit = None  # type: ignore[assignment, misc]
    model.theta[:] = 0.0
    copy = model.params
    copy.iloc[0] = 0.0
    assert model.theta[0] == pytest.approx(0.96673, rel=1e-4)
    assert model.params.iloc[0] > 0


def test_ml_and_reml() -> None:
    data = nw.load_dataset("sleepstudy")
    assert nw.lmer(FORMULA, data, REML=False).criterion == pytest.approx(1751.939344, abs=1e-6)
    assert nw.lmer(FORMULA, data).criterion == pytest.approx(1743.628272, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (". ~ . + I(Days^2)", "Reaction ~ Days + (Days | Subject) + I(Days^2)"),
        ("log(.) ~ .", "log(Reaction) ~ Days + (Days | Subject)"),
        (". ~ . - (Days|Subject) + (1 | Subject)", "Reaction ~ Days + (1 | Subject)"),
        (". ~ . - Days", "Reaction ~ 1 + (Days | Subject)"),
        ("~ . + 1", "Reaction ~ Days + (Days | Subject) + 1"),
    ],
)
def test_update_writes_out_the_formula(model: nw.MixedModel, change: str, expected: str) -> None:
    updated = model.update(change)
    same = nw.lmer(expected, model.source.data)
    assert updated.criterion == pytest.approx(same.criterion, rel=1e-12)
    assert "." not in updated.formula.replace("I(Days^2)", "")


def test_update_of_settings(model: nw.MixedModel) -> None:
    ml = model.update(REML=False)
    assert ml.criterion == pytest.approx(1751.939344, abs=1e-6)
    assert ml.update(REML=True).criterion == pytest.approx(model.criterion, rel=1e-12)
    half = model.update(data=model.source.data.iloc[:90])
    assert half.nobs == 90


def test_update_refuses(model: nw.MixedModel) -> None:
    with pytest.raises(nw.NestwiseError, match="did you mean 'weights'"):
        model.update(weight="w")
    with pytest.raises(nw.NestwiseError, match="no random term"):
        model.update(". ~ . - (1 | Subject)")
    with pytest.raises(nw.NestwiseError, match="not a formula"):
        model.update("+ x")


def test_refit_to_another_response(model: nw.MixedModel) -> None:
    y = model.source.data["Reaction"].to_numpy()
    again = model.refit(y * 2.0)
    np.testing.assert_allclose(again.params, 2.0 * model.params, rtol=1e-6)
    assert again.criterion == pytest.approx(model.criterion + 178 * 2 * np.log(2.0), rel=1e-9)
    assert model.refit(y).criterion == pytest.approx(model.criterion, rel=1e-11)
    np.testing.assert_allclose(model.refit(list(y)).fitted(), model.fitted(), rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "message"),
    [([1.0, 2.0], "180 rows"), (["a"] * 180, "not made of numbers"), ([np.nan] * 180, "missing")],
)
def test_refit_refuses(model: nw.MixedModel, y: list[object], message: str) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        model.refit(y)


def test_representations(model: nw.MixedModel) -> None:
    assert repr(model) == f"<MixedModel '{FORMULA}': 180 rows, REML criterion 1743.6>"
    assert "Satterthwaite" in str(model)
    assert "<table" in model._repr_html_()
    linear = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    assert repr(linear) == "<LinearModel 'Reaction ~ Days': 180 rows, sigma 47.71>"
    assert "Multiple R-squared" in str(linear)
    assert "<table" in linear._repr_html_()


def test_the_right_call_is_named() -> None:
    data = nw.load_dataset("sleepstudy")
    with pytest.raises(nw.NestwiseError, match=r"use nw\.lmer"):
        nw.lm(FORMULA, data)
    with pytest.raises(nw.NestwiseError, match=r"use nw\.lm$"):
        nw.lmer("Reaction ~ Days", data)
    with pytest.raises(nw.NestwiseError, match=r"use nw\.lm$"):
        nw.deviance_function("Reaction ~ Days", data)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"REML": "yes"}, "REML='yes' is neither True nor False"),
        ({"control": {"max_evals": 3}}, "max_evals"),
        ({"control": 7}, "neither a Control nor a dict"),
        ({"control": {"tolerance": -1.0}}, "tolerance=-1.0"),
        ({"na_action": "dorp"}, "na_action='dorp' is not known"),
    ],
)
def test_bad_options(settings: dict[str, object], message: str) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        nw.lmer(FORMULA, nw.load_dataset("sleepstudy"), **settings)  # type: ignore[arg-type]


def test_bad_questions(model: nw.MixedModel) -> None:
    for question in (
        lambda: model.confint("profil"),
        lambda: model.confint(level=95),
        lambda: model.confint(params=["days"]),
        lambda: model.tidy("random"),
        lambda: model.tidy(ddf="kr"),
        lambda: model.summary(ddf="none"),
    ):
        with pytest.raises(nw.NestwiseError):
            question()
    with pytest.raises(nw.NestwiseError, match="did you mean 'Days'"):
        model.confint(params=["days"])
    assert model.confint(params=["Days"])["term"].tolist() == ["Days"]


def test_linear_model_update_refit_and_refusals() -> None:
    data = nw.load_dataset("sleepstudy")
    m = nw.lm("Reaction ~ Days", data)
    assert m.update(". ~ . + Subject").df_resid == 161
    np.testing.assert_allclose(m.refit(3.0 * data["Reaction"]).params, 3.0 * m.params)
    assert isinstance(m.coef(), pd.Series)
    with pytest.raises(nw.NestwiseError, match="effects='ran_pars'"):
        m.tidy("ran_pars")
    with pytest.raises(nw.NestwiseError, match="without any residual"):
        nw.lm("y ~ x", {"x": [1.0, 2.0, 3.0, 4.0], "y": [7.1, 7.2, 7.3, 7.4]})
    with pytest.raises(nw.NestwiseError, match="coefficients cannot be estimated"):
        nw.lm("y ~ x", {"x": [1.0, 2.0], "y": [1.0, 3.0]})


def test_import_is_light() -> None:
    code = "import sys, nestwise; print('matplotlib' in sys.modules, 'scipy.stats' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "False"]


def test_a_model_without_fixed_effects() -> None:
    m = nw.lmer("Reaction ~ 0 + (1 | Subject)", nw.load_dataset("sleepstudy"))
    assert m.criterion == pytest.approx(1985.679691, abs=1e-6)  # lme4
    assert len(m.params) == len(m.tidy()) == len(m.confint()) == 0
    assert "Fixed effects" not in str(m)
    assert "<table" in m._repr_html_()
    np.testing.assert_allclose(m.predict(re_form=None), 0.0)
