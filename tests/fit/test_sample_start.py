"""Starting values from a sample of groups: only where they are nearer, and to the same optimum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nestwise._base.options import Control
from nestwise.design import build
from nestwise.fit.assemble import model_arrays
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.problems import Problems, make_problems
from nestwise.fit.sample import independent_columns, scattered_levels, taken
from nestwise.fit.sample_start import moments_worth, sampled_theta
from nestwise.fit.start import starting_par

FORMULA = "y ~ x + (x | g)"
SDS = (3.0, 2.0)


def grouped(spread: float) -> pd.DataFrame:
    """6,000 groups of about twenty rows; sizes are lognormal with this spread."""
    rng = np.random.default_rng(3)
    sizes = rng.lognormal(0.0, spread, 6000)
    sizes = np.maximum(1, sizes / sizes.mean() * 20).astype(int)
    g = np.repeat(np.arange(6000), sizes)
    x = rng.normal(size=len(g))
    b = rng.normal(size=(6000, 2)) * SDS
    y = b[g, 0] + b[g, 1] * x + rng.normal(size=len(g))
    return pd.DataFrame({"y": y, "x": x, "g": g})


def problems_of(data: pd.DataFrame, formula: str = FORMULA) -> Problems:
    return make_problems(model_arrays(build(formula, data)), Control())


def test_of_very_unequal_groups_the_sample_is_nearer() -> None:
    problems = problems_of(grouped(2.0))
    found = sampled_theta(problems, True, Control())
    moments = starting_par(problems.working) / problems.working.theta_scale
    assert found is not None
    truth = np.array([SDS[0], 0.0, SDS[1]])
    assert np.abs(found - truth).max() < 0.3
    assert np.abs(moments - truth).max() > 1.0


def test_the_optimum_is_the_same() -> None:
    design = build(FORMULA, grouped(2.0))
    sampled = fit_lmm(design)
    problems = make_problems(model_arrays(design), Control())
    begun = starting_par(problems.working) / problems.working.theta_scale
    from_moments = fit_lmm(design, start=begun)
    assert sampled.criterion == pytest.approx(from_moments.criterion, rel=1e-12)
    np.testing.assert_allclose(sampled.theta, from_moments.theta, atol=1e-6)
    assert sampled.n_evaluations < from_moments.n_evaluations


def test_of_equal_or_few_groups_moments_are_taken() -> None:
    assert sampled_theta(problems_of(grouped(0.3)), True, Control()) is None
    few = grouped(2.0)
    few["g"] //= 10
    assert sampled_theta(problems_of(few), True, Control()) is None


def test_crossed_factors_are_not_sampled() -> None:
    data = grouped(2.0)
    data["h"] = np.random.default_rng(1).integers(0, 50, len(data))
    assert sampled_theta(problems_of(data, "y ~ x + (1 | g) + (1 | h)"), True, Control()) is None


def test_a_sample_that_loses_a_fixed_effect_is_not_used() -> None:
    data = grouped(2.0)
    inside = scattered_levels(6000, 1000)
    data["rare"] = (data["g"] == int(np.flatnonzero(~inside)[0])).astype(float)
    assert sampled_theta(problems_of(data, "y ~ x + rare + (x | g)"), True, Control()) is None
    assert fit_lmm(build("y ~ x + rare + (x | g)", data)).verdict.converged


def test_rows_and_levels_that_are_taken() -> None:
    arrays = model_arrays(build("y ~ x + (x | g)", grouped(0.3), weights=None))
    chosen = scattered_levels(6000, 1000)
    assert chosen.sum() == pytest.approx(1000, abs=10)
    keep = np.flatnonzero(chosen[arrays.codes[0]])
    fewer = taken(arrays, keep)
    assert fewer.n_levels == (int(chosen.sum()),)
    np.testing.assert_array_equal(fewer.y, arrays.y[keep])
    np.testing.assert_array_equal(np.flatnonzero(chosen)[fewer.codes[0]], arrays.codes[0][keep])


def test_what_moments_are_worth() -> None:
    assert moments_worth(np.full(7, 3.0)) == pytest.approx(7.0)
    assert moments_worth(np.array([1000.0, 1.0, 1.0])) == pytest.approx(1.0, abs=1e-5)


def test_columns_that_depend_on_each_other() -> None:
    X = np.random.default_rng(0).normal(size=(30, 3))
    assert independent_columns(X)
    assert not independent_columns(np.column_stack([X, X[:, 0] - X[:, 1]]))
    assert not independent_columns(np.column_stack([X, np.zeros(30)]))
