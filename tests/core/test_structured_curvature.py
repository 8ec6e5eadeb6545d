"""The exact Hessian of the deviance against differences of its exact gradient."""

from __future__ import annotations

import numpy as np
import pytest

from core.structured_models import random_arrays, random_par
from core.test_structured_filled import patterned_arrays, somewhere
from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.structured.curvature import block_hessian, is_quick
from nestwise.core.structured.derivatives import deviance_hessian
from nestwise.core.structured.evaluate import evaluate
from nestwise.core.structured.model import StructuredArrays
from nestwise.core.structured.problem import StructuredProblem, make_problem

SIGMA = 1.3
CASES = [
    ("us", (), False),
    ("toeph", (), True),
    ("ar1h", ("subject",), True),
    ("cs", ("subject",), False),
    (None, ("subject",), True),
    ("exp", (), True),
    ("car1", (), False),
]


def by_differences(problem: StructuredProblem, par: FloatArray, reml: bool) -> FloatArray:
    def gradient(at: FloatArray) -> FloatArray:
        found = evaluate(problem, at, reml)
        return np.asarray(found.gradient_logdet + found.gradient_pwrss / SIGMA**2)

    step = 1e-3
    return np.array(
        [
            (8.0 * (gradient(par + h) - gradient(par - h)))
            - (gradient(par + 2 * h) - gradient(par - 2 * h))
            for h in step * np.eye(par.size)
        ]
    ) / (12.0 * step)


def assert_exact(arrays: StructuredArrays, par: FloatArray, reml: bool) -> None:
    problem = make_problem(arrays)
    found = block_hessian(problem, par, SIGMA, reml)
    expected = by_differences(problem, par, reml)
    np.testing.assert_allclose(found, expected, atol=2e-8 * np.abs(expected).max())


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("name", "effects", "weights"), CASES)
def test_hessian(name: str | None, effects: tuple[str, ...], weights: bool, reml: bool) -> None:
    arrays = random_arrays(name, 5, effects=effects, weights=weights)
    assert arrays.errors.features.shape[1]
    assert_exact(arrays, random_par(arrays, 5), reml)


def test_hessian_of_a_pattern() -> None:
    arrays = patterned_arrays("hetar1")
    assert_exact(arrays, somewhere(arrays), True)


def test_differences_where_random_effects_join_blocks() -> None:
    arrays = random_arrays("ar1", 5, effects=("crossed",))
    problem, par = make_problem(arrays, largest=12), random_par(arrays, 5)
    assert not is_quick(problem)
    H = deviance_hessian(problem, par, SIGMA, True)
    m = par.size
    expected = by_differences(problem, par, True)
    np.testing.assert_allclose(H[:m, :m], expected, atol=1e-7 * np.abs(expected).max())


def test_a_singular_matrix_is_refused() -> None:
    arrays = random_arrays("us", 5)
    par = random_par(arrays, 5)
    par[1] = -800.0
    with pytest.raises(FitError, match="singular"):
        block_hessian(make_problem(arrays), par, SIGMA, True)
