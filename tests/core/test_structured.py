"""Structured residuals: the fast path against the n x n definition, and its derivatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.structured_models import random_arrays, random_par
from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.core.structured.blockwise import evaluate_blocks
from nestwise.core.structured.dense import dense_evaluate
from nestwise.core.structured.evaluate import evaluate
from nestwise.core.structured.problem import make_problem

NAMES = [*sorted(RESIDUAL_STRUCTURES), None]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("effects", [(), ("subject",)])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_dense_definition(
    name: str | None, effects: tuple[str, ...], reml: bool
) -> None:
    for seed, weights in ((1, False), (2, True)):
        arrays = random_arrays(name, seed, effects=effects, weights=weights)
        par = random_par(arrays, seed)
        expected, found = (
            dense_evaluate(arrays, par, reml),
            evaluate(make_problem(arrays), par, reml),
        )
        assert found.value == pytest.approx(expected.value, rel=1e-11)
        np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-8)
        t = len(arrays.entries)
        np.testing.assert_allclose(found.hessian[t:, t:], expected.information[t:, t:], atol=1e-8)


@pytest.mark.parametrize("name", ["us", "ar1h", "exp"])
def test_sums_over_subjects_equal_the_rows(name: str) -> None:
    arrays = random_arrays(name, 3, missing=False, n_subjects=60)
    problem = make_problem(arrays)
    assert all(sums.table is not None for sums in problem.sums)
    assert len(problem.blocks.patterns) == 2  # one an arm
    par = random_par(arrays, 3)
    expected, found = dense_evaluate(arrays, par, True), evaluate(problem, par, True)
    assert found.value == pytest.approx(expected.value, rel=1e-11)
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-7)
    np.testing.assert_allclose(found.hessian, expected.information, atol=1e-7)


@pytest.mark.parametrize("effects", [(), ("subject",)])
@pytest.mark.parametrize("name", ["us", "car1", "exp_nugget", None])
def test_blocks_that_do_not_repeat_are_stacked(name: str | None, effects: tuple[str, ...]) -> None:
    arrays = random_arrays(name, 8, effects=effects, weights=True, missing=False)
    # Times of their own for every row: no table of positions.
    time = arrays.errors.time + np.random.default_rng(1).uniform(0.0, 0.3, arrays.y.size)
    if name != "us":
        arrays = replace(arrays, errors=replace(arrays.errors, time=time))
    problem = make_problem(arrays)
    assert len(problem.stacks) == 2
    assert problem.loose == ()
    par = random_par(arrays, 8)
    for reml in (True, False):
        expected, found = dense_evaluate(arrays, par, reml), evaluate_blocks(problem, par, reml)
        assert found.value == pytest.approx(expected.value, rel=1e-11)
        np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-8)
        t = len(arrays.entries)
        np.testing.assert_allclose(found.hessian[t:], expected.information[t:], atol=1e-8)


@pytest.mark.parametrize("name", ["us", "toeph", "car1", None])
def test_the_gradient_is_that_of_the_criterion(name: str | None) -> None:
    arrays = random_arrays(name, 4, effects=("subject",))
    problem, step = make_problem(arrays), 1e-5
    par = random_par(arrays, 4)
    gradient = evaluate(problem, par, True).gradient
    for i in range(par.size):
        move = np.zeros(par.size)
        move[i] = step
        up, down = evaluate(problem, par + move, True), evaluate(problem, par - move, True)
        assert (up.value - down.value) / (2 * step) == pytest.approx(gradient[i], abs=2e-6)


def test_a_term_that_joins_all_subjects_is_exact_when_absorbed() -> None:
    arrays = random_arrays("ar1", 5, effects=("subject", "crossed"))
    par = random_par(arrays, 5)
    problem = make_problem(arrays, largest=arrays.y.size)
    assert problem.blocks.absorbed == (0, 1)
    expected, found = dense_evaluate(arrays, par, True), evaluate(problem, par, True)
    assert found.value == pytest.approx(expected.value, rel=1e-11)
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-8)


def test_an_impossible_parameter_gives_nan() -> None:
    arrays = random_arrays("us", 6)
    par = random_par(arrays, 6)
    par[1] = 1e6  # the logarithm of a standard deviation
    assert np.isnan(evaluate(make_problem(arrays), par, True).value)
