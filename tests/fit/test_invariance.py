"""What must not change a fit, and what must change it in a known way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from core.random_models import make_model, models
from nestwise._base.options import Control
from nestwise.core import lmm
from nestwise.core.problem import ModelArrays, build_problem
from nestwise.design import build
from nestwise.fit.lmm import fit_lmm, optimise
from nestwise.fit.newton import Path
from nestwise.fit.start import starting_par
from nestwise.workflow.datasets import load_dataset


def optimum(arrays: ModelArrays, reml: bool) -> Path:
    """What `fit_lmm` does with arrays, without a table."""
    problem = build_problem(arrays)
    return optimise(problem, reml, Control(), starting_par(problem))[0]


def brute_force(arrays: ModelArrays, reml: bool) -> float:
    """The best of several quasi-Newton searches that use the criterion only."""
    problem = build_problem(arrays)
    m = len(problem.entries)

    def value(par: np.ndarray) -> float:
        v = lmm.evaluate(problem, par / problem.theta_scale, reml, 0).criterion
        return v if np.isfinite(v) else 1e10

    rng = np.random.default_rng(0)
    starts = [np.full(m, 0.5), rng.normal(size=m)]
    return min(float(minimize(value, s, method="L-BFGS-B").fun) for s in starts)


@given(models(), st.booleans())
@settings(max_examples=12)
def test_never_worse_than_a_brute_force_search(arrays: ModelArrays, reml: bool) -> None:
    path = optimum(arrays, reml)
    assert path.decrease < 1e-6
    assert path.point.value <= brute_force(arrays, reml) + 1e-6


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_rows_and_levels_may_be_permuted(seed: int) -> None:
    arrays = make_model(seed, (9, 4), (False, False), (2, 1), 2, True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(arrays.y))
    relabel = [rng.permutation(m).astype(np.int32) for m in arrays.n_levels]
    other = ModelArrays(
        arrays.y[order],
        np.asfortranarray(arrays.X[order]),
        0,
        None if arrays.weights is None else arrays.weights[order],
        tuple(r[c][order] for r, c in zip(relabel, arrays.codes, strict=True)),
        arrays.n_levels,
        tuple(
            type(t)(t.factor, tuple(c if c is None else c[order] for c in t.columns), t.structure)
            for t in arrays.terms
        ),
    )
    theta = rng.normal(size=4)
    a, b = (lmm.evaluate(build_problem(x), theta, True, 2) for x in (arrays, other))
    assert a.criterion == pytest.approx(b.criterion, rel=1e-12)
    np.testing.assert_allclose(a.gradient, b.gradient, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(a.beta, b.beta, rtol=1e-9)


def test_recoding_x_moves_beta_and_the_reml_constant_only() -> None:
    data = load_dataset("sleepstudy").assign(weeks=lambda d: 5.0 - d["Days"] / 7.0)
    a = fit_lmm(build("Reaction ~ Days + (Days | Subject)", data))
    b = fit_lmm(build("Reaction ~ weeks + (Days | Subject)", data))
    assert b.criterion == pytest.approx(a.criterion - 2.0 * np.log(7.0), abs=1e-7)
    np.testing.assert_allclose(b.theta, a.theta, rtol=1e-4, atol=1e-6)
    assert b.beta[1] == pytest.approx(-7.0 * a.beta[1], rel=1e-8)
    assert b.beta[0] == pytest.approx(a.beta[0] + 35.0 * a.beta[1], rel=1e-8)


def test_rescaling_a_slope_rescales_its_variance() -> None:
    data = load_dataset("sleepstudy").assign(hours=lambda d: 24e6 * d["Days"])
    a = fit_lmm(build("Reaction ~ Days + (Days | Subject)", data))
    b = fit_lmm(build("Reaction ~ Days + (hours | Subject)", data))
    assert b.criterion == pytest.approx(a.criterion, abs=1e-6)
    np.testing.assert_allclose(b.theta * [1, 24e6, 24e6], a.theta, rtol=1e-4)


def test_scaling_the_weights_scales_sigma_only() -> None:
    rng = np.random.default_rng(1)
    data = load_dataset("sleepstudy").assign(w=rng.uniform(0.5, 2.0, 180))
    a = fit_lmm(build("Reaction ~ Days + (1 | Subject)", data, weights="w"))
    b = fit_lmm(build("Reaction ~ Days + (1 | Subject)", data.assign(w=4 * data["w"]), weights="w"))
    assert b.criterion == pytest.approx(a.criterion, abs=1e-7)
    assert b.sigma == pytest.approx(2.0 * a.sigma, rel=1e-6)
    np.testing.assert_allclose(b.beta, a.beta, rtol=1e-8)


def test_simulated_truth_is_recovered() -> None:
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(400), 12)
    h = rng.integers(0, 150, len(g))
    x = rng.normal(size=len(g))
    b = rng.multivariate_normal([0, 0], [[1.0, 0.3], [0.3, 0.5]], size=400)
    y = 2 - x + b[g, 0] + b[g, 1] * x + 0.7 * rng.normal(size=150)[h] + rng.normal(size=len(g))
    fit = fit_lmm(
        build("y ~ x + (x | g) + (1 | h)", pd.DataFrame({"y": y, "x": x, "g": g, "h": h}))
    )
    covariance = fit.sigma**2 * fit.lambdas[0] @ fit.lambdas[0].T
    np.testing.assert_allclose(covariance, [[1.0, 0.3], [0.3, 0.5]], atol=0.15)
    assert fit.sigma == pytest.approx(1.0, abs=0.05)
    assert fit.sigma * fit.lambdas[1][0, 0] == pytest.approx(0.7, abs=0.15)
    np.testing.assert_allclose(fit.beta, [2, -1], atol=0.2)


@pytest.mark.parametrize("offset", [10.0, 2000.0, 1e5])
def test_slopes_of_covariates_far_from_zero_keep_their_digits(offset: float) -> None:
    data = load_dataset("sleepstudy").assign(year=lambda d: d["Days"] + offset)
    near = fit_lmm(build("Reaction ~ Days + (Days | Subject)", data))
    far = fit_lmm(build("Reaction ~ year + (year | Subject)", data))
    assert far.verdict.status == "converged"
    assert far.n_evaluations < 10
    assert far.criterion == pytest.approx(near.criterion, abs=1e-6)
    np.testing.assert_allclose(far.modes[0][:, 1], near.modes[0][:, 1], rtol=1e-3, atol=1e-4)
    sd = far.sigma * np.sqrt((far.lambdas[0] ** 2).sum(axis=1))
    b = near.sigma**2 * near.lambdas[0] @ near.lambdas[0].T
    expected = np.sqrt([b[0, 0] - 2 * offset * b[0, 1] + offset**2 * b[1, 1], b[1, 1]])
    np.testing.assert_allclose(sd, expected, rtol=1e-4)
    again = fit_lmm(build("Reaction ~ year + (year | Subject)", data), start=far.theta)
    assert again.criterion == pytest.approx(near.criterion, abs=1e-6)
