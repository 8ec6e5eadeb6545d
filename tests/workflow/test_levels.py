"""Levels of hierarchical data: sizes, what varies where, missing values, nesting and crossing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nestwise as nw
from nestwise._base.errors import DataError, OptionError


@pytest.fixture
def classroom(shared_file: Callable[[str], Path]) -> pd.DataFrame:
    return pd.read_csv(shared_file("classroom.csv"))


def _numbered(data: pd.DataFrame) -> pd.DataFrame:
    """Classes numbered anew in every school."""
    room = data.groupby("schoolid")["classid"].transform(lambda c: pd.factorize(c)[0] + 1)
    return data.assign(classid=room)


def test_variables_of_the_classroom_data(classroom: pd.DataFrame) -> None:
    found = nw.describe_levels(classroom, ["schoolid", "classid"])
    level = found.variables.set_index("variable")["varies_at"]
    assert level[["housepov"]].tolist() == ["schoolid"]
    assert level[["mathprep", "mathknow", "yearstea"]].tolist() == ["classid"] * 3
    assert level[["sex", "minority", "mathkind", "mathgain", "ses", "childid"]].eq("rows").all()
    lacking = found.variables.set_index("variable").loc["mathknow"]
    assert (lacking["n_missing"], round(lacking["share_missing"], 4)) == (109, 0.0916)


def test_sizes_and_missing_against_pandas(classroom: pd.DataFrame) -> None:
    found = nw.describe_levels(classroom, ["schoolid", "classid"])
    sizes = found.sizes.set_index(["level", "counted"])
    for level in ("schoolid", "classid"):
        n = classroom.groupby(level).size()
        row = sizes.loc[(level, "rows")]
        assert (row["n_groups"], row["min"], row["max"]) == (len(n), n.min(), n.max())
        assert row["mean"] == pytest.approx(n.mean())
        assert row["cv"] == pytest.approx(n.std(ddof=0) / n.mean())
        assert not row["balanced"]
        share = classroom["mathknow"].isna().groupby(classroom[level]).mean()
        at = found.missing[(found.missing["variable"] == "mathknow")].set_index("level").loc[level]
        assert at["n_wholly_missing"] == (share == 1).sum()
        assert at["n_partly_missing"] == ((share > 0) & (share < 1)).sum()
        assert at["n_complete"] == (share == 0).sum()
    rooms = classroom.groupby("schoolid")["classid"].nunique()
    row = sizes.loc[("schoolid", "classid")]
    assert (row["min"], row["median"], row["max"]) == (rooms.min(), rooms.median(), rooms.max())
    listed = found.groups[found.groups["level"] == "schoolid"].set_index("group")["n"]
    assert listed["3"] == (classroom["schoolid"] == 3).sum()


def test_nested_groups_need_no_remark(classroom: pd.DataFrame) -> None:
    for order in (["schoolid", "classid"], ["classid", "schoolid"]):
        found = nw.describe_levels(classroom, order)
        row = found.relations.iloc[0]
        assert (row["inner"], row["outer"], row["relation"]) == ("classid", "schoolid", "nested")
        assert not any("nesting" in d.code for d in found.diagnostics)


def test_implicit_nesting_is_warned_about(classroom: pd.DataFrame) -> None:
    found = nw.describe_levels(_numbered(classroom), ["schoolid", "classid"])
    assert found.relations["relation"].tolist() == ["implicitly nested"]
    remark = found.diagnostics[0]
    assert remark.code == "implicit-nesting"
    assert "schoolid/classid" in remark.advice
    assert "schoolid:classid" in remark.advice
    explicit = nw.describe_levels(classroom, ["schoolid", "classid"])
    sizes = found.sizes.replace({"schoolid:classid": "classid"})
    pd.testing.assert_frame_equal(sizes, explicit.sizes)
    assert set(found.variables["varies_at"]) == {"rows", "schoolid:classid", "schoolid"}


def test_columns_of_the_combinations_tell_implicit_nesting() -> None:
    pastes = nw.load_dataset("Pastes")
    found = nw.describe_levels(pastes, ["batch", "cask"])
    assert found.relations["relation"].tolist() == ["implicitly nested"]
    without = nw.describe_levels(pastes.drop(columns="sample"), ["batch", "cask"])
    assert without.relations["relation"].tolist() == ["crossed or implicitly nested"]
    assert without.diagnostics[0].code == "implicit-nesting"


def test_crossed_groups() -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"pupil": rng.integers(0, 40, 300), "rater": rng.integers(0, 25, 300)})
    found = nw.describe_levels(data.assign(y=rng.standard_normal(300)), ["pupil", "rater"])
    assert found.relations["relation"].tolist() == ["crossed"]
    assert found.relations["n_combinations"].tolist() == [len(data.drop_duplicates())]
    assert found.diagnostics[0].code == "crossed-groups"


def test_the_same_groups_under_two_names() -> None:
    found = nw.describe_levels({"a": [1, 1, 2], "b": list("xxy"), "y": [1, 2, 3]}, ["a", "b"])
    assert found.relations["relation"].tolist() == ["the same"]
    assert found.diagnostics[0].code == "same-groups"


def test_slashes_and_missing_groups() -> None:
    data = {"a": ["p", "p", "q", None], "b": [1, 2, 1, 1], "x": [1.0, None, 2.0, 3.0], "k": [1] * 4}
    found = nw.describe_levels(data, "a/b", columns=["x", "k"])
    assert found.sizes["level"].tolist() == ["a", "a", "a:b"]
    assert found.sizes["rows_without"].tolist() == [1, 1, 1]
    assert found.variables["varies_at"].tolist() == ["a", "nothing"]
    assert [d.code for d in found.diagnostics if d.code == "rows-without-group"]


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas])
def test_an_answer_in_the_callers_kind(make: Callable[[pd.DataFrame], object]) -> None:
    data = nw.load_dataset("hlm_tutorial")
    expected = nw.describe_levels(data, "classroom_id")
    found = nw.describe_levels(make(data), "classroom_id")
    assert type(found.sizes) is type(make(data))
    assert str(found) == str(expected)
    assert found._repr_html_().count("<caption>") == 2


def test_what_is_no_group_is_refused() -> None:
    data = nw.load_dataset("hlm_tutorial")
    with pytest.raises(DataError, match="'classroom' is not in the data; did you mean"):
        nw.describe_levels(data, "classroom")
    with pytest.raises(OptionError, match="names no grouping columns"):
        nw.describe_levels(data, [])
    with pytest.raises(DataError, match="has no value at all"):
        nw.describe_levels({"g": [None, None], "y": [1.0, 2.0]}, "g")
