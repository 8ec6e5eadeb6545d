"""Inverse Gaussian models, which R's engines do not fit by the proper likelihood: own integrals."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import invgauss, norm

import nestwise as nw

GROUPS, SIZE = 12, 6


@lru_cache(maxsize=4)
def _data(link: str) -> dict[str, np.ndarray]:
    """Drawn with the link itself; with 1/mu^2 predictors stay away from zero, where it ends."""
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(GROUPS), SIZE), rng.normal(size=GROUPS * SIZE).round(2)
    w = rng.integers(1, 4, GROUPS * SIZE).astype(float)
    b = rng.normal(size=GROUPS)[g]
    mu = np.exp(0.5 + 0.3 * x + 0.4 * b) if link == "log" else (3.0 + 0.3 * x + 0.4 * b) ** -0.5
    y = invgauss.rvs(mu * 0.2 / w, scale=w / 0.2, random_state=rng)
    return {"y": y.round(4), "x": x, "g": g, "w": w}


MEANS = {"log": np.exp, "1/mu^2": lambda eta: eta**-0.5}


@lru_cache(maxsize=8)
def fitted(link: str, points: int) -> nw.GeneralizedMixedModel:
    return nw.glmer(
        "y ~ x + (1 | g)",
        _data(link),
        family="inverse_gaussian",
        link=link,
        nAGQ=points,
        weights="w",
    )


def _joint(link: str, m: nw.GeneralizedMixedModel, values: np.ndarray, group: int, b: np.ndarray):  # type: ignore[no-untyped-def]
    """Log density of a group's rows and its effect, at effects b; values: beta, sd, phi."""
    data = _data(link)
    at = data["g"] == group
    eta = values[0] + values[1] * data["x"][at] + np.atleast_1d(b)[:, None]
    phi = values[3] / data["w"][at]
    with np.errstate(all="ignore"):
        mu = MEANS[link](eta)
        rows = invgauss.logpdf(data["y"][at], mu * phi, scale=1.0 / phi).sum(axis=1)
    rows = np.where(np.isfinite(rows), rows, -np.inf)
    return rows + norm.logpdf(np.atleast_1d(b), 0.0, values[2])


def _values(m: nw.GeneralizedMixedModel) -> np.ndarray:
    assert m.phi is not None
    return np.array([*m.params, m.theta[0] * m.sigma, m.phi])


def _integrated(link: str, m: nw.GeneralizedMixedModel, values: np.ndarray) -> float:
    """Log-likelihood by the trapezium rule, 4001 points over eight standard deviations."""
    b, total = np.linspace(-8.0 * values[2], 8.0 * values[2], 4001), 0.0
    for group in range(GROUPS):
        joint = _joint(link, m, values, group, b)
        top = joint.max()
        total += top + np.log(np.exp(joint - top).sum() * (b[1] - b[0]))
    return total


@pytest.mark.parametrize("link", ["log", "1/mu^2"])
def test_quadrature_is_the_integral(link: str) -> None:
    m = fitted(link, 25)
    assert m.converged
    assert m.loglik == pytest.approx(_integrated(link, m, _values(m)), abs=1e-6)


def test_estimates_are_its_maximum() -> None:
    """Any change of the parameters, by a tenth of their size, makes the integral smaller."""
    m = fitted("log", 25)
    at = _values(m)
    best = _integrated("log", m, at)
    slopes = []
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-3 * abs(at[i])
        up, down = (_integrated("log", m, at + sign * step) for sign in (1.0, -1.0))
        assert best > max(up, down)
        slopes.append((up - down) / (2e-3))
    np.testing.assert_allclose(slopes, 0.0, atol=1e-3)


@pytest.mark.parametrize("link", ["log", "1/mu^2"])
def test_laplace_by_hand(link: str) -> None:
    """Joint density and curvature at each group's mode, found by a search in one dimension."""
    m = fitted(link, 1)
    values, total = _values(m), 0.0
    for group, mode in enumerate(m.ranef()["estimate"]):

        def lost(b: float, group: int = group) -> float:
            return -float(_joint(link, m, values, group, np.array([b]))[0])

        span = (mode - 0.3 * values[2], mode + 0.3 * values[2])
        found = minimize_scalar(lost, bounds=span, method="bounded", options={"xatol": 1e-10})
        assert found.x == pytest.approx(mode, abs=1e-5)
        h = 1e-3 * values[2]
        bend = (lost(mode + h) - 2.0 * lost(mode) + lost(mode - h)) / h**2
        total += -lost(mode) + 0.5 * np.log(2.0 * np.pi / bend)
    assert m.loglik == pytest.approx(total, abs=1e-4)


def test_more_points_are_nearer() -> None:
    exact = fitted("log", 25)
    near = fitted("log", 1)
    np.testing.assert_allclose(near.params, exact.params, atol=5e-3)
    assert 1e-6 < abs(near.loglik - exact.loglik) < 0.2
