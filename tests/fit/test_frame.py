"""Coordinates for nearly singular covariances: the same model, the same derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.random_models import make_model
from nestwise._base.options import Control
from nestwise.core.problem import Problem, build_problem
from nestwise.fit.descent import descend
from nestwise.fit.frame import (
    evaluate_in_frame,
    into_frame,
    needs_frame,
    out_of_frame,
    out_of_order,
    pivot_order,
    pivoted_frame,
)
from nestwise.fit.point import evaluate_point
from nestwise.fit.rectify import rectify


def problem_of(seed: int) -> Problem:
    return build_problem(make_model(seed, (12, 8), (False, False), (3, 2, 2), 2, True))


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=20)
def test_the_frame_changes_coordinates_only(seed: int, reml: bool) -> None:
    problem = problem_of(seed % 7)
    par = np.random.default_rng(seed).normal(size=len(problem.entries))
    frame = pivoted_frame(problem, par)
    inside = into_frame(problem, frame, par)
    np.testing.assert_allclose(
        rectify(problem, out_of_frame(problem, frame, inside)), rectify(problem, par), atol=1e-10
    )
    here = evaluate_in_frame(problem, frame, inside, reml)
    assert here.value == pytest.approx(evaluate_point(problem, par, reml).value, rel=1e-12)
    for i, g in enumerate(here.gradient):
        h = np.zeros_like(inside)
        h[i] = 1e-5
        up, down = (evaluate_in_frame(problem, frame, inside + s * h, reml).value for s in (1, -1))
        assert g == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


def test_small_pivots_come_last() -> None:
    Lambda = np.array([[0.01, 0.0, 0.0], [0.5, 1.0, 0.0], [2.0, 0.3, 0.02]])
    assert out_of_order(Lambda)
    order = pivot_order(Lambda)
    L = np.linalg.cholesky((Lambda @ Lambda.T)[np.ix_(order, order)])
    assert (np.diff(L.diagonal()) <= 0).all()
    assert not out_of_order(L)


def test_a_singular_covariance_is_reached_in_few_evaluations() -> None:
    """Rank one among three effects, the first of them without variance."""
    rng = np.random.default_rng(11)
    arrays = make_model(3, (30,), (False,), (3,), 1)
    y = rng.normal(size=len(arrays.y))
    b = rng.normal(size=30)[arrays.codes[0]]
    y = y + b * (arrays.terms[0].columns[1] + 0.5 * arrays.terms[0].columns[2])
    problem = build_problem(type(arrays)(y, *_rest(arrays)))
    path = descend(problem, True, np.array([0.1, 0.0, 0.0, 1.0, 0.3, 0.5]), Control())
    assert path.decrease < 1e-6
    assert path.n_evaluations < 40


def _rest(arrays: object) -> tuple[object, ...]:
    names = ("X", "intercept", "weights", "codes", "n_levels", "terms")
    return tuple(getattr(arrays, name) for name in names)


def test_ordinary_covariances_keep_their_coordinates() -> None:
    problem = problem_of(1)
    par = np.where(problem.entries[:, 1] == problem.entries[:, 2], 1.0, 0.1)
    assert not needs_frame(problem, par)
