"""Bad input, each with its own clear error, through the public call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw

FORMULA = "y ~ x + (1 | g)"


def _data(**columns: Any) -> pd.DataFrame:
    i = np.arange(24)
    base = {"y": np.sin(i) + i % 6, "x": np.cos(3.0 * i), "g": [f"g{k}" for k in i % 6]}
    return pd.DataFrame({**base, **columns})


def _with(column: str, row: int, value: float) -> pd.DataFrame:
    data = _data()
    data.loc[row, column] = value
    return data


def _twice() -> pd.DataFrame:
    return pd.concat([_data(), _data()[["x"]]], axis=1)


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "unknown column": (lambda: nw.lmer("y ~ xx + (1 | g)", _data()), "'xx' is not in the data"),
    "suggestion": (lambda: nw.lmer("y ~ X + (1 | g)", _data()), "did you mean 'x'"),
    "unknown group": (lambda: nw.lmer("y ~ x + (1 | gg)", _data()), "did you mean 'g'"),
    "empty data": (lambda: nw.lmer(FORMULA, _data().iloc[:0]), "no rows"),
    "all missing": (lambda: nw.lmer(FORMULA, _data(x=np.nan)), "every one of the 24 rows misses"),
    "one level": (lambda: nw.lmer(FORMULA, _data(g="a")), "one level|1 level"),
    "a level a row": (lambda: nw.lmer(FORMULA, _data(g=np.arange(24))), "24 levels.*24|as many"),
    "constant": (lambda: nw.lmer(FORMULA, _data(y=3.0)), "constant"),
    "infinite": (lambda: nw.lmer(FORMULA, _with("y", 2, np.inf)), "infinite"),
    "infinite x": (lambda: nw.lmer(FORMULA, _with("x", 2, -np.inf)), "infinite"),
    "complex": (lambda: nw.lmer(FORMULA, _data(y=1j * np.arange(24))), "complex"),
    "dates": (
        lambda: nw.lmer(FORMULA, _data(y=pd.date_range("2020-01-01", periods=24))),
        "dates",
    ),
    "text response": (lambda: nw.lmer("g ~ x + (1 | g)", _data()), "response"),
    "text": (lambda: nw.lmer("z ~ x + (1 | g)", _data(z=list("ab" * 12))), "text|numbers|factor"),
    "no group": (lambda: nw.lmer("y ~ x + (1 | )", _data()), r"\^"),
    "parentheses": (lambda: nw.lmer("y ~ x + (1 | g", _data()), r"\^"),
    "duplicates": (lambda: nw.lmer(FORMULA, _twice()), "'x'"),
    "not text": (lambda: nw.lmer(7, _data()), "string"),  # type: ignore[arg-type]
    "no table": (lambda: nw.lmer(FORMULA, [1, 2, 3]), "table"),
    "weight negative": (lambda: nw.lmer(FORMULA, _data(w=-1.0), weights="w"), "weight"),
    "weight zero": (lambda: nw.lmer(FORMULA, _data(), weights=np.zeros(24)), "weight"),
    "weight missing": (
        lambda: nw.lmer(FORMULA, _data(), weights=np.r_[np.nan, np.ones(23)]),
        "weight",
    ),
    "weights short": (lambda: nw.lmer(FORMULA, _data(), weights=np.ones(3)), "24"),
    "weights unknown": (lambda: nw.lmer(FORMULA, _data(), weights="ww"), "'ww'"),
    "na fail": (lambda: nw.lmer(FORMULA, _with("x", 4, np.nan), na_action="fail"), "missing"),
    "code": (lambda: nw.lmer("__import__('os').getcwd() ~ x + (1 | g)", _data()), r"\^"),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str) -> None:
    call, message = CASES[name]
    with pytest.raises(nw.NestwiseError, match=message) as caught:
        call()
    assert len(str(caught.value)) > 20
    assert caught.value.__cause__ is None


def test_own_functions_only_when_given() -> None:
    data = _data()
    with pytest.raises(nw.NestwiseError, match="twice"):
        nw.lmer("y ~ twice(x) + (1 | g)", data)
    m = nw.lmer("y ~ twice(x) + (1 | g)", data, functions={"twice": lambda x: 2.0 * x})
    assert m.params.iloc[1] == pytest.approx(nw.lmer(FORMULA, data).params["x"] / 2.0, rel=1e-6)


def test_dropped_rows_are_counted_and_shown() -> None:
    m = nw.lmer(FORMULA, _with("x", 4, np.nan))
    assert m.nobs == 23
    assert m.fit.design.n_dropped == 1
    assert "Rows dropped because of missing values: 1 of 24" in str(m)


def test_redundant_columns_are_named() -> None:
    data = _data()
    data["z"] = 2.0 * data["x"]
    m = nw.lmer("y ~ x + z + (1 | g)", data)
    assert list(m.params.index) == ["(Intercept)", "x"]
    assert any("z" in d.message for d in m.diagnostics)


def test_rows_that_a_function_leaves_out_are_told() -> None:
    negative = _data()["y"] - 1.0 < 0.0
    m = nw.lmer("log(y - 1.0) ~ x + (1 | g)", _data())
    (told,) = [d for d in m.diagnostics if d.code == "undefined-values"]
    assert f"'log(y - 1)' is not a number in {negative.sum()} of 24 rows" in told.message
    missing = nw.lmer("y ~ log(x + 2) + (1 | g)", _with("x", 4, np.nan))
    assert missing.nobs == 23
    assert all(d.code != "undefined-values" for d in missing.diagnostics)
