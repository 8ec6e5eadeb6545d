"""Bundled data sets equal the shared ones; the tutorial's numbers are made, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nestwise._base.errors import DataError
from nestwise.workflow.datasets import list_datasets, load_dataset

BUNDLED = "sleepstudy Dyestuff Dyestuff2 Penicillin Pastes cake cbpp Exam InstEval".split()


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_data_are_those_of_r(name: str, shared_file: Callable[[str], Path]) -> None:
    schema = json.loads(shared_file("schema.json").read_text(encoding="utf-8"))[name]
    expected = pd.read_csv(shared_file(schema["file"]), dtype="str")
    frame = load_dataset(name)
    assert frame.shape == (schema["rows"], len(schema["columns"]))
    for column, kind in schema["columns"].items():
        values = frame[column]
        if kind["type"] == "factor":
            assert values.cat.categories.tolist() == kind["levels"]
            assert values.cat.ordered == kind["ordered"]
            assert values.astype("str").tolist() == expected[column].tolist()
        else:
            assert values.dtype == ("int64" if kind["type"] == "integer" else "float64")
            assert values.tolist() == [float(x) for x in expected[column]]


def test_the_tutorial_is_what_r_drew(shared_file: Callable[[str], Path]) -> None:
    drawn = pd.read_csv(shared_file("hlm_tutorial.csv"), dtype="str")
    made = load_dataset("hlm_tutorial")
    assert list(made.columns) == list(drawn.columns)
    for column in drawn:
        assert made[column].tolist() == [float(x) for x in drawn[column]]


def test_the_tutorial_without_the_file() -> None:
    made = load_dataset("hlm_tutorial")
    assert made.shape == (240, 5)
    assert made["math_score"].head(3).tolist() == [
        44.395243534477871,
        47.698225105167204,
        65.58708314149124,
    ]
    assert made.groupby("classroom_id")["intervention"].nunique().eq(1).all()


def test_the_list_tells_the_truth() -> None:
    listed = list_datasets()
    assert set(BUNDLED) | {"fev_data", "hlm_tutorial", "schools"} == set(listed["name"])
    for row in listed.itertuples():
        assert load_dataset(str(row.name)).shape == (row.rows, row.columns)
    assert listed["description"].str.len().gt(20).all()


def test_every_call_gives_a_fresh_copy() -> None:
    first = load_dataset("Dyestuff")
    first["Yield"] = 0.0
    assert load_dataset("Dyestuff")["Yield"].iloc[0] == 1545.0


def test_schools_are_always_the_same() -> None:
    schools = load_dataset("schools")
    assert schools.shape == (600, 8)
    assert np.isclose(schools["math_gain"].sum(), 26543.552640128728, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "hint"), [("sleepstudies", "did you mean 'sleepstudy'"), ("exam", "'Exam'"), ("", "")]
)
def test_unknown_names_are_refused(name: str, hint: str) -> None:
    with pytest.raises(DataError, match=f"data set {name!r}.*{hint}"):
        load_dataset(name)
