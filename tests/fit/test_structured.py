"""Fits with structured residuals against nlme, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw

DIET = "weight ~ Time * factor(Diet) + (Time | Rat)"
HARMONIC = "follicles ~ sin(2*pi*Time) + cos(2*pi*Time)"
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ar1": ("Orthodont", "distance ~ age*Sex", {"residual": "ar1(age | Subject)"}),
    "cs": ("Orthodont", "distance ~ age*Sex", {"residual": "cs(age | Subject)"}),
    "us_ml": (
        "Orthodont",
        "distance ~ age*Sex",
        {"residual": "us(age | Subject)", "REML": False},
    ),
    "ident": ("Orthodont", "distance ~ age*Sex + (age | Subject)", {"variance": "Sex"}),
    "slope_ar1": (
        "Orthodont",
        "distance ~ age + (1 | Subject)",
        {"residual": "ar1(age | Subject)"},
    ),
    "ovary": ("Ovary", HARMONIC, {"residual": "ar1(1 | Mare)"}),
    "power": ("BodyWeight", DIET, {"variance": "power(fitted)"}),
    "power_exp": (
        "BodyWeight",
        DIET,
        {"variance": "power(fitted)", "residual": "exp(Time | Rat)"},
    ),
}


def fitted_model(name: str, shared_file: Callable[[str], Path]) -> nw.StructuredModel:
    data, formula, options = MODELS[name]
    call: Any = nw.lmer if "|" in formula else nw.gls
    model: nw.StructuredModel = call(formula, pd.read_csv(shared_file(f"{data}.csv")), **options)
    return model


@pytest.mark.parametrize("name", sorted(MODELS))
def test_equals_nlme(
    name: str, oracle: Callable[[str], Any], shared_file: Callable[[str], Path]
) -> None:
    expected, model = oracle("structured_first")[name], fitted_model(name, shared_file)
    assert model.converged
    # nlme stops on the way where the fitted values enter the variance; ours is never worse.
    loose = "power" in name
    assert model.loglik == pytest.approx(expected["loglik"], abs=2e-3 if loose else 1e-6)
    np.testing.assert_allclose(model.params, expected["beta"], rtol=1e-3 if loose else 1e-5)
    assert model.sigma == pytest.approx(expected["sigma"], rel=5e-3 if loose else 1e-5)
    if name != "us_ml":
        np.testing.assert_allclose(model.bse, expected["se"], rtol=2e-3 if loose else 1e-5)
    own = model.residual_parameters(level=None)["estimate"].to_numpy()[:-1]
    par = np.atleast_1d(expected["par"])
    theirs = np.concatenate([par[-3:], par[:6]]) if name == "us_ml" else par[-own.size :]
    np.testing.assert_allclose(own, theirs, rtol=5e-3 if loose else 2e-5, atol=1e-6)


def test_compound_symmetry_is_a_random_intercept(shared_file: Callable[[str], Path]) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    marginal = nw.gls("distance ~ age*Sex", data, residual="cs(age | Subject)")
    mixed = nw.lmer("distance ~ age*Sex + (1 | Subject)", data)
    assert marginal.criterion == pytest.approx(mixed.criterion, abs=1e-8)
    np.testing.assert_allclose(marginal.bse, mixed.bse, rtol=1e-6)
    np.testing.assert_allclose(marginal.tidy()["df"], mixed.tidy()["df"], rtol=1e-4)


def test_what_cannot_be_told_apart_is_said(shared_file: Callable[[str], Path]) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    both = nw.lmer("distance ~ age + (1 | Subject)", data, residual="cs(age | Subject)")
    assert [d.code for d in both.diagnostics] == ["not-identifiable"]
    one = nw.lmer("distance ~ age + (1 | Subject)", data)
    assert both.criterion == pytest.approx(one.criterion, abs=1e-6)


def test_arms_with_matrices_of_their_own_add_up(shared_file: Callable[[str], Path]) -> None:
    """Without shared fixed effects the fit by arm is that of each arm alone."""
    data = pd.read_csv(shared_file("Orthodont.csv"))
    whole = nw.gls("distance ~ age*Sex", data, residual="us(age | Sex/Subject)", REML=False)
    parts = [
        nw.gls("distance ~ age", own, residual="us(age | Subject)", REML=False)
        for _, own in data.groupby("Sex")
    ]
    assert whole.loglik == pytest.approx(sum(m.loglik for m in parts), abs=1e-7)
    table = whole.residual_covariance()
    for (arm, own), part in zip(table.groupby("arm"), parts, strict=True):
        assert arm in ("Female", "Male")
        np.testing.assert_allclose(own["vcov"], part.residual_covariance()["vcov"], rtol=1e-4)


def test_weights_scale_and_order_do_not_matter(shared_file: Callable[[str], Path]) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    settings: dict[str, Any] = {"residual": "ar1h(age | Subject)"}
    first = nw.gls("distance ~ age*Sex", data, **settings)
    shuffled = nw.gls("distance ~ age*Sex", data.sample(frac=1.0, random_state=1), **settings)
    assert shuffled.loglik == pytest.approx(first.loglik, abs=1e-8)
    weighted = nw.gls("distance ~ age*Sex", data, weights=np.full(len(data), 4.0), **settings)
    assert weighted.loglik == pytest.approx(first.loglik, abs=1e-8)
    assert weighted.sigma == pytest.approx(2.0 * first.sigma, rel=1e-6)
    scaled = nw.gls("I(1000 * distance) ~ age*Sex", data, **settings)
    assert scaled.sigma == pytest.approx(1000.0 * first.sigma, rel=1e-6)


@pytest.mark.parametrize(
    ("residual", "words"),
    [
        ("us(Sex | Subject)", "two rows with Sex = "),
        ("ar2(age | Subject)", "did you mean 'ar1'"),
        ("ar1(age)", "name the visit and the subject"),
        ("car1(Sex | Subject)", "two rows"),
        ("exp(age + Sex | Subject)", "the coordinate 'Sex' is no number"),
        ("ar1(age | Subjct)", "did you mean 'Subject'"),
        ("ar1(age + distance | Subject)", "one visit variable"),
        ("us(distance + age/100 | Subject)", "one visit variable"),
        ("us(I(age + distance / 100) | Subject)", "but the data have 108 rows"),
    ],
)
def test_refuses_with_reasons(
    residual: str, words: str, shared_file: Callable[[str], Path]
) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    with pytest.raises(nw.NestwiseError, match=words):
        nw.gls("distance ~ age", data, residual=residual)


@pytest.mark.parametrize(
    ("variance", "words"),
    [
        ("powr(age)", "did you mean 'power'"),
        ("power(age - 8)", "27 of its values are zero"),
        ("power(Sex)", "needs numbers"),
        ("factor(age > 0)", "only one level"),
        ("Sex + Sex", "occurs twice"),
    ],
)
def test_refuses_variances_with_reasons(
    variance: str, words: str, shared_file: Callable[[str], Path]
) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    with pytest.raises(nw.NestwiseError, match=words):
        nw.gls("distance ~ age", data, variance=variance)


def test_questions_without_random_effects_are_refused(
    shared_file: Callable[[str], Path],
) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    model = nw.gls("distance ~ age", data, residual="cs(age | Subject)")
    with pytest.raises(nw.OptionError, match="no random effects"):
        model.ranef()
    with pytest.raises(nw.OptionError, match="new rows"):
        model.predict(residual=True)
    with pytest.raises(nw.FormulaError, match=r"nw\.lmer"):
        nw.gls("distance ~ age + (1 | Subject)", data)


def test_files_hold_structured_fits(shared_file: Callable[[str], Path], tmp_path: Path) -> None:
    model = nw.lmer(
        "distance ~ age + (1 | Subject)",
        pd.read_csv(shared_file("Orthodont.csv")),
        residual="ar1(age | Sex/Subject)",
        variance="Sex:age",
    )
    model.save(tmp_path / "fit.nestwise")
    again = nw.load(tmp_path / "fit.nestwise")
    assert isinstance(again, nw.StructuredModel)
    assert again.loglik == pytest.approx(model.loglik, abs=1e-7)
    np.testing.assert_allclose(
        again.residual_parameters()["estimate"], model.residual_parameters()["estimate"], rtol=1e-3
    )


def test_likelihood_ratio_between_structures(shared_file: Callable[[str], Path]) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    simple = nw.gls("distance ~ age*Sex", data, residual="cs(age | Subject)")
    rich = nw.gls("distance ~ age*Sex", data, residual="us(age | Subject)")
    table = nw.anova(rich, simple, refit=False)
    assert table["model"].iloc[0] == "distance ~ age*Sex; residual=cs(age | Subject)"
    assert table["chisq"].iloc[1] == pytest.approx(2 * (rich.loglik - simple.loglik))
    assert table["df"].iloc[1] == 8
    by_ml = nw.anova(simple, nw.lm("distance ~ age*Sex", data))
    assert by_ml["df"].iloc[1] == 1


def test_updating_and_singular_structures(shared_file: Callable[[str], Path]) -> None:
    data = pd.read_csv(shared_file("Orthodont.csv"))
    first = nw.gls("distance ~ age", data, residual="ar1(age | Subject)")
    second = first.update(". ~ . + Sex", residual="toep(age | Subject)")
    assert second.formula == "distance ~ age + Sex"
    assert list(second.residual_parameters(level=None)["term"])[-1] == "sigma"
    both = nw.lmer("distance ~ age + (1 | Subject)", data, residual="us(age | Subject)")
    assert both.diagnostics
    assert both.diagnostics[0].code in ("singular", "not-identifiable")


def test_a_random_effect_that_vanishes_is_tried_from_outside() -> None:
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"g": np.repeat(np.arange(30), 6), "t": np.tile(np.arange(6), 30)})
    data["y"] = rng.normal(size=len(data))
    model = nw.lmer("y ~ t + (1 | g)", data, residual="ar1(t | g)")
    assert model.converged
    free = nw.gls("y ~ t", data, residual="ar1(t | g)")
    assert model.loglik >= free.loglik - 1e-6
