"""The optimiser on functions whose minimum is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestwise._base.options import Control
from nestwise.fit.newton import minimise, trust_step
from nestwise.fit.point import Point


def point(par: np.ndarray, value: float, g: np.ndarray, H: np.ndarray) -> Point:
    return Point(par, value, g, H, 1, None)  # type: ignore[arg-type]


def rosenbrock(par: np.ndarray) -> Point:
    x, y = par
    value = (1 - x) ** 2 + 100 * (y - x * x) ** 2
    g = np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
    H = np.array([[2 - 400 * (y - 3 * x * x), -400 * x], [-400 * x, 200.0]])
    return point(par, value, g, H)


def test_finds_the_minimum_of_a_curved_valley() -> None:
    path = minimise(rosenbrock, np.array([-1.2, 1.0]), Control())
    assert path.stopped == "tolerance"
    np.testing.assert_allclose(path.point.par, [1.0, 1.0], atol=1e-4)


def test_leaves_a_saddle() -> None:
    def saddle(par: np.ndarray) -> Point:
        x, y = par
        return point(
            par,
            x * x - y * y + y**4,
            np.array([2 * x, -2 * y + 4 * y**3]),
            np.diag([2.0, -2.0 + 12 * y * y]),
        )

    path = minimise(saddle, np.array([1.0, 1e-3]), Control())
    assert abs(path.point.par[1]) == pytest.approx(np.sqrt(0.5), abs=1e-4)


def test_says_when_evaluations_run_out() -> None:
    path = minimise(rosenbrock, np.array([-1.2, 1.0]), Control(max_evaluations=3))
    assert (path.stopped, path.n_evaluations) == ("evaluations", 3)


def test_steps_back_from_where_the_function_does_not_exist() -> None:
    def log_barrier(par: np.ndarray) -> Point:
        x = par[0]
        if x <= 0:
            return point(par, float("nan"), np.zeros(1), np.eye(1))
        return point(par, x - np.log(x), np.array([1 - 1 / x]), np.array([[1 / x**2]]))

    path = minimise(log_barrier, np.array([5.0]), Control())
    assert path.point.par[0] == pytest.approx(1.0, abs=1e-4)


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=2),
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.floats(0.01, 10),
)
def test_step_stays_in_the_ball_and_promises_descent(
    g: list[float], a: float, b: float, radius: float
) -> None:
    H = np.array([[a, 0.5], [0.5, b]])
    step = trust_step(np.array(g), H, radius)
    assert step.length <= radius * 1.02
    assert step.predicted >= 0
    assert float(step.move @ np.array(g)) <= 1e-12
