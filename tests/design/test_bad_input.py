"""Each kind of bad input has its own clear error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nestwise._base.errors import DataError, FormulaError, NestwiseError, OptionError
from nestwise.design import build, check_grouping

N = 12


def good() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return {
        "y": rng.normal(size=N),
        "ses": rng.normal(size=N),
        "sex": ["F", "M"] * 6,
        "g": np.repeat([1, 2, 3], 4),
    }


def changed(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(good() | columns)


def with_value(name: str, row: int, value: Any) -> pd.DataFrame:
    data = pd.DataFrame(good())
    column = data[name].to_numpy(copy=True)
    column[row] = value
    return data.assign(**{name: column})


DATES = pd.date_range("2020-01-01", periods=N)
CASES: list[tuple[str, Any, str]] = [
    ("y ~ sess + (1 | g)", changed(), "column 'sess' is not in the data; did you mean 'ses'"),
    ("y ~ ses + (1 | G)", changed(), "did you mean 'g'"),
    ("y ~ ses", changed().iloc[:0], "no rows"),
    ("y ~ ses", {}, "no rows"),
    ("y ~ ses", changed(ses=np.nan), "every one of the 12 rows"),
    ("y ~ ses", changed(y=3.0), "constant"),
    ("y ~ ses", with_value("ses", 5, np.inf), "'ses' is infinite in row 5"),
    ("y ~ ses", with_value("y", 2, -np.inf), "'y' is infinite in row 2"),
    ("y ~ ses", with_value("y", 2, -1e70), "response 'y' is 1e.70 in size: too far from 1"),
    ("y ~ ses", changed(y=good()["y"] * 1e-70), "give it another unit"),
    ("y ~ ses", with_value("ses", 2, 1e160), "'ses' is 1e.160 in size"),
    ("log(y) ~ ses", changed(y=np.arange(N)), r"'log\(y\)' is infinite in row 0"),
    ("y ~ poly(ses, 2)", with_value("ses", 5, np.inf), "infinite in row 5"),
    ("y ~ ses", changed(y=np.arange(N) * 1j), "complex"),
    ("y ~ ses", changed(ses=np.arange(N) * 1j), "complex"),
    ("y ~ ses", changed(y=DATES), "dates or times"),
    ("y ~ ses + g", changed(g=DATES), "dates or times"),
    ("y ~ ses", pl.DataFrame(good()).with_columns(y=pl.lit(DATES[0])), "dates or times"),
    ("sex ~ ses", changed(), "use glmer"),
    ("y ~ ses", changed(y=list("abcdefghijkl")), "text or categories"),
    ("y ~ ses", changed(y=[True, False] * 6), "use glmer"),
    ("cbind(y, ses) ~ 1", changed(), "use glmer"),
    ("poly(y, 2) ~ 1", changed(), "2 columns"),
    ("y ~ log(sex)", changed(), "needs numbers"),
    ("y ~ sex", changed(sex="F"), "only one level"),
    ("y ~ poly(ses, 20)", changed(), "degree"),
    ("y ~ poly(ses, 1.5)", changed(), "whole number"),
    ("y ~ log()", changed(), "wrong arguments"),
    ("y ~ ns(ses, df = 0)", changed(), "too small"),
    ("y ~ relevel(sex, 'X')", changed(), "no level"),
    ("y ~ C(sex, sums)", changed(), "did you mean 'sum'"),
    ("y ~ ses", [1, 2, 3], "must be a pandas"),
    ("y ~ ses", None, "must be a pandas"),
    ("y ~ ses", changed()["y"], "must be a"),
    ("y ~ ses", good() | {"ses": np.zeros((N, 2))}, "2 dimensions"),
    ("y ~ ses", good() | {"ses": np.zeros(3)}, "different lengths"),
    ("y ~ (poly(ses, 2) | poly(ses, 2))", changed(), "cannot be a group"),
    ("y ~ I(3)", changed(), "no value for every row"),
]


@pytest.mark.parametrize(("formula", "data", "message"), CASES, ids=[c[2] for c in CASES])
def test_bad_data(formula: str, data: Any, message: str) -> None:
    with pytest.raises(NestwiseError, match=message):
        build(formula, data)


def test_duplicate_columns() -> None:
    data = changed()
    data.columns = pd.Index(["y", "ses", "ses", "g"])
    with pytest.raises(DataError, match=r"more than once: 'ses'"):
        build("y ~ ses", data)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.r_[-1.0, np.ones(N - 1)], "1 of them negative, first in row 0"),
        (np.r_[np.ones(N - 1), 0.0], "zero, first in row 11"),
        (np.r_[1.0, np.nan, np.ones(N - 2)], "missing, first in row 1"),
        (np.r_[1.0, np.inf, np.ones(N - 2)], "infinite"),
        (np.ones(N + 1), "the data have 12 rows"),
        ("wt", "column 'wt' is not in the data"),
        ("sex", "needs numbers"),
        (object(), "must be numbers"),
    ],
)
def test_bad_weights(weights: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build("y ~ ses", changed(), weights=weights)


def test_weights_and_offset_follow_the_kept_rows() -> None:
    data = with_value("ses", 3, np.nan).assign(w=np.arange(1.0, N + 1), o=np.arange(N) / 10)
    design = build("y ~ ses + offset(o)", data, weights="w", offset=np.ones(N))
    assert design.weights is not None
    assert design.offset is not None
    assert design.weights.tolist() == [1, 2, 3, *range(5, N + 1)]
    np.testing.assert_allclose(design.offset, 1 + np.delete(np.arange(N) / 10, 3))


def test_na_fail_counts_by_variable() -> None:
    data = with_value("ses", 3, np.nan)
    data.loc[4:5, "sex"] = None
    with pytest.raises(DataError, match=r"'ses' \(1\), 'sex' \(2\)"):
        build("y ~ ses + sex", data, na_action="fail")
    assert build("y ~ ses + sex", data).n_dropped == 3
    with pytest.raises(OptionError, match="na_action"):
        build("y ~ ses", data, na_action="omit")


def test_contrasts_argument() -> None:
    with pytest.raises(DataError, match="did you mean 'sex'"):
        build("y ~ sex", changed(), contrasts={"sez": "sum"})
    with pytest.raises(DataError, match="did you mean 'sum'"):
        build("y ~ sex", changed(), contrasts={"sex": "summ"})


def test_response_on_the_right() -> None:
    with pytest.raises(FormulaError, match="also stands on the right"):
        build("y ~ y + ses", changed())


@pytest.mark.parametrize(
    ("formula", "columns", "message"),
    [
        ("y ~ 1 + (1 | g)", {"g": 1}, "only one level"),
        ("y ~ 1 + (1 | g)", {"g": np.arange(N)}, "12 levels for 12 rows"),
        ("y ~ 1 + (ses | g)", {"g": np.repeat(np.arange(6), 2)}, "12 random effects for 12 rows"),
        ("y ~ ses", {}, "no random term"),
    ],
)
def test_check_grouping(formula: str, columns: dict[str, Any], message: str) -> None:
    design = build(formula, changed(**columns))
    with pytest.raises(DataError, match=message):
        check_grouping(design)
