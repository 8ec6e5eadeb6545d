"""Random terms against lme4's lFormula: order, factors, levels, columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from design.r_data import r_table
from nestwise.design import build, level_labels

ANSWERS = json.loads((Path(__file__).parents[1] / "oracle" / "design.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return r_table(ANSWERS)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("case", ANSWERS["random"], ids=lambda c: c["formula"])
def test_random_terms_are_lme4_s(case: dict[str, Any], table: pd.DataFrame) -> None:
    design = build(case["formula"], table)
    assert [design.factors[t.factor].name for t in design.terms] == _listed(case["groups"])
    assert [list(t.columns) for t in design.terms] == [_listed(c) for c in case["columns"]]
    names = _listed(case["factors"])
    assert {f.name for f in design.factors} == set(names)
    for factor in design.factors:
        i = names.index(factor.name)
        assert level_labels(factor).tolist() == case["levels"][i]
        assert factor.codes.tolist() == case["codes"][i]
        assert factor.n_levels == len(case["levels"][i])
    for term, Zt in zip(design.terms, case["Zt"], strict=True):
        factor = design.factors[term.factor]
        dense = np.zeros((factor.n_levels, len(term.columns), design.y.size))
        for j, column in enumerate(term.Z):
            dense[factor.codes, j, np.arange(design.y.size)] = 1.0 if column is None else column
        np.testing.assert_allclose(dense.reshape(-1, design.y.size), np.array(Zt), atol=1e-12)
    if "." not in case["formula"].split("~")[1]:
        assert list(design.fixed.names) == ([] if case["X"] is None else _listed(case["X"]))


def test_factor_left_of_double_bar_is_split(table: pd.DataFrame) -> None:
    """lme4 from 2.0 on: ``diag(1 + a | g)``, contrasts that vary independently."""
    design = build("y ~ (a || g)", table)
    assert [(t.label, t.columns, t.structure) for t in design.terms] == [
        ("g", ("(Intercept)",), "us"),
        ("g.1", ("amid", "ahi"), "diag"),
    ]
    design = build("y ~ (0 + a || g)", table)
    assert [(t.columns, t.structure) for t in design.terms] == [(("alo", "amid", "ahi"), "diag")]


def test_wrapped_bars(table: pd.DataFrame) -> None:
    design = build("y ~ diag(1 + x | g) + us(0 + z | g)", table)
    assert [(t.label, t.structure) for t in design.terms] == [("g", "diag"), ("g.1", "us")]


def test_dot_takes_the_group_in_as_lme4_does(table: pd.DataFrame) -> None:
    data = table[["y", "x", "g"]]
    fixed = build("y ~ . + (1 | g)", data).fixed
    assert fixed.names == ("(Intercept)", "x", "g2", "g3", "g4", "g5", "g6")
    assert build("log(y) ~ . - g + (1 | g)", data).fixed.names == ("(Intercept)", "x")
