"""Plots of repeated measures: curves, correlations by visit, semivariogram, residuals by visit."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import nestwise as nw
from nestwise.inference.serial import (
    empirical_correlation,
    pairs_within,
    semivariances,
    serial_pairs,
)


def picture(axes: Axes) -> bytes:
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="rgba", dpi=50)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """60 subjects, 5 visits, AR(1) with 0.7, some rows missing."""
    rng = np.random.default_rng(8)
    n, v = 60, 5
    R = 0.7 ** np.abs(np.subtract.outer(np.arange(v), np.arange(v)))
    y = (np.arange(v) * 0.5 + 2.0 * rng.multivariate_normal(np.zeros(v), R, n)).ravel()
    s, t = np.divmod(np.arange(n * v), v)
    frame = pd.DataFrame({"y": y, "t": t, "s": s, "arm": np.where(s % 2, "a", "b")})
    return frame.drop(index=[3, 44, 120, 121]).reset_index(drop=True)


@pytest.fixture(scope="module")
def ar1(data: pd.DataFrame) -> nw.StructuredModel:
    return nw.gls("y ~ t", data, residual="ar1(t | s)")


def test_pairs_are_all_pairs_of_a_subject(data: pd.DataFrame) -> None:
    codes = data["s"].to_numpy()
    first, second = pairs_within(codes)
    assert (codes[first] == codes[second]).all()
    counts = np.bincount(codes)
    assert len(first) == (counts * (counts - 1) // 2).sum()
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == len(first)
    assert len(pairs_within(codes, most=100)[0]) <= 110


def test_correlations_of_a_structure(ar1: nw.StructuredModel, data: pd.DataFrame) -> None:
    rho = ar1.residual_parameters()["estimate"][0]
    pairs = serial_pairs(ar1.fit)
    lag = np.abs(data["t"].to_numpy()[pairs.first] - data["t"].to_numpy()[pairs.second])
    np.testing.assert_allclose(pairs.correlation, rho**lag, rtol=1e-10)
    observed, fitted, count = empirical_correlation(pairs, data["t"].to_numpy(), 5)
    for i in range(5):
        for j in range(i + 1, 5):
            both = data.pivot(index="s", columns="t", values="y")[[i, j]].dropna()
            r = both - ar1.params["(Intercept)"] - ar1.params["t"] * np.array([i, j])
            known = (r[i] @ r[j]) / np.sqrt((r[i] @ r[i]) * (r[j] @ r[j]))
            assert observed[i, j] == observed[j, i] == pytest.approx(known)
            assert fitted[i, j] == pytest.approx(rho ** (j - i))
            assert count[i, j] == len(both)


def test_correlations_of_random_effects(data: pd.DataFrame) -> None:
    m = nw.lmer("y ~ t + (t | s)", data)
    pairs, G = serial_pairs(m.fit), m.fit.lambdas[0] @ m.fit.lambdas[0].T
    t = data["t"].to_numpy(np.float64)
    Z = np.column_stack([np.ones(len(t)), t])
    V = Z @ G @ Z.T + np.eye(len(t))
    sd = np.sqrt(V.diagonal())
    expected = (V / np.outer(sd, sd))[pairs.first, pairs.second]
    np.testing.assert_allclose(pairs.correlation, expected, rtol=1e-10)


def test_cs_and_random_intercept_look_the_same(data: pd.DataFrame) -> None:
    a = serial_pairs(nw.gls("y ~ t", data, residual="cs(t | s)").fit)
    b = serial_pairs(nw.lmer("y ~ t + (1 | s)", data).fit)
    np.testing.assert_allclose(a.residuals, b.residuals, rtol=1e-4)
    assert a.correlation.mean() == pytest.approx(b.correlation.mean(), rel=1e-4)


def test_semivariogram_is_one_less_the_correlation(
    ar1: nw.StructuredModel, data: pd.DataFrame
) -> None:
    pairs = serial_pairs(ar1.fit)
    distance, observed, fitted, count = semivariances(pairs, data["t"].to_numpy(np.float64))
    rho = ar1.residual_parameters()["estimate"][0]
    np.testing.assert_allclose(distance, [1, 2, 3, 4])
    np.testing.assert_allclose(fitted, 1 - rho**distance)
    assert count.sum() == len(pairs.first)
    assert np.abs(observed - fitted).max() < 0.25
    bins = semivariances(pairs, np.random.default_rng(1).normal(size=len(data)), bins=6)
    assert len(bins[0]) == 6


def test_pictures(ar1: nw.StructuredModel, data: pd.DataFrame) -> None:
    mixed = nw.lmer("y ~ t * arm + (t | s)", data)
    curves = mixed.plot.curves("t", by="arm")
    assert [x.get_text() for x in curves.figure.legends[0].get_texts()][:2] == [
        "population, a",
        "population, b",
    ]
    correlation = ar1.plot.residual_correlation()
    assert [one.get_title(loc="left") for one in correlation.figure.axes[:2]] == [
        "Residuals",
        "Fit",
    ]
    drawn = np.asarray(correlation.figure.axes[1].images[0].get_array(), dtype=np.float64)
    np.testing.assert_allclose(np.diag(drawn), 1.0)
    variogram = ar1.plot.semivariogram()
    assert variogram.get_xlabel() == "Distance in t"
    visits = ar1.plot.residuals_by_visit()
    assert [x.get_text() for x in visits.get_xticklabels()] == list("01234")
    for axes in (curves, correlation, variogram, visits):
        assert len(picture(axes)) > 1000
    assert picture(visits) == picture(nw.plot.residuals_by_visit(ar1))


def test_columns_can_be_named(data: pd.DataFrame) -> None:
    m = nw.lmer("y ~ t + (1 | s)", data)
    with pytest.raises(nw.OptionError, match="x='...'"):
        m.plot.residual_correlation()
    with pytest.raises(nw.OptionError, match="no grouping factor"):
        m.plot.semivariogram("t", "arm")
    with pytest.raises(nw.OptionError, match="linear model"):
        nw.lm("y ~ t", data).plot.residuals_by_visit("t")
    assert nw.plot.residual_correlation(m, "t").get_ylabel() == "t"
    assert nw.plot.curves(m, "t").get_xlabel() == "t"
    assert nw.plot.semivariogram(m, "t").get_ylabel() == "Semivariance / variance"
