"""Responses from given parameters: their moments, names, kinds of table, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw
from nestwise._base.errors import DataError, FormulaError, OptionError

SLEEP = "Reaction ~ Days + (Days | Subject)"
TRUTH: dict[str, Any] = {
    "fixef": {"(Intercept)": 250.0, "Days": 10.0},
    "sd": {"Subject": {"(Intercept)": 25.0, "Days": 6.0}},
    "cor": {"Subject": 0.3},
    "sigma": 20.0,
}


def _covariates() -> pd.DataFrame:
    return nw.load_dataset("sleepstudy")[["Days", "Subject"]]


def test_moments_are_those_of_the_model() -> None:
    y = nw.simulate_from(SLEEP, _covariates(), params=TRUTH, n=20_000, seed=1)
    days = np.arange(10.0)
    np.testing.assert_allclose(y[:10].mean(axis=1), 250 + 10 * days, atol=1.5)
    Z = np.column_stack([np.ones(10), days])
    cov = np.array([[625.0, 0.3 * 150], [0.3 * 150, 36.0]])
    expected = Z @ cov @ Z.T + 400 * np.eye(10)
    np.testing.assert_allclose(np.cov(y[:10]), expected, rtol=0.06, atol=20)
    assert abs(np.corrcoef(y[0], y[10])[0, 1]) < 0.03


def test_a_table_with_the_response() -> None:
    data = _covariates()
    made = nw.simulate_from(SLEEP, data, params=TRUTH, seed=7)
    assert list(data) == ["Days", "Subject"]
    assert list(made) == ["Days", "Subject", "Reaction"]
    first = nw.simulate_from(SLEEP, data, params=TRUTH, n=3, seed=7)
    np.testing.assert_array_equal(made["Reaction"], first[:, 0])
    again = nw.simulate_from(SLEEP, made, params=TRUTH, seed=7)
    pd.testing.assert_frame_equal(made, again)
    in_polars = nw.simulate_from(SLEEP, pl.from_pandas(data), params=TRUTH, seed=7)
    assert isinstance(in_polars, pl.DataFrame)
    assert in_polars.columns == ["Days", "Subject", "Reaction"]


def test_rows_that_miss_a_variable_get_none() -> None:
    data = _covariates().astype({"Days": "float64"})
    data.loc[4, "Days"] = np.nan
    made = nw.simulate_from(SLEEP, data, params=TRUTH, seed=7)
    assert np.flatnonzero(made["Reaction"].isna()).tolist() == [4]


def test_nested_levels_by_name() -> None:
    data = nw.simulate_schools(20, 400, 8000)[["school", "classroom"]]
    params = {"fixef": [10.0], "sd": {"school": 3.0, "classroom:school": 2.0}, "sigma": 1.0}
    made = nw.simulate_from("y ~ 1 + (1 | school/classroom)", data, params=params, seed=2)
    room = made.groupby("classroom", observed=True)["y"]
    assert room.var().mean() == pytest.approx(1.0, rel=0.05)
    means = room.mean()
    school = data.groupby("classroom", observed=True)["school"].first()
    assert means.groupby(school, observed=True).var().mean() == pytest.approx(4.05, rel=0.2)


def test_uncorrelated_terms_share_the_names_of_their_group() -> None:
    params = {**TRUTH, "cor": {}}
    y = nw.simulate_from("y ~ Days + (Days || Subject)", _covariates(), params=params, n=4000,
                         seed=3)  # fmt: skip
    assert np.var(y[9]) == pytest.approx(625 + 81 * 36 + 400, rel=0.1)


@pytest.mark.parametrize(
    ("family", "phi", "low"),
    [("binomial", None, 0.0), ("poisson", None, 0.0), ("Gamma", 0.5, 1e-9)],
)
def test_families(family: str, phi: float | None, low: float) -> None:
    params: dict[str, Any] = {"fixef": {"(Intercept)": -0.5}, "sd": {"Subject": 0.5}}
    params |= {} if phi is None else {"phi": phi}
    link = "log" if family == "Gamma" else None
    y = nw.simulate_from(
        "y ~ 1 + (1 | Subject)", _covariates(), params=params, family=family, link=link, n=500,
        seed=1,
    )  # fmt: skip
    assert y.min() >= low
    eta = np.random.default_rng(0).normal(-0.5, 0.5, 200_000)
    mean = 1 / (1 + np.exp(-eta)) if family == "binomial" else np.exp(eta)
    assert y.mean() == pytest.approx(mean.mean(), rel=0.03)
    if family != "Gamma":
        assert set(np.unique(y % 1)) == {0.0}


def test_weights_divide_the_variance() -> None:
    data = pd.DataFrame({"w": [1.0, 100.0]})
    y = nw.simulate_from("y ~ 1", data, params={"sigma": 2.0}, weights="w", n=4000, seed=1)
    np.testing.assert_allclose(y.std(axis=1), [2.0, 0.2], rtol=0.05)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"fixef": {"days": 1}}, "fixef 'days' is no coefficient; did you mean 'Days'"),
        ({"fixef": [1.0]}, r"1 values; the model has 2 coefficients: \(Intercept\), Days"),
        ({"sd": {"subject": 1}}, "sd 'subject' is no group; did you mean 'Subject'"),
        ({"sd": {}}, "sd says nothing of 'Subject'"),
        ({"sd": {"Subject": 5.0}}, "needs 2 numbers that are 0 or more"),
        ({"sd": {"Subject": {"Day": 5.0}}}, "'Day' does not vary there; did you mean 'Days'"),
        ({"cor": {"Subject": 1.5}}, "no correlation matrix"),
        ({"sigma": -1.0}, "sigma=-1.0 is not above 0"),
        ({"sgima": 1.0}, "'sgima' is not known; did you mean 'sigma'"),
        ({"phi": 1.0}, "has no phi"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        nw.simulate_from(SLEEP, _covariates(), params={**TRUTH, **params})


def test_wrong_formulas_are_refused() -> None:
    with pytest.raises(FormulaError, match="is an expression; name a column"):
        nw.simulate_from("log(y) ~ Days + (1 | Subject)", _covariates(), params=TRUTH)
    with pytest.raises(DataError, match="'Day' is not in the data; did you mean 'Days'"):
        nw.simulate_from("y ~ Day + (1 | Subject)", _covariates(), params=TRUTH)
