"""Kenward & Roger's traces and forms from blocks equal those of the n x n matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.random_models import models
from nestwise.core import reference
from nestwise.core.kenward import variance_components
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
