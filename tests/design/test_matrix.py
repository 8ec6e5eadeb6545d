"""Model matrices against R's model.matrix: names, order, values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from design.r_data import r_table
from nestwise.design import build, encode_new, from_dict, to_dict

ANSWERS = json.loads((Path(__file__).parents[1] / "oracle" / "design.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return r_table(ANSWERS)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("case", ANSWERS["matrices"], ids=lambda c: c["formula"])
def test_matrix_is_r_s(case: dict[str, Any], table: pd.DataFrame) -> None:
    design = build(case["formula"], table)
    fixed = design.fixed
    full = fixed.X if fixed.full is None else fixed.full
    assert fixed.full_names == tuple(_listed(case["names"]))
    assert [a + 1 for a in fixed.full_assign] == _listed(case["assign"])
    assert list(fixed.terms) == _listed(case["terms"])
    np.testing.assert_allclose(full.T, np.array(case["columns"]), rtol=0, atol=1e-10)
    np.testing.assert_allclose(design.y, case["y"], rtol=1e-14)
    assert list(fixed.dropped) == _listed(case["dropped"])
    if case["offset"] is None or case["offset"] == {}:
        assert design.offset is None
    else:
        np.testing.assert_allclose(design.offset, case["offset"], rtol=1e-14)


@pytest.mark.parametrize("case", ANSWERS["matrices"], ids=lambda c: c["formula"])
def test_training_data_are_encoded_as_before(case: dict[str, Any], table: pd.DataFrame) -> None:
    design = build(case["formula"], table)
    saved = json.loads(json.dumps(to_dict(design.encoder)))
    for encoder in (design.encoder, from_dict(saved)):
        new = encode_new(encoder, table, need_response=True)
        np.testing.assert_allclose(new.X, design.fixed.X, rtol=1e-14, atol=1e-14)
        assert new.y is not None
        np.testing.assert_array_equal(new.y, design.y)
        some = encode_new(encoder, table.iloc[3:5])
        np.testing.assert_allclose(some.X, design.fixed.X[3:5], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("case", ANSWERS["contrasts"], ids=lambda c: c["formula"])
def test_contrasts_argument(case: dict[str, Any], table: pd.DataFrame) -> None:
    fixed = build(case["formula"], table, contrasts=case["contrasts"]).fixed
    assert fixed.full_names == tuple(case["names"])
    full = fixed.X if fixed.full is None else fixed.full
    np.testing.assert_allclose(full.T, np.array(case["columns"]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("case", ANSWERS["spread"], ids=lambda c: f"{c['x'][0]:.0f}")
def test_offset_columns_are_not_redundant(case: dict[str, Any], table: pd.DataFrame) -> None:
    data = table.assign(x=np.array(case["x"]))
    fixed = build("y ~ x + I(2 * x) + z", data).fixed
    dropped = [fixed.full_names.index(name) for name in fixed.dropped]
    assert dropped == _listed(case["dropped"])


def test_a_large_mean_alone_drops_nothing(oracle: Callable[[str], Any]) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(2, 50))
    data = {"y": noise[0], "x": 1e8 + noise[1], "twice": 2e8 + 2 * noise[1]}
    assert build("y ~ x", data).fixed.dropped == ()
    assert build("y ~ x + twice", data).fixed.dropped == ("twice",)
    data["one"] = np.full(50, 3.0)
    fixed = build("y ~ one + x", data).fixed
    assert fixed.dropped == ("one",)
    assert fixed.full is not None
    assert fixed.full.shape == (50, 3)
    assert build("y ~ one + x", data).diagnostics[0].code == "rank-deficient"


def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(2)
    data = {name: rng.normal(size=4) for name in ("y", "p", "q", "r", "s", "t")}
    fixed = build("y ~ p + q + r + s + t", data).fixed
    assert fixed.names == ("(Intercept)", "p", "q", "r")
    assert fixed.dropped == ("s", "t")
