"""Second derivatives of the deviance: all ways to them agree, and with n by n matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

import nestwise as nw
from core.random_models import make_model, models
from nestwise.core import _kernels, lmm, reference
from nestwise.core import hessian as module
from nestwise.core.hessian import hessian
from nestwise.core.problem import ModelArrays, Problem, build_problem
from nestwise.core.trace_products import trace_products


def crossed() -> pd.DataFrame:
    """60 by 40 levels that meet at random, with both effects."""
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 60, 900), rng.integers(0, 40, 900)
    y = rng.normal(size=60)[a] + 0.5 * rng.normal(size=40)[b] + rng.normal(size=900)
    return pd.DataFrame({"y": y, "x": rng.normal(size=900), "a": a, "b": b})


@pytest.mark.parametrize("reml", [True, False])
def test_one_sided_differences(reml: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = nw.lmer("y ~ x + (1 + x | a) + (1 | b)", crossed(), REML=reml).fit
    central = hessian(fit.problem, fit.theta, fit.sigma, reml)
    monkeypatch.setattr(module, "DEAR", 1)
    one_sided = hessian(fit.problem, fit.theta, fit.sigma, reml)
    assert (one_sided != central).any()
    size = np.sqrt(np.outer(central.diagonal(), central.diagonal()))
    np.testing.assert_allclose(one_sided / size, central / size, atol=5e-6)


@given(models(), st.integers(0, 1000), st.booleans())
@settings(max_examples=30)
def test_one_inverse_says_the_same_as_differences(
    arrays: ModelArrays, seed: int, reml: bool
) -> None:
    """The two ways share nothing but the average information and the gradient."""
    problem = build_problem(arrays)
    rng = np.random.default_rng(seed)
    par = rng.normal(size=len(problem.entries))
    par[problem.diagonal] = rng.uniform(0.2, 2.0, len(problem.diagonal))
    theta, sigma = par / problem.theta_scale, float(rng.uniform(0.5, 2.0))
    both = []
    for pays in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "inverse_pays", lambda problem, pays=pays: pays)
            both.append(hessian(problem, theta, sigma, reml))
    scale = np.append(problem.theta_scale, 1.0)
    direct, differences = (H / np.outer(scale, scale) for H in both)
    assert (direct != differences).any()
    np.testing.assert_allclose(direct, differences, atol=2e-6 * np.abs(differences).max())


@given(models(), st.integers(0, 1000), st.booleans(), st.booleans())
@settings(max_examples=20)
def test_differences_agree_with_the_twin(
    arrays: ModelArrays, seed: int, reml: bool, central: bool
) -> None:
    fast, dense = build_problem(arrays), build_problem(arrays, reference.dense_kernel)
    rng = np.random.default_rng(seed)
    m = len(fast.entries)
    flat = lmm.flat_lambdas(fast, rng.normal(size=m))
    here = dense.kernel.evaluate(flat, dense.entries, reml, 1)
    base = None if central else here.grad_logdet + 0.7 * here.grad_pwrss
    steps = np.full(m, 1e-2)
    a, b = (
        k.gradient_differences(flat, fast.entries, reml, 0.7, steps, base)
        for k in (fast.kernel, dense.kernel)
    )
    np.testing.assert_allclose(a, b, atol=1e-7 * max(1.0, np.abs(b).max()))


def test_least_curvature_is_that_of_the_profiled_matrix() -> None:
    rng = np.random.default_rng(4)
    for m in (1, 2, 5):
        A = rng.normal(size=(m + 1, m + 1))
        H = A @ A.T - 0.2 * np.eye(m + 1)
        inner = H[:m, :m] - np.outer(H[:m, m], H[m, :m]) / H[m, m]
        size = np.sqrt(np.abs(inner.diagonal()))
        expected = np.linalg.eigvalsh(inner / np.outer(size, size))[0]
        assert _kernels.least_curvature(H, 1e-12) == pytest.approx(expected, abs=1e-12)
    small = np.diag([1e-6, 4.0, 100.0])
    assert _kernels.least_curvature(small, 1e-2) == pytest.approx(1e-6 / 4e-2)
    assert _kernels.least_curvature(np.diag([1e-6, 100.0]), 1e-2) == pytest.approx(1e-4)


def test_traces_of_products_are_those_of_n_by_n_matrices() -> None:
    arrays = make_model(8, (5, 4), (False, False), (2, 1), 2, weighted=True)
    problem = build_problem(arrays, reference.dense_kernel)
    par = np.array([0.7, -0.3, 0.5, 0.9])
    flat, lambdas = lmm.flat_lambdas(problem, par), lmm.lambda_templates(problem, par)
    kernel = problem.kernel
    assert isinstance(kernel, reference.DenseKernel)
    V, slopes = dense_covariance(kernel, problem, par)
    inverse = np.linalg.inv(V)
    X = kernel.X
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    for reml, Q in ((True, P), (False, inverse)):
        expected = [[np.trace(Q @ a @ Q @ b) for b in slopes] for a in slopes]
        found = trace_products(problem, flat, lambdas, reml)
        np.testing.assert_allclose(found.second, expected, rtol=1e-9)
        G = kernel.Z.T @ Q @ kernel.Z
        np.testing.assert_allclose(found.first[1], [[np.trace(G[10:, 10:])]], rtol=1e-9)


def dense_covariance(
    kernel: reference.DenseKernel, problem: Problem, par: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """V0 and its derivatives by par, n x n, from Z and Lambda themselves."""

    def V(at: np.ndarray) -> np.ndarray:
        blocks = lmm.lambda_templates(problem, at)
        big = [np.kron(np.eye(m), La) for La, (_, m) in zip(blocks, problem.shapes, strict=True)]
        ZL = kernel.Z @ block_diag(*big)
        return np.asarray(np.eye(len(kernel.y)) + ZL @ ZL.T)

    # V0 is quadratic in par, so that central differences are exact.
    return V(par), [(V(par + e) - V(par - e)) / 2.0 for e in np.eye(len(par))]


def test_which_way_is_taken() -> None:
    many = make_model(1, (40, 30), (False, False), (4, 4), 2)
    assert module.inverse_pays(build_problem(many))
    few = make_model(1, (40, 30), (False, False), (1, 1), 2)
    assert not module.inverse_pays(build_problem(few))


def test_a_full_inverse_that_is_too_large_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL", 100)
    assert not module.inverse_pays(
        build_problem(make_model(1, (40, 30), (False, False), (4, 4), 2))
    )
