"""Regressions per group against lme4's lmList and R's lm (tests/oracle/lm_list.R)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw
from nestwise._base.errors import FitError, FormulaError, OptionError

CASES = {
    "exam": ("normexam ~ standLRT | school", "Exam"),
    "sleep": ("Reaction ~ Days | Subject", "sleepstudy"),
    "slope_only": ("Reaction ~ 0 + Days | Subject", "sleepstudy"),
}


def _wide(table: pd.DataFrame, column: str, terms: list[str]) -> np.ndarray:
    return table.pivot(index="level", columns="term", values=column)[terms].to_numpy()


@pytest.mark.parametrize("case", CASES)
def test_against_lme4(case: str, oracle: Callable[[str], Any]) -> None:
    formula, name = CASES[case]
    expected = oracle("lm_list")[case]
    model = nw.lm_list(formula, nw.load_dataset(name))
    assert model.fit.labels.tolist() == expected["groups"]
    table = model.tidy(conf_int=True)
    at = pd.Categorical(table["level"], categories=expected["groups"], ordered=True)
    table = table.assign(level=at)
    names = {"coef": "estimate", "se": "std_error", "t": "statistic", "p": "p_value",
             "low": "conf_low", "high": "conf_high"}  # fmt: skip
    for theirs, ours in names.items():
        answer = np.array(expected[theirs], dtype=float).reshape(len(expected["groups"]), -1)
        terms = np.atleast_1d(expected["terms"]).tolist()
        found = _wide(table, ours, terms)
        # lme4 has no pooled standard error for a group with as many rows as coefficients.
        told = ~np.isnan(answer)
        assert told.all() or (case == "exam" and (~told).sum() == 2)
        np.testing.assert_allclose(found[told], answer[told], rtol=1e-9, err_msg=ours)
        assert not np.isnan(found).any()
    assert model.sigma == pytest.approx(expected["sigma"], rel=1e-12)
    assert model.df_resid == expected["df"]


def test_intervals_with_each_groups_own_residual(oracle: Callable[[str], Any]) -> None:
    expected = oracle("lm_list")["exam"]
    table = nw.lm_list(CASES["exam"][0], nw.load_dataset("Exam")).confint(pool=False)
    for theirs, ours in (("low_alone", "conf_low"), ("high_alone", "conf_high")):
        answer = np.array([[np.nan if v is None else v for v in row] for row in expected[theirs]])
        found = table[ours].to_numpy().reshape(-1, 2)
        at = ~np.isnan(answer.astype(float))
        np.testing.assert_allclose(found[at], answer.astype(float)[at], rtol=1e-9)
        # One school has as many pupils as coefficients.
        assert np.isnan(found[~at]).all()


def _by_hand(expected: Any, model: nw.RegressionList) -> None:
    assert model.fit.labels.tolist() == expected["groups"]
    answer = np.array(expected["coef"], dtype=float)
    np.testing.assert_allclose(model.fit.beta, answer, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(model.fit.rank, expected["rank"])
    assert model.sigma == pytest.approx(expected["sigma"], rel=1e-12)
    assert model.df_resid == expected["df"]


def test_weights(oracle: Callable[[str], Any]) -> None:
    data = nw.load_dataset("sleepstudy").assign(w=[1, 2, 0.5] * 60)
    _by_hand(oracle("lm_list")["weights"], nw.lm_list(CASES["sleep"][0], data, weights="w"))


def test_what_is_constant_in_a_group_is_left_out_there(oracle: Callable[[str], Any]) -> None:
    data = nw.load_dataset("Exam")
    data["girl"] = (data["sex"] == "F").astype(float)
    model = nw.lm_list("normexam ~ standLRT + girl + schavg | school", data)
    _by_hand(oracle("lm_list")["girls"], model)
    groups = model.groups().set_index("level")
    assert groups.loc["1", "undetermined"] == "schavg"
    assert groups.loc["2", "undetermined"] == "girl, schavg"
    assert "girl: not in 30" in str(model)
    assert "girl: not in 30" in model._repr_html_()
    assert model._repr_html_().count("<caption>") == 2


def test_fitted_values_and_residuals() -> None:
    data = nw.load_dataset("Exam").query("school in ['1', '2', '3', '6', '8']")
    model = nw.lm_list("normexam ~ standLRT + sex | school", data)
    whole = nw.lm("normexam ~ school + school:standLRT + school:sex", data)
    np.testing.assert_allclose(model.fitted(), whole.fitted(), atol=1e-10)
    assert np.sum(model.residuals() ** 2) == pytest.approx(model.sigma**2 * model.df_resid)


def test_groups_with_few_rows(
    oracle: Callable[[str], Any], shared_file: Callable[[str], Path]
) -> None:
    data = pd.read_csv(shared_file("classroom.csv"))
    model = nw.lm_list("mathgain ~ mathkind + sex + mathprep + ses | classid", data)
    _by_hand(oracle("lm_list")["rooms"], model)


def test_means_count_every_group_once() -> None:
    model = nw.lm_list("normexam ~ standLRT | school", nw.load_dataset("Exam"))
    slopes = model.coef().query("term == 'standLRT'")["estimate"]
    row = model.means().set_index("term").loc["standLRT"]
    assert row["estimate"] == pytest.approx(slopes.mean(), rel=1e-13)
    assert row["std_error"] == pytest.approx(slopes.std() / np.sqrt(65), rel=1e-13)
    assert row["df"] == 64


def test_digits_survive_a_covariate_far_from_zero() -> None:
    data = nw.load_dataset("sleepstudy").assign(year=lambda d: d["Days"] + 2e6)
    near = nw.lm_list("Reaction ~ Days | Subject", data).fit.beta[:, 1]
    far = nw.lm_list("Reaction ~ year | Subject", data).fit.beta[:, 1]
    np.testing.assert_allclose(far, near, rtol=1e-12)


def test_nearly_collinear_groups_are_solved_one_by_one() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(40)
    z = x + np.where(np.arange(40) < 20, 1e-5, 1.0) * rng.standard_normal(40)
    data = pd.DataFrame({"g": np.repeat(["a", "b"], 20), "x": x, "z": z})
    data["y"] = 1 + 2 * x - z + rng.standard_normal(40)
    model = nw.lm_list("y ~ x + z | g", data)
    for k, (_, part) in enumerate(data.groupby("g")):
        X = np.column_stack([np.ones(20), part["x"], part["z"]])
        expected = np.linalg.lstsq(X, part["y"], rcond=None)[0]
        np.testing.assert_allclose(model.fit.beta[k], expected, rtol=1e-8)


def test_joint_groups_any_kind_of_table_and_permuted_rows() -> None:
    data = nw.load_dataset("cake")
    model = nw.lm_list("angle ~ temp | recipe:replicate", data)
    assert model.n_groups == {"recipe:replicate": 45}
    again = nw.lm_list("angle ~ temp | recipe:replicate", pl.from_pandas(data))
    assert isinstance(again.coef(), pl.DataFrame)
    # polars does not keep the order of levels, which comes out sorted.
    place = {label: i for i, label in enumerate(model.fit.labels)}
    order = [place[label] for label in again.fit.labels]
    np.testing.assert_array_equal(again.fit.beta, model.fit.beta[order])
    mixed = nw.lm_list("angle ~ temp | recipe:replicate", data.sample(frac=1, random_state=1))
    np.testing.assert_allclose(mixed.fit.beta, model.fit.beta, rtol=1e-11)


def test_what_cannot_be_read_or_fitted_is_refused() -> None:
    data = nw.load_dataset("sleepstudy")
    with pytest.raises(FormulaError, match="needs a bar"):
        nw.lm_list("Reaction ~ Days", data)
    with pytest.raises(FormulaError, match="one bar, without parentheses"):
        nw.lm_list("Reaction ~ 1 + (Days | Subject)", data)
    with pytest.raises(FormulaError, match="name one group"):
        nw.lm_list("Reaction ~ 1 | Subject/Days", data)
    with pytest.raises(FormulaError, match=r"'\.' cannot be used here"):
        nw.lm_list("Reaction ~ . | Subject", data)
    with pytest.raises(FitError, match="leaves nothing for the residual variance"):
        nw.lm_list("Reaction ~ 1 | Subject:Days", data)
    with pytest.raises(OptionError, match="pool='yes'"):
        nw.lm_list("Reaction ~ Days | Subject", data).tidy(pool="yes")
