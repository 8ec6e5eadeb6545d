"""Criterion and gradient at lme4's theta, and the optimum beside lme4's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import LMM, MODELS, listed, mixed, table


def _function(name: str) -> tuple[Any, np.ndarray[Any, Any]]:
    r = LMM[name]
    function = nw.deviance_function(
        r["formula"], table(r["data"]), REML=r["reml"], weights=r["weights"]
    )
    return function, np.array(listed(r["theta"]), dtype=float)


@pytest.mark.parametrize("name", MODELS)
def test_criterion_at_the_theta_of_lme4(name: str) -> None:
    function, theta = _function(name)
    assert function.value(theta) == pytest.approx(LMM[name]["criterion"], rel=1e-8)


@pytest.mark.parametrize("name", [m for m in MODELS if m != "insteval"])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_gradient_is_the_slope_of_the_criterion(name: str, shift: float) -> None:
    function, theta = _function(name)
    point = theta + shift
    h = 1e-4

    def slope(i: int) -> float:
        step = h * np.eye(theta.size)[i]
        values = [function.value(point + k * step) for k in (-2, -1, 1, 2)]
        return float(np.dot(values, [1, -8, 8, -1]) / (12 * h))

    differences = [slope(i) for i in range(theta.size)]
    np.testing.assert_allclose(function.gradient(point), differences, rtol=1e-6, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_optimum_is_not_above_lme4(name: str) -> None:
    assert mixed(name).criterion <= LMM[name]["criterion"] + 1e-6
    assert mixed(name).converged


@pytest.mark.parametrize("name", [m for m in MODELS if m != "tutorial_full"])
def test_theta(name: str) -> None:
    np.testing.assert_allclose(mixed(name).theta, listed(LMM[name]["theta"]), rtol=2e-4, atol=2e-5)


def test_names_of_theta_say_where_they_stand() -> None:
    function, theta = _function("pixel")
    assert len(function.names) == theta.size
    assert "Side:Dog" in function.names[0]
    assert all("Dog" in name for name in function.names[1:])
