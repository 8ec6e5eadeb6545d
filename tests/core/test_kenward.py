"""Kenward & Roger's traces and forms from blocks equal those of the n x n matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.random_models import models
from nestwise.core import reference
from nestwise.core.kenward import traces_by_differences, variance_components
from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import ModelArrays, build_problem


@given(models(), st.integers(0, 1000), st.sampled_from(["none", "one", "all"]))
@settings(max_examples=60, deadline=None)
def test_twins_agree(arrays: ModelArrays, seed: int, zero: str) -> None:
    fast = build_problem(arrays)
    dense = build_problem(arrays, reference.dense_kernel)
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=len(fast.entries)) / fast.theta_scale
    if zero == "one":
        theta[rng.integers(len(theta))] = 0.0
    elif zero == "all":
        theta[:] = 0.0
    a, b = variance_components(fast, theta), variance_components(dense, theta)
    for name in ("P", "Q", "traces"):
        x, y = getattr(a, name), getattr(b, name)
        np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9 * np.abs(y).max())


@given(models(), st.integers(0, 1000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_differences_agree(arrays: ModelArrays, seed: int, zero: bool) -> None:
    """The way for remainders too large to be dense, also at a singular Lambda."""
    problem = build_problem(arrays)
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=len(problem.entries)) / problem.theta_scale
    if zero:
        theta[rng.integers(len(theta))] = 0.0
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    exact = problem.kernel.kenward_roger(flat, problem.entries, True)
    first, second = traces_by_differences(problem, flat)
    np.testing.assert_allclose(first, exact.first, rtol=1e-3, atol=1e-4 * exact.first.max())
    size = np.abs(exact.second).max()
    np.testing.assert_allclose(second, exact.second, rtol=2e-3, atol=1e-4 * size)
