"""Descriptive statistics against psych 2.2.9 (tests/oracle/describe.R) and the tutorial."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestwise._base.errors import DataError, OptionError
from nestwise.workflow.datasets import load_dataset
from nestwise.workflow.describe import STATISTICS, describe

ODD = {
    "one": [3.0],
    "two": [1.0, 4.0],
    "three": [2.0, 2.0, 2.0],
    "four": [1.0, np.nan, 5.0, 9.0, 30.0],
    "ties": [1.0, 1, 1, 2, 2, 3, 7, 7, 7, 7, 8],
    "tenths": [0.1] * 20,
    "far": [1e8 + 2.0**i for i in range(12)],
}


def _same(table: pd.DataFrame, expected: dict[str, list[Any]], rtol: float = 1e-12) -> None:
    assert set(STATISTICS) == set(expected)
    for name in STATISTICS:
        answer = np.array([np.nan if v is None else v for v in expected[name]], dtype=float)
        np.testing.assert_allclose(table[name], answer, rtol=rtol, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("room", range(1, 13))
def test_the_tutorial_by_classroom(room: int, oracle: Callable[[str], Any]) -> None:
    table = describe(load_dataset("hlm_tutorial"), by="classroom_id")
    assert list(table) == ["classroom_id", "variable", *STATISTICS]
    part = table[table["classroom_id"] == room]
    assert part["variable"].tolist() == ["math_score", "intervention", "student_id", "ses"]
    _same(part, oracle("describe")["tutorial"][str(room)])


def test_the_tutorial_as_printed() -> None:
    table = describe(load_dataset("hlm_tutorial"), "math_score", by="classroom_id").round(2)
    nine = table[table["classroom_id"] == 9].iloc[0]
    printed = [20, 56.17, 7.51, 55.36, 55.14, 5.08, 46.18, 77.69, 31.51, 1.18, 1.33, 1.68]
    assert [float(nine[s]) for s in STATISTICS] == printed
    means = [51.42, 49.49, 51.06, 48.80, 53.75, 46.41, 54.73, 53.79, 56.17, 54.07, 55.42, 54.73]
    assert table["mean"].tolist() == means


def test_without_groups(oracle: Callable[[str], Any]) -> None:
    table = describe(load_dataset("hlm_tutorial"))
    assert list(table) == ["variable", *STATISTICS]
    _same(table, oracle("describe")["whole"])


def test_groups_come_in_level_order(oracle: Callable[[str], Any]) -> None:
    table = describe(load_dataset("Exam"), ["normexam", "standLRT", "schavg"], by="schgend")
    assert table["schgend"].tolist()[::3] == ["mixed", "boys", "girls"]
    for level, part in table.groupby("schgend", observed=True):
        _same(part, oracle("describe")["exam"][str(level)], rtol=1e-11)


@pytest.mark.parametrize("case", ODD)
def test_few_and_equal_and_missing_values(case: str, oracle: Callable[[str], Any]) -> None:
    table = describe(pd.DataFrame({"x": ODD[case]}))
    _same(table, oracle("describe")["odd"][case], rtol=1e-11)


def test_all_odd_cases_as_groups_of_one_table(oracle: Callable[[str], Any]) -> None:
    long = pd.DataFrame([(k, v) for k, values in ODD.items() for v in values], columns=["g", "x"])
    table = describe(long.sample(frac=1, random_state=1), "x", by="g").set_index("g")
    for case in ODD:
        _same(table.loc[[case]], oracle("describe")["odd"][case], rtol=1e-11)


def test_an_answer_in_the_callers_kind() -> None:
    data = load_dataset("hlm_tutorial")
    expected = describe(data, "ses", by=["intervention", "classroom_id"])
    from_polars = describe(pl.from_pandas(data), "ses", by=["intervention", "classroom_id"])
    from_arrow = describe(pa.Table.from_pandas(data), "ses", by=["intervention", "classroom_id"])
    assert isinstance(from_polars, pl.DataFrame)
    assert isinstance(from_arrow, pa.Table)
    pd.testing.assert_frame_equal(from_polars.to_pandas(), expected, check_dtype=False)
    pd.testing.assert_frame_equal(from_arrow.to_pandas(), expected, check_dtype=False)
    assert isinstance(describe(data.to_dict("list"), "ses"), pd.DataFrame)


def test_grouping_columns_keep_their_type() -> None:
    table = describe(load_dataset("cake"), "angle", by=["recipe", "temperature"])
    assert len(table) == 18
    assert table["temperature"].cat.ordered
    assert table["recipe"].tolist() == ["A"] * 6 + ["B"] * 6 + ["C"] * 6


def test_rows_without_a_group_are_left_out() -> None:
    data = pd.DataFrame(
        {"g": ["b", None, "a", "b", "a"], "h": [1.0, 1.0, np.nan, 2.0, 1.0], "x": [1.0, 2, 3, 4, 5]}
    )
    table = describe(data, "x", by=["g", "h"])
    assert table[["g", "h", "mean"]].to_numpy().tolist() == [
        ["a", 1.0, 5.0],
        ["b", 1.0, 1.0],
        ["b", 2.0, 4.0],
    ]


def test_a_group_with_nothing_in_it_is_counted_as_zero() -> None:
    data = pd.DataFrame({"g": ["a", "b"], "x": [np.nan, 1.0]})
    table = describe(data, "x", by="g")
    assert table["n"].tolist() == [0, 1]
    assert table.loc[0, list(STATISTICS[1:])].isna().all()


def test_the_data_stay_as_they_were() -> None:
    data = load_dataset("sleepstudy").sample(frac=1, random_state=0)
    before = data.copy(deep=True)
    describe(data, by="Subject")
    pd.testing.assert_frame_equal(data, before)


finite = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(st.integers(0, 4), finite), min_size=1, max_size=60))
def test_each_group_is_described_as_if_it_were_alone(rows: list[tuple[int, float]]) -> None:
    data = pd.DataFrame(rows, columns=["g", "x"])
    table = describe(data, "x", by="g")
    for group, part in data.groupby("g"):
        alone = describe(part, "x")
        together = table[table["g"] == group][["variable", *STATISTICS]].reset_index(drop=True)
        pd.testing.assert_frame_equal(together, alone, rtol=1e-9, atol=1e-9)
        assert alone["mean"].iloc[0] == pytest.approx(part["x"].mean(), rel=1e-12, abs=1e-9)
        assert alone["median"].iloc[0] == pytest.approx(part["x"].median(), rel=1e-15)


def test_what_cannot_be_described_is_refused() -> None:
    data = load_dataset("sleepstudy")
    with pytest.raises(DataError, match="'Reactions' is not in the data; did you mean 'Reaction'"):
        describe(data, "Reactions")
    with pytest.raises(DataError, match="'subject' is not in the data; did you mean 'Subject'"):
        describe(data, by="subject")
    with pytest.raises(DataError, match="column 'Subject' holds text or categories"):
        describe(data, "Subject")
    with pytest.raises(DataError, match="no numeric column"):
        describe(data[["Subject"]])
    with pytest.raises(DataError, match="by: the answer has a column 'mean'"):
        describe(data.rename(columns={"Subject": "mean"}), by="mean")


COLUMNS = ["math_score", "intervention", "classroom_id", "student_id", "ses"]


def _printed_blocks(text: str) -> dict[int, dict[str, list[str]]]:
    """classroom -> variable -> the twelve numbers as psych printed them, over two lines."""
    blocks: dict[int, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("classroom_id: "):
            current = blocks.setdefault(int(words[1]), {})
        elif words and words[0] in COLUMNS and len(words) == 12 and words[1] in "12345":
            current[words[0]] = words[2:]
        elif len(words) == 3 and len(current.get(words[0], [])) == 10:
            current[words[0]] += words[1:]
    return blocks


def test_every_printed_number_of_the_tutorial(shared_file: Callable[[str], Path]) -> None:
    text = shared_file("../texts/003_019c3d59df3393fc.txt").read_text(encoding="utf-8")
    blocks = _printed_blocks(text)
    assert sorted(blocks) == list(range(1, 13))
    data = pd.read_csv(shared_file("hlm_tutorial.csv"))
    table = describe(data, COLUMNS, by="classroom_id").set_index(["classroom_id", "variable"])
    compared = 0
    for room, variables in blocks.items():
        assert list(variables) == COLUMNS
        for name, numbers in variables.items():
            ours = table.loc[(room, name)]
            shown = [f"{ours['n']:.0f}", *(f"{ours[s]:.2f}" for s in STATISTICS[1:])]
            shown = ["NaN" if v == "nan" else v.replace("-0.00", "0.00") for v in shown]
            assert shown == [v.replace("-0.00", "0.00") for v in numbers], (room, name)
            compared += len(numbers)
    assert compared == 12 * 5 * 12


def test_a_million_rows_take_seconds() -> None:
    rng = np.random.default_rng(1)
    n = 1_000_000
    data = pd.DataFrame({"g": rng.integers(0, 2000, n), "x": rng.standard_normal(n)})
    start = time.process_time()
    table = describe(data, "x", by="g")
    assert time.process_time() - start < 5.0
    assert len(table) == 2000
    assert table["n"].sum() == n


def test_quartiles_as_the_tutorial_prints_them() -> None:
    table = describe(load_dataset("hlm_tutorial"), COLUMNS, quantiles=(0.25, 0.75))
    table = table.set_index("variable")
    assert list(table)[-2:] == ["q25", "q75"]
    shown = table[["min", "q25", "median", "mean", "q75", "max"]]
    printed = {
        "math_score": [26.91, 46.89, 52.27, 52.49, 57.83, 77.69],
        "intervention": [0.0, 0.0, 0.5, 0.5, 1.0, 1.0],
        "classroom_id": [1.0, 3.75, 6.5, 6.5, 9.25, 12.0],
        "student_id": [1.0, 5.75, 10.5, 10.5, 15.25, 20.0],
        "ses": [25.34, 44.67, 50.61, 50.86, 58.46, 75.71],
    }
    for name, row in printed.items():
        for ours, theirs in zip(shown.loc[name], row, strict=True):
            assert round(ours, 2) == theirs


@given(st.lists(st.tuples(st.integers(0, 3), finite), min_size=1, max_size=40), st.floats(0, 1))
def test_quantiles_are_numpys(rows: list[tuple[int, float]], p: float) -> None:
    data = pd.DataFrame(rows, columns=["g", "x"])
    name = f"q{100 * p:g}"
    table = describe(data, "x", by="g", quantiles=[p]).set_index("g")[name]
    expected = data.groupby("g")["x"].apply(lambda v: np.quantile(v, p))
    np.testing.assert_allclose(table, expected, rtol=1e-9, atol=1e-6)


def test_a_quantile_must_be_a_probability() -> None:
    with pytest.raises(OptionError, match="quantiles: 25 is no probability"):
        describe(load_dataset("sleepstudy"), quantiles=[25])
