"""No digits are lost that the numbers themselves hold: against answers with 50 digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.high_precision import exact
from nestwise.core.lmm import evaluate
from nestwise.core.problem import ModelArrays, TermColumns, build_problem

# Longley (1967), J. Am. Stat. Assoc. 62, 819-841: the classic of collinear predictors.
LONGLEY = np.array(
    [
        [83.0, 234.289, 235.6, 159.0, 107.608, 1947, 60.323],
        [88.5, 259.426, 232.5, 145.6, 108.632, 1948, 61.122],
        [88.2, 258.054, 368.2, 161.6, 109.773, 1949, 60.171],
        [89.5, 284.599, 335.1, 165.0, 110.929, 1950, 61.187],
        [96.2, 328.975, 209.9, 309.9, 112.075, 1951, 63.221],
        [98.1, 346.999, 193.2, 359.4, 113.270, 1952, 63.639],
        [99.0, 365.385, 187.0, 354.7, 115.094, 1953, 64.989],
        [100.0, 363.112, 357.8, 335.0, 116.219, 1954, 63.761],
        [101.2, 397.469, 290.4, 304.8, 117.388, 1955, 66.019],
        [104.6, 419.180, 282.2, 285.7, 118.734, 1956, 67.857],
        [108.4, 442.769, 293.6, 279.8, 120.445, 1957, 68.169],
        [110.8, 444.546, 468.1, 263.7, 121.950, 1958, 66.513],
        [112.6, 482.704, 381.3, 255.2, 123.366, 1959, 68.655],
        [114.2, 502.601, 393.1, 251.4, 125.368, 1960, 69.564],
        [115.7, 518.173, 480.6, 257.2, 127.852, 1961, 69.331],
        [116.9, 554.894, 400.7, 282.7, 130.081, 1962, 70.551],
    ]
)

RNG = np.random.default_rng(3)
N = 20
G = (np.arange(N) % 4).astype(np.int32)
H = RNG.integers(0, 3, N).astype(np.int32)
X1 = RNG.normal(size=N)
Y = 1.0 + X1 + RNG.normal(size=4)[G] + 0.5 * RNG.normal(size=N)
WEIGHT_EXPONENT = RNG.uniform(-1, 1, N)
INTERCEPT = (TermColumns(0, (None,), "us"),)


def _model(
    y: np.ndarray = Y,
    x: np.ndarray = X1,
    terms: tuple[TermColumns, ...] = INTERCEPT,
    codes: tuple[np.ndarray, ...] = (G,),
) -> ModelArrays:
    X = np.asfortranarray(np.column_stack([np.ones(len(y)), x]))
    return ModelArrays(y, X, 0, None, codes, tuple(int(c.max()) + 1 for c in codes), terms)


def _slope(x: np.ndarray, structure: str = "us") -> ModelArrays:
    return _model(x=x, terms=(TermColumns(0, (None, x), structure),))


def _crossed() -> ModelArrays:
    return _model(terms=(*INTERCEPT, TermColumns(1, (None,), "us")), codes=(G, H))


def _longley() -> ModelArrays:
    return _model(LONGLEY[:, 6], LONGLEY[:, :6], codes=((np.arange(16) // 4).astype(np.int32),))


def _no_intercept() -> ModelArrays:
    return replace(_model(), X=np.asfortranarray(X1[:, None] + 1e8), intercept=-1)


def _errors(arrays: ModelArrays, theta: list[float], reml: bool) -> dict[str, float]:
    """Absolute error of the criterion; relative ones of the rest (of the largest, for vectors)."""
    at = np.array(theta)
    truth, found = exact(arrays, at, reml), evaluate(build_problem(arrays), at, reml, 1)
    return {
        "criterion": abs(found.criterion - truth.criterion),
        "gradient": float(np.abs(found.gradient - truth.gradient).max())
        / max(float(np.abs(truth.gradient).max()), 1e-300),
        "beta": float((np.abs(found.beta - truth.beta) / np.abs(truth.beta)).max()),
        "sigma": abs(found.sigma / truth.sigma - 1.0),
    }


ORDINARY = {
    "intercept": (_model(), [0.7]),
    "slope": (_slope(X1), [0.7, 0.2, 0.4]),
    "crossed": (_crossed(), [0.7, 0.5]),
    "x = 1e4 + small": (_model(x=X1 + 1e4), [0.7]),
    "x = 1e8 + small": (_model(x=X1 + 1e8), [0.7]),
    "x = 1e8 + small, no intercept": (_no_intercept(), [0.7]),
    "y in units of 1e-150": (_model(Y * 1e-150), [0.7]),
    "y in units of 1e150": (_model(Y * 1e150), [0.7]),
    "theta 1e-8": (_crossed(), [1e-8, 0.5]),
    "theta 1e-4": (_model(), [1e-4]),
    "weights over 1e4": (replace(_model(), weights=10.0 ** (2 * WEIGHT_EXPONENT)), [0.7]),
    "all weights 1e-12": (replace(_model(), weights=np.full(N, 1e-12)), [0.7]),
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", ORDINARY)
def test_all_digits_are_there(name: str, reml: bool) -> None:
    errors = _errors(*ORDINARY[name], reml)
    assert errors["criterion"] < 4e-12
    assert errors["gradient"] < 1e-12
    assert errors["beta"] < 1e-12
    assert errors["sigma"] < 1e-13


# What remains where the numbers are hard, at most a few times what is measured:
# (criterion, gradient, beta, sigma).
HARD = {
    "longley": (_longley(), [0.7], (1e-11, 1e-11, 1e-11, 1e-12)),
    "weights over 1e8": (
        replace(_model(), weights=10.0 ** (4 * WEIGHT_EXPONENT)),
        [0.7],
        (1e-10, 1e-9, 1e-10, 1e-11),
    ),
    "y = 1e6 + small": (_model(Y + 1e6), [0.7], (4e-9, 1e-10, 1e-10, 1e-10)),
    "y = 1e10 + small": (_model(Y + 1e10), [0.7], (2e-6, 1e-6, 1e-6, 1e-7)),
    "theta 1e4": (_model(), [1e4], (1e-6, 1e-6, 1e-6, 1e-13)),
    "x = 1e4 + small, slope": (_slope(X1 + 1e4), [7e3, -0.5, 0.4], (1e-6, 1e-6, 1e-7, 1e-8)),
    "x = 1e4 + small, || slope": (_slope(X1 + 1e4, "diag"), [0.7, 0.4], (1e-7, 1e-6, 1e-10, 1e-13)),
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", HARD)
def test_hard_numbers_keep_what_they_can(name: str, reml: bool) -> None:
    arrays, theta, bounds = HARD[name]
    errors = _errors(arrays, theta, reml)
    assert all(e < b for e, b in zip(errors.values(), bounds, strict=True)), errors


def test_the_exact_answers_are_exact() -> None:
    """NIST's certified coefficients of Longley's data are those at theta = 0."""
    certified = [
        -3482.25863459582,
        0.0150618722713733,
        -0.0358191792925910,
        -0.0202022980381683,
        -0.0103322686717359,
        -0.0511041056535807,
        1.82915146461355,
    ]
    found = exact(_longley(), np.zeros(1), True, gradient=False)
    np.testing.assert_allclose(found.beta, certified, rtol=1e-13)
    assert found.sigma == pytest.approx(0.304854073561965, rel=1e-13)
