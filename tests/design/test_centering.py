"""Centring inside formulas: what is learned, new data, three levels, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nestwise as nw
from nestwise._base.errors import DataError, FormulaError
from nestwise.inference.group_lines import group_lines

FORMULA = "math_score ~ center(ses, by=classroom_id) + group_mean(ses, classroom_id)"


def test_columns_equal_those_of_center() -> None:
    data = nw.load_dataset("hlm_tutorial")
    X = nw.lm(FORMULA, data).fit.design.fixed.X
    within = nw.center(data, "ses", by="classroom_id", method="group")
    means = nw.center(data, "ses", by="classroom_id", method="group_mean")
    np.testing.assert_array_equal(X[:, 1], within)
    np.testing.assert_array_equal(X[:, 2], means)


@pytest.mark.parametrize(
    "make", [pl.from_pandas, pa.Table.from_pandas, lambda d: d.to_dict("list")]
)
def test_any_kind_of_table(make: object) -> None:
    data = nw.load_dataset("hlm_tutorial")
    expected = nw.lm(FORMULA, data).params
    found = nw.lm(FORMULA, make(data)).params  # type: ignore[operator]
    pd.testing.assert_series_equal(found, expected)


def test_new_data_are_centred_at_the_means_of_the_training(tmp_path: Path) -> None:
    data = nw.load_dataset("hlm_tutorial")
    model = nw.lmer(f"{FORMULA} + (1 | classroom_id)", data)
    new = pd.DataFrame({"ses": [60.0, 60.0], "classroom_id": [3, 7]})
    means = data.groupby("classroom_id")["ses"].mean()
    b = model.params.to_numpy()
    expected = [b[0] + b[1] * (60 - means[g]) + b[2] * means[g] for g in (3, 7)]
    np.testing.assert_allclose(model.predict(new, re_form=None), expected, rtol=1e-13)
    model.save(tmp_path / "model.nest")
    again = nw.load(tmp_path / "model.nest")
    np.testing.assert_array_equal(again.predict(new), model.predict(new))


def test_a_new_group_has_no_known_mean() -> None:
    model = nw.lm(FORMULA, nw.load_dataset("hlm_tutorial"))
    with pytest.raises(DataError, match="no value in group '13'.*method='group_mean'"):
        model.predict(pd.DataFrame({"ses": [50.0], "classroom_id": [13]}))


def test_a_missing_group_leaves_its_row_out() -> None:
    data = nw.load_dataset("hlm_tutorial").astype({"classroom_id": "float64"})
    data.loc[[0, 5], "classroom_id"] = np.nan
    model = nw.lm(FORMULA, data)
    assert model.nobs == 238
    mean = data.groupby("classroom_id")["ses"].mean()[1.0]
    assert model.fit.design.fixed.X[0, 2] == pytest.approx(mean, rel=1e-14)


def test_groups_of_two_columns_and_units() -> None:
    data = nw.simulate_schools(balanced=False, seed=4)
    data["room"] = data.groupby("school", observed=True)["classroom"].transform(
        lambda c: pd.factorize(c)[0]
    )
    joint = nw.lm("math_gain ~ center(ses, by=school:room)", data).fit.design.fixed.X[:, 1]
    np.testing.assert_array_equal(joint, nw.center(data, "ses", by="classroom", method="group"))
    once = nw.lm("math_gain ~ group_mean(ses, school, unit=classroom)", data)
    by_hand = data.groupby("classroom", observed=True).agg({"ses": "mean", "school": "first"})
    expected = by_hand.groupby("school", observed=True)["ses"].mean()
    np.testing.assert_allclose(
        once.fit.design.fixed.X[:, 1], data["school"].map(expected).astype(float), rtol=1e-13
    )


def test_wrong_arguments_are_refused() -> None:
    data = nw.load_dataset("hlm_tutorial")
    with pytest.raises(FormulaError, match="wrong arguments"):
        nw.lm("math_score ~ group_mean(ses)", data)
    with pytest.raises(DataError, match="'clasroom_id' is not in the data; did you mean"):
        nw.lm("math_score ~ center(ses, by=clasroom_id)", data)
    with pytest.raises(DataError, match="needs numbers"):
        nw.lm("normexam ~ center(sex, by=school)", nw.load_dataset("Exam"))


def test_marginal_means_are_those_of_an_average_group() -> None:
    data = nw.load_dataset("hlm_tutorial")
    data["within"] = nw.center(data, "ses", by="classroom_id", method="group")
    data["room"] = nw.center(data, "ses", by="classroom_id", method="group_mean")
    by_hand = nw.lmer("math_score ~ intervention * within + room + (1 | classroom_id)", data)
    model = nw.lmer(
        "math_score ~ intervention * center(ses, by = classroom_id) + "
        "group_mean(ses, classroom_id) + (1 | classroom_id)",
        data,
    )
    found = model.emmeans("intervention").table
    pd.testing.assert_frame_equal(found, by_hand.emmeans("intervention").table)
    at = model.emmeans("intervention", at={"classroom_id": [3], "ses": [50.0]}).table
    b, mean = model.params.to_numpy(), data.loc[data["classroom_id"] == 3, "ses"].mean()
    expected = b[0] + b[2] * (50.0 - mean) + b[3] * mean
    assert at["emmean"][0] == pytest.approx(expected, rel=1e-9)


def test_lines_of_groups_use_each_groups_own_mean() -> None:
    data = nw.load_dataset("hlm_tutorial")
    model = nw.lmer("math_score ~ center(ses, by = classroom_id) + (1 | classroom_id)", data)
    lines = group_lines(model.fit, data, "ses")
    means = data.groupby("classroom_id")["ses"].mean().to_numpy()
    b, modes = model.params.to_numpy(), model.fit.modes[0][:, 0]
    expected = b[0] + modes[:, None] + b[1] * (lines.x - means[:, None])
    np.testing.assert_allclose(lines.lines, expected, rtol=1e-10)
    np.testing.assert_allclose(
        lines.population, b[0] + b[1] * (lines.x - data["ses"].mean()), rtol=1e-10
    )
