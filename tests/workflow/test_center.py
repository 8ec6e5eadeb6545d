"""Centring against the numbers of the tutorial and against its definition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nestwise._base.errors import DataError, OptionError
from nestwise.workflow.center import center
from nestwise.workflow.datasets import load_dataset


def test_the_numbers_of_the_tutorial() -> None:
    data = load_dataset("hlm_tutorial")
    within = center(data, "ses", by="classroom_id", method="group")
    means = center(data, "ses", by="classroom_id", method="group_mean")
    printed = ["-7.65", "-4.79", "15.2", "-11.1", "-1.56", "19.3"]
    assert [f"{v:.3g}" for v in within.head(6)] == printed
    assert [f"{v:.3g}" for v in means.head(6)] == ["49.8"] * 6


def test_definitions() -> None:
    data = load_dataset("Exam")
    x, school = data["standLRT"], data["school"]
    group_mean = x.groupby(school, observed=True).transform("mean")
    cases = {"grand": x - x.mean(), "group": x - group_mean, "group_mean": group_mean}
    for method, expected in cases.items():
        by = None if method == "grand" else "school"
        answer = center(data, "standLRT", by=by, method=method)
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-13)


def test_groups_ask_for_centring_within_them() -> None:
    data = load_dataset("Exam")
    within = center(data, "standLRT", by="school", method="group")
    np.testing.assert_array_equal(center(data, "standLRT", by="school"), within)
    with pytest.warns(UserWarning, match="leave by= out, or use method='group'"):
        grand = center(data, "standLRT", by="school", method="grand")
    np.testing.assert_array_equal(grand, center(data, "standLRT"))


def test_the_mean_of_what_is_centred_is_zero() -> None:
    data = load_dataset("hlm_tutorial")
    assert abs(center(data, "ses").mean()) < 1e-14
    within = center(data, "ses", by="classroom_id", method="group")
    assert within.groupby(data["classroom_id"]).mean().abs().max() < 1e-14


def test_missing_values_stay_missing_and_do_not_count() -> None:
    data = pd.DataFrame({"g": ["a", "a", "b", None], "x": [1.0, np.nan, 5.0, 7.0]})
    within = center(data, "x", by="g", method="group")
    assert within.isna().tolist() == [False, True, False, True]
    means = center(data, "x", by="g", method="group_mean")
    np.testing.assert_array_equal(means, [1.0, 1.0, 5.0, np.nan])


def test_an_answer_in_the_callers_kind_and_order() -> None:
    data = load_dataset("hlm_tutorial").sample(frac=1, random_state=3)
    one = center(data, "ses")
    assert isinstance(one, pd.Series)
    assert one.name == "ses"
    assert one.index.equals(data.index)
    several = center(data, ["ses", "math_score"])
    assert list(several) == ["ses", "math_score"]
    assert several.index.equals(data.index)
    in_polars = center(pl.from_pandas(data), "ses")
    assert isinstance(in_polars, pl.Series)
    assert in_polars.to_list() == one.tolist()
    in_arrow = center(pa.Table.from_pandas(data, preserve_index=False), ["ses"])
    assert isinstance(in_arrow, pa.Table)
    assert in_arrow["ses"].to_pylist() == one.tolist()


def test_the_data_stay_as_they_were() -> None:
    data = load_dataset("hlm_tutorial")
    center(data, "ses", by="classroom_id", method="group")
    pd.testing.assert_frame_equal(data, load_dataset("hlm_tutorial"))


def test_what_cannot_be_centred_is_refused() -> None:
    data = load_dataset("Exam")
    with pytest.raises(DataError, match="'standlrt' is not in the data; did you mean 'standLRT'"):
        center(data, "standlrt")
    with pytest.raises(DataError, match="center: column 'sex' holds text or categories"):
        center(data, "sex")
    with pytest.raises(OptionError, match="method='groups' is not known.*did you mean 'group'"):
        center(data, "standLRT", method="groups")
    with pytest.raises(OptionError, match="method='group' needs groups; give by="):
        center(data, "standLRT", method="group")


def test_every_number_of_the_tutorial_by_its_definition() -> None:
    data = load_dataset("hlm_tutorial")
    groups = data.groupby("classroom_id")["ses"]
    ses_grpmean = groups.transform("mean")
    means = center(data, "ses", by="classroom_id", method="group_mean")
    np.testing.assert_allclose(means, ses_grpmean, rtol=1e-14)
    within = center(data, "ses", by="classroom_id", method="group")
    np.testing.assert_allclose(within, data["ses"] - ses_grpmean, atol=1e-13)
    # ses_gmc: the classroom means about the mean of the classrooms.
    gmc = center(data.assign(ses_grpmean=means), "ses_grpmean", unit="classroom_id")
    np.testing.assert_allclose(gmc, ses_grpmean - groups.mean().mean(), atol=1e-13)


def test_units_count_once_each() -> None:
    data = pd.DataFrame(
        {
            "school": ["A"] * 5 + ["B"] * 2,
            "room": [1, 1, 1, 1, 2, 1, 2],
            "x": [2.0, 2.0, 2.0, np.nan, 8.0, 1.0, 3.0],
        }
    )
    of_rooms = center(data, "x", by="school", method="group_mean", unit=["school", "room"])
    assert of_rooms.tolist() == [5.0] * 5 + [2.0] * 2
    np.testing.assert_array_equal(
        center(data, "x", unit=["school", "room"]), data["x"] - (2 + 8 + 1 + 3) / 4
    )


def test_three_levels_add_up(shared_file: Callable[[str], Path]) -> None:
    data = pd.read_csv(shared_file("classroom.csv"))
    pupil = center(data, "ses", by=["schoolid", "classid"], method="group")
    data["room"] = center(data, "ses", by=["schoolid", "classid"], method="group_mean")
    room = center(data, "room", by="schoolid", method="group", unit="classid")
    school = center(data, "room", by="schoolid", method="group_mean", unit="classid")
    np.testing.assert_allclose(pupil + room + school, data["ses"], atol=1e-13)
    one_a_room = data.drop_duplicates("classid")
    np.testing.assert_allclose(
        room[one_a_room.index].groupby(one_a_room["schoolid"]).mean(), 0.0, atol=1e-14
    )
