"""Predictions beside lme4's, for rows seen and unseen."""

from __future__ import annotations

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import LINEAR, LMM, ROWWISE, linear, mixed, new_rows, table


@pytest.mark.parametrize("name", ROWWISE)
def test_new_rows(name: str) -> None:
    r, m, rows = LMM[name], mixed(name), new_rows(name)
    np.testing.assert_allclose(m.predict(rows), r["predict_new"], rtol=1e-5)
    population = m.predict(rows, re_form=None)
    np.testing.assert_allclose(population, r["predict_population"], rtol=5e-6)


@pytest.mark.parametrize("name", ROWWISE)
def test_rows_of_the_fit(name: str) -> None:
    m = mixed(name)
    np.testing.assert_allclose(m.predict(), m.fitted(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(m.predict(table(LMM[name]["data"])), m.fitted(), rtol=1e-9)
    np.testing.assert_allclose(m.predict(re_form=None), m.augment()["fitted_fixed"], rtol=1e-12)


@pytest.mark.parametrize("re_form", ["(1 | Subject)", "~ (1|Subject)"])
def test_some_random_effects(re_form: str) -> None:
    m = mixed("sleepstudy")
    expected = LMM["anova"]["predict_term"]
    rows = table("sleepstudy").head(12)
    np.testing.assert_allclose(m.predict(rows, re_form=re_form), expected, rtol=1e-5)
    np.testing.assert_allclose(m.predict(re_form=re_form)[:12], expected, rtol=1e-5)


def test_one_of_two_factors() -> None:
    m, data = mixed("penicillin"), table("Penicillin")
    plate = m.predict(re_form="(1 | plate)") + m.predict(re_form="(1 | sample)")
    np.testing.assert_allclose(plate - m.predict(re_form=None), m.fitted(), rtol=1e-12)
    both = m.predict(data, re_form="(1 | plate) + (1 | sample)")
    np.testing.assert_allclose(both, m.fitted(), rtol=1e-12)


def test_unknown_groups() -> None:
    m = mixed("sleepstudy")
    rows = table("sleepstudy").head(3).assign(Subject=["308", "999", "309"])
    with pytest.raises(nw.NestwiseError, match=r"999.*allow_new_levels=True"):
        m.predict(rows)
    found = m.predict(rows, allow_new_levels=True)
    np.testing.assert_allclose(found, LMM["anova"]["predict_new_level"], rtol=1e-5)
    np.testing.assert_allclose(m.predict(rows, re_form=None)[1], found[1], rtol=1e-12)


def test_population_needs_no_group() -> None:
    rows = table("sleepstudy").head(3)[["Days"]]
    assert mixed("sleepstudy").predict(rows, re_form=None)[0] == pytest.approx(251.405105, rel=1e-6)


def test_missing_values_give_nan() -> None:
    rows = table("sleepstudy").head(3).copy()
    rows["Days"] = [0.0, np.nan, 2.0]
    assert np.isnan(mixed("sleepstudy").predict(rows)).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("re_form", "message"),
    [
        ("(1 | Sujet)", "Sujet"),
        ("(Speed | Subject)", "Speed"),
        ("some", "re_form"),
    ],
)
def test_random_effects_that_the_fit_does_not_have(re_form: str, message: str) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        mixed("sleepstudy").predict(re_form=re_form)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models(name: str) -> None:
    m = linear(name)
    np.testing.assert_allclose(m.predict(m.source.data), m.fitted(), rtol=1e-9)
    np.testing.assert_allclose(m.predict(), m.fitted())
