"""The same design from every kind of table; order of levels; nothing is changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestwise.design import Design, build, encode_new, level_labels
from nestwise.design.collate import sort_text

ANSWERS = json.loads((Path(__file__).parents[1] / "oracle" / "design.json").read_text("utf-8"))
FORMULA = "y ~ x*f + t + k + (1 + x | s) + (1 | i/e)"
LEVELS = ["low", "mid", "high"]


def _columns(n: int = 48) -> dict[str, list[Any]]:
    rng = np.random.default_rng(3)
    return {
        "y": rng.normal(size=n).tolist(),
        "x": rng.normal(size=n).tolist(),
        "k": rng.integers(0, 9, n).tolist(),
        "f": [["low", "mid", "high"][i % 3] for i in range(n)],
        "s": [["b", "A", "a", "10", "9"][i % 5] for i in range(n)],
        "t": [bool(v) for v in rng.integers(0, 2, n)],
        "i": rng.integers(100, 104, n).tolist(),
        "e": [["u", "v"][v] for v in rng.integers(0, 2, n)],
    }


def _pandas(columns: dict[str, list[Any]]) -> pd.DataFrame:
    data = pd.DataFrame(columns)
    data["f"] = pd.Categorical(data["f"], categories=LEVELS)
    return data


def _tables(columns: dict[str, list[Any]]) -> dict[str, Any]:
    plain = _pandas(columns)
    polars = pl.DataFrame(columns).with_columns(pl.col("f").cast(pl.Enum(LEVELS)))
    nullable = plain.astype({"x": "Float64", "k": "Int64", "t": "boolean", "s": "string"})
    categories = plain.assign(s=pd.Categorical(plain["s"], categories=sort_text(set(plain["s"]))))
    objects = plain.astype({"s": object, "e": object})
    arrays = {k: np.array(v) for k, v in columns.items()} | {"f": plain["f"]}
    return {
        "polars": polars,
        "polars categorical": polars.with_columns(pl.col("s").cast(pl.Categorical)),
        "pyarrow": pa.Table.from_pandas(plain),
        "pyarrow chunks": pa.concat_tables(
            [pa.Table.from_pandas(plain.iloc[:20]), pa.Table.from_pandas(plain.iloc[20:])]
        ),
        "nullable": nullable,
        "arrow-backed": plain.convert_dtypes(dtype_backend="pyarrow").assign(f=plain["f"]),
        "categories": categories,
        "objects": objects,
        "arrays": arrays,
        "lists": columns | {"f": plain["f"]},
    }


def assert_same(a: Design, b: Design) -> None:
    assert a.fixed.names == b.fixed.names
    np.testing.assert_array_equal(a.fixed.X, b.fixed.X)
    np.testing.assert_array_equal(a.y, b.y)
    assert a.n_dropped == b.n_dropped
    assert [f.name for f in a.factors] == [f.name for f in b.factors]
    for f, g in zip(a.factors, b.factors, strict=True):
        np.testing.assert_array_equal(f.codes, g.codes)
        assert level_labels(f).tolist() == level_labels(g).tolist()
    for s, t in zip(a.terms, b.terms, strict=True):
        assert (s.label, s.factor, s.columns, s.structure) == (
            t.label, t.factor, t.columns, t.structure)  # fmt: skip
        for u, v in zip(s.Z, t.Z, strict=True):
            assert (u is None) == (v is None)
            if u is not None and v is not None:
                np.testing.assert_array_equal(u, v)


@pytest.mark.parametrize("kind", list(_tables(_columns())))
def test_all_tables_give_one_design(kind: str) -> None:
    columns = _columns()
    assert_same(build(FORMULA, _pandas(columns)), build(FORMULA, _tables(columns)[kind]))


def _tables_with_holes(columns: dict[str, list[Any]]) -> dict[str, Any]:
    polars = pl.DataFrame(columns).with_columns(pl.col("f").cast(pl.Enum(LEVELS)))
    # polars marks an Enum as ordered on the way to Arrow; here it is meant to be unordered.
    codes = [None if v is None else LEVELS.index(v) for v in columns["f"]]
    factor = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), LEVELS)
    arrow = pa.table(columns | {"f": factor})
    return {
        "polars": polars,
        "polars categorical": polars.with_columns(pl.col("s").cast(pl.Categorical)),
        "pyarrow": arrow,
        "pyarrow chunks": pa.concat_tables([arrow.slice(0, 20), arrow.slice(20)]),
        "lists": columns | {"f": pd.Categorical(columns["f"], categories=LEVELS)},
    }


@pytest.mark.parametrize("kind", list(_tables_with_holes(_columns())))
def test_all_tables_miss_the_same_rows(kind: str) -> None:
    columns = _columns()
    holes = {"x": 3, "s": 7, "f": 9, "t": 11, "k": 13, "i": 15}
    for name, row in holes.items():
        columns[name][row] = None
    design = build(FORMULA, _tables_with_holes(columns)[kind])
    assert design.n_dropped == len(holes)
    assert design.kept is not None
    assert np.flatnonzero(~design.kept).tolist() == sorted(holes.values())
    gone = set(holes.values())
    complete = {k: [v for i, v in enumerate(c) if i not in gone] for k, c in columns.items()}
    assert_same(build(FORMULA, _pandas(complete)), replace(design, n_dropped=0))


def test_pandas_missing_values_of_every_type() -> None:
    data = _pandas(_columns())
    data["x"] = data["x"].where(data.index != 3)
    data["s"] = data["s"].where(data.index != 7)
    data["f"] = data["f"].where(data.index != 9)
    data["t"] = data["t"].astype("boolean").where(data.index != 11)
    data["k"] = data["k"].astype("Int64").where(data.index != 13)
    data["i"] = data["i"].where(data.index != 15)
    design = build(FORMULA, data)
    assert design.kept is not None
    assert np.flatnonzero(~design.kept).tolist() == [3, 7, 9, 11, 13, 15]
    assert design.factors[-1].parts[0].tolist() == [100, 101, 102, 103]
    assert level_labels(design.factors[-1])[0] == "100"


def test_nothing_is_changed_and_nothing_is_shared() -> None:
    data = _pandas(_columns())
    before = data.copy(deep=True)
    arrays = {k: np.array(v) for k, v in _columns().items()}
    design = build("y ~ x + (0 + x | s) + (0 + k | i)", arrays)
    kept = design.y.copy(), design.fixed.X.copy(), [t.Z[0] for t in design.terms]
    values = [z.copy() for z in kept[2] if z is not None]
    arrays["y"][:] = 0
    arrays["x"][:] = 0
    arrays["k"][:] = 0
    np.testing.assert_array_equal(design.y, kept[0])
    np.testing.assert_array_equal(design.fixed.X, kept[1])
    for term, z in zip(design.terms, values, strict=True):
        np.testing.assert_array_equal(term.Z[0], z)
    build(FORMULA, data)
    pd.testing.assert_frame_equal(data, before)


def test_text_is_sorted_as_r_sorts() -> None:
    assert sort_text(ANSWERS["words"]) == ANSWERS["sorted"]


def _labels(values: Any) -> list[str]:
    n = len(values)
    data = {"y": np.arange(n, dtype=float), "g": values}
    return level_labels(build("y ~ 1 + (1 | g)", data).factors[0]).tolist()


def test_order_of_levels() -> None:
    assert _labels([10, 9, 1, 10]) == ["1", "9", "10"]
    assert _labels([10.0, 9.5, -1.0, 10.0]) == ["-1", "9.5", "10"]
    assert _labels(["b", "A", "a", "B"]) == ["a", "A", "b", "B"]
    assert _labels([True, False, True]) == ["FALSE", "TRUE"]
    assert _labels(pd.Categorical(["u", "v", "u"], categories=["w", "v", "u"])) == ["v", "u"]
    assert _labels(pd.Categorical([2, 1, 2], categories=[2, 1])) == ["2", "1"]
    assert _labels([10**12, 5, 10**12]) == ["5", "1000000000000"]
    assert _labels(np.array([200, 3, 200], dtype=np.uint8)) == ["3", "200"]
    small = np.array([-100, 100, 27], dtype=np.int8)
    assert _labels(small) == ["-100", "27", "100"]
    polars = pl.DataFrame({"y": [1.0, 2.0, 4.0], "g": small})
    assert build("y ~ 1 + (1 | g)", polars).factors[0].codes.tolist() == [0, 2, 1]


def test_unused_levels_are_left_out() -> None:
    values = pd.Categorical(list("aabbcc"), categories=list("zabyc"))
    data = pd.DataFrame({"y": [1.0, 2, 4, 3, 7, 6], "f": values})
    fixed = build("y ~ f", data).fixed
    assert fixed.names == ("(Intercept)", "fb", "fc")
    assert fixed.dropped == ()


@settings(max_examples=30)
@given(st.permutations(range(48)))
def test_permuted_rows_permute_the_design(order: list[int]) -> None:
    data = _pandas(_columns())
    design, mixed = build(FORMULA, data), build(FORMULA, data.iloc[order])
    np.testing.assert_array_equal(mixed.y, design.y[order])
    np.testing.assert_array_equal(mixed.fixed.X, design.fixed.X[order])
    for f, g in zip(design.factors, mixed.factors, strict=True):
        np.testing.assert_array_equal(g.codes, f.codes[order])
        assert level_labels(f).tolist() == level_labels(g).tolist()


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(-5, 5), st.sampled_from("abC"), st.booleans()),
        min_size=3,
        max_size=40,
    )
)
def test_codes_point_at_their_own_values(rows: list[tuple[int, str, bool]]) -> None:
    i, s, t = (list(v) for v in zip(*rows, strict=True))
    data = {"y": np.arange(len(rows), dtype=float), "i": i, "s": s, "t": t}
    design = build("y ~ 1 + (1 | i:s:t)", data)
    factor = design.factors[0]
    assert factor.n_levels == len(set(rows))
    back = list(zip(*(p[factor.codes].tolist() for p in factor.parts), strict=True))
    assert back == rows
    new = encode_new(design, data)
    np.testing.assert_array_equal(new.codes[0], factor.codes)
