"""Random effects crossed with residual subjects, and the matrices of inference, by definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.kenward_chart import curvature, symmetric
from core.structured_models import random_arrays, random_par
from nestwise._base.arrays import FloatArray
from nestwise.core.structured.conditional import conditional_covariances
from nestwise.core.structured.dense import dense_covariance, dense_evaluate
from nestwise.core.structured.derivatives import deviance_hessian, information_derivatives
from nestwise.core.structured.evaluate import evaluate
from nestwise.core.structured.kenward import kenward_parts
from nestwise.core.structured.model import EffectArrays, StructuredArrays, effect_lambdas
from nestwise.core.structured.problem import StructuredProblem, make_problem
from nestwise.core.structured.weighted import invert, weighted_residuals

CASES = [
    ("us", ()),
    ("ar1h", ("subject",)),
    ("ar1", ("crossed",)),
    ("cs", ("subject", "crossed")),
    (None, ("crossed",)),
]


def problem_of(
    name: str | None, effects: tuple[str, ...]
) -> tuple[StructuredArrays, StructuredProblem, FloatArray]:
    arrays = random_arrays(name, 5, effects=effects)
    # Blocks of at most 12 rows leave the crossed factor to the mixed-model equations.
    problem = make_problem(arrays, largest=12)
    assert (problem.trailing is not None) == ("crossed" in effects)
    return arrays, problem, random_par(arrays, 5)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("name", "effects"), CASES)
def test_equals_the_dense_definition(
    name: str | None, effects: tuple[str, ...], reml: bool
) -> None:
    arrays, problem, par = problem_of(name, effects)
    expected, found = dense_evaluate(arrays, par, reml), evaluate(problem, par, reml)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-9)
    t = len(arrays.entries)
    np.testing.assert_allclose(found.hessian[t:], expected.information[t:], atol=1e-9)
    V, _ = dense_covariance(arrays, par)
    e = arrays.y - arrays.X @ expected.beta
    np.testing.assert_allclose(
        weighted_residuals(problem, found), np.linalg.solve(V, e), atol=1e-10
    )


@pytest.mark.parametrize(("name", "effects"), CASES)
def test_hessian_is_that_of_the_deviance(name: str | None, effects: tuple[str, ...]) -> None:
    arrays, problem, par = problem_of(name, effects)
    sigma, m = 1.3, par.size
    H = deviance_hessian(problem, par, sigma, True)

    def deviance(at: FloatArray) -> float:
        found = dense_evaluate(arrays, at[:m], True)
        df, s2 = arrays.y.size - arrays.X.shape[1], np.exp(2.0 * at[m])
        profiled = df * (1.0 + np.log(2.0 * np.pi * found.pwrss / df))
        return float(found.value - profiled + df * np.log(2.0 * np.pi * s2) + found.pwrss / s2)

    def gradient(at: FloatArray) -> FloatArray:
        steps = 1e-5 * np.eye(m + 1)
        return np.array([(deviance(at + h) - deviance(at - h)) / 2e-5 for h in steps])

    here = np.append(par, np.log(sigma))
    found = evaluate(problem, par, True)
    slope = found.gradient_logdet + found.gradient_pwrss / sigma**2
    np.testing.assert_allclose(slope, gradient(here)[:m], atol=1e-5)
    step = 1e-3
    for i in (0, m - 1, m):
        move = step * np.eye(m + 1)[i]
        numeric = (gradient(here + move) - gradient(here - move)) / (2.0 * step)
        scale = max(1.0, float(np.abs(H[i, :m]).max()))
        np.testing.assert_allclose(H[i, :m], numeric[:m], atol=2e-4 * scale)


@pytest.mark.parametrize(("name", "effects"), CASES)
def test_matrices_of_kenward_and_roger(name: str | None, effects: tuple[str, ...]) -> None:
    arrays, problem, par = problem_of(name, effects)
    V, dV = dense_covariance(arrays, par)
    W = np.linalg.solve(V, problem.Q)
    Phi = np.linalg.inv(problem.Q.T @ W)
    slopes = np.concatenate([dV, 2.0 * V[None]])
    weights = symmetric(par.size + 1)
    parts = kenward_parts(problem, par, Phi, weights)
    np.testing.assert_allclose(parts.P, -W.T @ slopes @ W, atol=1e-10)
    DW = slopes @ W
    expected = np.einsum("ani,bnj->abij", DW, np.linalg.solve(V, DW))
    np.testing.assert_allclose(parts.Q, np.tensordot(weights, expected, 2), atol=1e-8)
    np.testing.assert_allclose(information_derivatives(problem, par), W.T @ dV @ W, atol=1e-10)
    if not effects:  # those of gls are in inference/test_mmrm.py
        return
    expected = np.tensordot(weights, curvature(arrays, par, W, False), 2)
    np.testing.assert_allclose(parts.R, expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("effects", [("subject",), ("subject", "crossed")])
def test_conditional_covariances(effects: tuple[str, ...]) -> None:
    arrays, problem, par = problem_of("ar1", effects)
    V, _ = dense_covariance(arrays, par)
    found = conditional_covariances(problem, par)
    for term, Lambda, own in zip(arrays.effects, effect_lambdas(arrays, par), found, strict=True):
        G = Lambda @ Lambda.T
        for level in range(term.n_levels):
            Z = term.Z * (term.codes == level)[:, None]
            expected = G - G @ Z.T @ np.linalg.solve(V, Z) @ G
            np.testing.assert_allclose(own[level], expected, atol=1e-10)


def test_inverse_times_columns() -> None:
    arrays, problem, par = problem_of("toeph", ("subject", "crossed"))
    V, _ = dense_covariance(arrays, par)
    columns = np.random.default_rng(1).normal(size=(arrays.y.size, 3))
    inverted = invert(problem, par)
    np.testing.assert_allclose(inverted.times(columns), np.linalg.solve(V, columns), atol=1e-9)
    np.testing.assert_allclose(
        inverted.times(columns[:, 0]), np.linalg.solve(V, columns[:, 0]), atol=1e-9
    )


def two_crossed_terms() -> tuple[StructuredArrays, StructuredProblem, FloatArray]:
    """A slope that varies by item, correlated with its intercept, and raters: both join blocks."""
    arrays = random_arrays("ar1", 9, effects=("subject",), weights=True)
    rng, n = np.random.default_rng(9), arrays.y.size
    item, rater = (rng.integers(0, k, n).astype(np.int32) for k in (5, 7))
    Z = np.column_stack([np.ones(n), rng.normal(size=n)])
    free = ((0, 0), (1, 0), (1, 1))
    terms = (
        EffectArrays(item, 5, Z, np.ones(2), free),
        *arrays.effects,
        EffectArrays(rater, 7, np.ones((n, 1)), np.ones(1), ((0, 0),)),
    )
    arrays = replace(arrays, effects=terms)
    problem = make_problem(arrays, largest=12)
    assert problem.blocks.trailing == (0, 2)
    return arrays, problem, random_par(arrays, 9)


@pytest.mark.parametrize("reml", [True, False])
def test_several_wide_terms_that_join_blocks(reml: bool) -> None:
    arrays, problem, par = two_crossed_terms()
    expected, found = dense_evaluate(arrays, par, reml), evaluate(problem, par, reml)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-9)
    t = len(arrays.entries)
    np.testing.assert_allclose(found.hessian[t:], expected.information[t:], atol=1e-9)
    # At a variance of zero the gradient by Lambda is zero, and nothing is divided by it.
    zero = par.copy()
    zero[[0, 1, 2, 6]] = 0.0
    expected, found = dense_evaluate(arrays, zero, reml), evaluate(problem, zero, reml)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-9)
    assert np.isfinite(found.hessian).all()


def test_inference_with_several_wide_terms() -> None:
    arrays, problem, par = two_crossed_terms()
    V, dV = dense_covariance(arrays, par)
    W = np.linalg.solve(V, problem.Q)
    np.testing.assert_allclose(information_derivatives(problem, par), W.T @ dV @ W, atol=1e-10)
    found = conditional_covariances(problem, par)
    for term, Lambda, own in zip(arrays.effects, effect_lambdas(arrays, par), found, strict=True):
        G = Lambda @ Lambda.T
        for level in range(term.n_levels):
            Z = term.Z * (term.codes == level)[:, None]
            expected = G - G @ Z.T @ np.linalg.solve(V, Z) @ G
            np.testing.assert_allclose(own[level], expected, atol=1e-10)
