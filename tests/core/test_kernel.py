"""The compiled kernel agrees with its NumPy twin, with finite differences and with V itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.random_models import make_model, models
from nestwise._base.errors import FitError
from nestwise.core import _kernels, lmm, reference
from nestwise.core.compiled import announce
from nestwise.core.problem import ModelArrays, Problem, TermColumns, build_problem


def draw_theta(problem: Problem, seed: int, zero: bool) -> np.ndarray:
    """Any theta, of any sign; with `zero` one entry is exactly zero."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=len(problem.entries)) / problem.theta_scale
    if zero:
        theta[rng.integers(len(theta))] = 0.0
    return theta


def assert_close(a: np.ndarray, b: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max()))


@given(models(), st.integers(0, 1000), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_twins_agree(arrays: ModelArrays, seed: int, reml: bool, zero: bool) -> None:
    fast = build_problem(arrays)
    dense = build_problem(arrays, reference.dense_kernel)
    theta = draw_theta(fast, seed, zero)
    a, b = lmm.evaluate(fast, theta, reml, 2), lmm.evaluate(dense, theta, reml, 2)
    assert a.criterion == pytest.approx(b.criterion, rel=1e-11)
    for name in ("gradient", "information", "beta"):
        assert_close(getattr(a, name), getattr(b, name), 1e-8)
    for name in ("faces", "residual_gram", "u", "RX", "score"):
        assert_close(getattr(a.kernel, name), getattr(b.kernel, name), 1e-8)
    assert_close(lmm.vcov_derivatives(fast, theta), lmm.vcov_derivatives(dense, theta), 1e-8)
    for x, y in zip(
        lmm.conditional_covariance(fast, theta),
        lmm.conditional_covariance(dense, theta),
        strict=True,
    ):
        assert_close(x, y, 1e-9)
    for x, y in zip(
        fast.kernel.moments(fast.entries), dense.kernel.moments(dense.entries), strict=True
    ):
        assert_close(x, y, 1e-11)


@given(models(), st.integers(0, 1000), st.booleans(), st.booleans())
@settings(max_examples=40)
def test_gradient_is_the_derivative(arrays: ModelArrays, seed: int, reml: bool, zero: bool) -> None:
    problem = build_problem(arrays)
    theta = draw_theta(problem, seed, zero)
    exact = lmm.evaluate(problem, theta, reml).gradient
    for i, g in enumerate(exact):
        h = np.zeros_like(theta)
        h[i] = 1e-5 / problem.theta_scale[i]
        up, down = (lmm.evaluate(problem, theta + s * h, reml, 0).criterion for s in (1, -1))
        difference = (up - down) / (2 * h[i])
        assert g == pytest.approx(
            difference, rel=1e-5, abs=1e-5 * problem.theta_scale[i] * problem.n
        )


@given(models(), st.integers(0, 1000), st.booleans())
@settings(max_examples=30)
def test_criterion_is_the_gaussian_likelihood(arrays: ModelArrays, seed: int, reml: bool) -> None:
    """-2 log-likelihood from the n x n covariance matrix, written without the engine."""
    problem = build_problem(arrays)
    theta = draw_theta(problem, seed, False)
    e = lmm.evaluate(problem, theta, reml)
    w = np.ones(problem.n) if arrays.weights is None else arrays.weights
    V = np.diag(1.0 / w)
    for term, L in zip(arrays.terms, lmm.term_lambdas(problem, theta), strict=True):
        Z = np.column_stack([np.ones(problem.n) if c is None else c for c in term.columns])
        same = arrays.codes[term.factor][:, None] == arrays.codes[term.factor]
        V += same * (Z @ L @ L.T @ Z.T)
    V *= e.sigma**2
    inverse = np.linalg.inv(V)
    X, y = arrays.X, arrays.y
    XtVX = X.T @ inverse @ X
    beta = np.linalg.solve(XtVX, X.T @ inverse @ y)
    r = y - X @ beta
    direct = np.linalg.slogdet(V)[1] + r @ inverse @ r + problem.n * np.log(2 * np.pi)
    if reml:
        direct += np.linalg.slogdet(XtVX)[1] - problem.p * np.log(2 * np.pi)
    assert e.criterion == pytest.approx(direct, rel=1e-9)
    np.testing.assert_allclose(e.beta, beta, rtol=1e-6, atol=1e-8)


@given(models(), st.integers(0, 1000), st.booleans())
@settings(max_examples=40)
def test_sparse_and_dense_remainders_agree(arrays: ModelArrays, seed: int, reml: bool) -> None:
    dense = build_problem(arrays, solver="dense")
    sparse = build_problem(arrays, solver="sparse")
    theta = draw_theta(dense, seed, False)
    a, b = (lmm.evaluate(p, theta, reml, 2) for p in (dense, sparse))
    assert a.criterion == pytest.approx(b.criterion, rel=1e-11)
    for name in ("gradient", "information", "beta"):
        assert_close(getattr(a, name), getattr(b, name), 1e-8)
    for name in ("faces", "u", "RX"):
        assert_close(getattr(a.kernel, name), getattr(b.kernel, name), 1e-8)
    assert_close(lmm.vcov_derivatives(dense, theta), lmm.vcov_derivatives(sparse, theta), 1e-8)
    for x, y in zip(
        lmm.conditional_covariance(dense, theta),
        lmm.conditional_covariance(sparse, theta),
        strict=True,
    ):
        assert_close(x, y, 1e-9)


def test_the_method_is_said() -> None:
    crossed = make_model(1, (12, 6), (False, False), (1, 1), 2)
    assert build_problem(crossed).kernel.method == "by level, then a dense factor of order 6"
    assert "sparse factor of order 6" in build_problem(crossed, solver="sparse").kernel.method
    assert build_problem(make_model(1, (12,), (False,), (1,), 2)).kernel.method == "by level"


def test_what_does_not_fit_into_memory_is_refused_before_it_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nestwise.core.compiled.available_memory", lambda: 100.0)
    monkeypatch.setattr("nestwise.core.compiled.ALWAYS_FITS", 0)
    with pytest.raises(FitError, match=r"order 8 needs .* MiB, more than .* coarsen the factor"):
        build_problem(make_model(1, (12, 6), (False, False), (1, 1), 2))


def test_elimination_takes_nested_factors_by_level() -> None:
    nested = build_problem(make_model(1, (12, 6, 3), (False, True, True), (1, 1, 1), 2))
    crossed = build_problem(make_model(1, (12, 6, 3), (False, False, False), (1, 1, 1), 2))
    assert nested.kernel.dense_order == 2
    assert crossed.kernel.dense_order == 6 + 3 + 2


def test_huge_offsets_cost_no_digits() -> None:
    """x = 1e8 + small: criterion and slope as for the centred x."""
    arrays = make_model(3, (10,), (False,), (1,), 2)
    far = arrays.X.copy(order="F")
    near = arrays.X.copy(order="F")
    near[:, 1] = np.round(near[:, 1], 6)
    far[:, 1] = near[:, 1] + 2.0**27
    near[:, 1] = far[:, 1] - 2.0**27
    y = arrays.y
    fits = [
        lmm.evaluate(
            build_problem(ModelArrays(y, X, 0, None, arrays.codes, arrays.n_levels, arrays.terms)),
            np.array([0.7]),
        )
        for X in (near, far)
    ]
    assert fits[0].criterion == pytest.approx(fits[1].criterion, rel=1e-12)
    assert fits[0].beta[1] == pytest.approx(fits[1].beta[1], rel=1e-9)


def test_degenerate_problems_give_nan_not_a_crash() -> None:
    arrays = make_model(4, (5,), (False,), (1,), 2)
    problem = build_problem(arrays)
    e = lmm.evaluate(problem, np.array([np.nan]))
    assert np.isnan(e.criterion)


def test_long_evaluations_are_announced(caplog: pytest.LogCaptureFixture) -> None:
    announce(2e13, 30_000)
    assert "order 30000" in caplog.text
    assert "about 22 minutes" in caplog.text
    caplog.clear()
    announce(6e11, 8_500)
    assert "about 40 seconds, and a fit needs 3 to 15 of them; Ctrl-C stops it" in caplog.text
    caplog.clear()
    announce(1e11, 5_000)
    assert not caplog.text


def test_factors_that_meet_at_random_are_ordered_quickly() -> None:
    rng = np.random.default_rng(0)
    m, n = 900, 3600
    codes = [np.concatenate([np.arange(m), rng.integers(0, m, n - m)]) for _ in range(2)]
    codes = [rng.permutation(c).astype(np.int32) for c in codes]
    terms = tuple(TermColumns(f, (None,), "us") for f in range(2))
    y = rng.normal(size=n) + rng.normal(size=m)[codes[0]]
    arrays = ModelArrays(y, np.ones((n, 1), order="F"), 0, None, tuple(codes), (m, m), terms)
    values = []
    for solver in ("dense", "sparse"):
        problem = build_problem(arrays, solver=solver)
        values.append(lmm.evaluate(problem, np.array([0.7, 0.4]), True, 1))
    assert values[0].criterion == pytest.approx(values[1].criterion, rel=1e-10)
    np.testing.assert_allclose(values[0].gradient, values[1].gradient, rtol=1e-7)


def test_small_matrices_agree_with_numpy() -> None:
    rng = np.random.default_rng(4)
    for m in (1, 2, 3, 7, 20):
        A = rng.normal(size=(m, m))
        L = np.tril(A) + m * np.eye(m)
        np.testing.assert_allclose(_kernels.invert_lower(L), np.linalg.inv(L), atol=1e-12)
        S = A + A.T
        smallest = np.linalg.eigvalsh(S)[0]
        assert _kernels.smallest_eigenvalue(S) == pytest.approx(smallest, abs=1e-12)
