"""Structured random effects beside structured residuals, against the n x n definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.kenward_chart import curvature, symmetric
from core.structured_models import random_arrays, random_par
from nestwise._base.arrays import FloatArray
from nestwise.core.structured.dense import dense_covariance
from nestwise.core.structured.derivatives import deviance_hessian, information_derivatives
from nestwise.core.structured.evaluate import evaluate
from nestwise.core.structured.filled import fill, nearest_par, upright
from nestwise.core.structured.kenward import kenward_parts
from nestwise.core.structured.model import EffectArrays, StructuredArrays, effect_lambdas
from nestwise.core.structured.problem import make_problem
from nestwise.core.structures.registry import STRUCTURES
from nestwise.fit.structured import takes_all

PATTERNED = [s.name for s in STRUCTURES.values() if s.pattern is not None]
K = 3


def patterned_arrays(name: str, crossed: bool = False) -> StructuredArrays:
    """A term of three effects by subject with unequal scales, beside ar1 residuals by arm."""
    arrays = random_arrays("ar1", 7, effects=("crossed",) if crossed else (), weights=True)
    errors, structure = arrays.errors, STRUCTURES[name]
    f = errors.visit % K
    Z = np.asarray(f[:, None] == np.arange(K), dtype=np.float64) * [1.0, 2.0, 3.0]
    scale = np.sqrt(np.mean(Z * Z, axis=0))
    term = EffectArrays(
        errors.subject, 14, Z / scale, scale, tuple(structure.free(K)), structure.pattern
    )
    return replace(arrays, effects=(term, *arrays.effects))


def somewhere(arrays: StructuredArrays) -> FloatArray:
    own = random_par(replace(arrays, effects=arrays.effects[1:]), 5)
    n = arrays.effects[0].n_par
    return np.concatenate([0.3 + 0.1 * np.random.default_rng(2).normal(size=n), own])


def dense_value(arrays: StructuredArrays, par: FloatArray, reml: bool) -> float:
    """-2 log-likelihood from the definition, Lambda from the pattern itself."""
    V, _ = dense_covariance(replace(arrays, effects=()), par[arrays.n_effects :])
    first = 0
    for term in arrays.effects:
        own = par[first : first + term.n_par]
        first += term.n_par
        if term.pattern is None:
            Lambda = np.array([[own[0]]]) / term.scale
        else:
            Lambda, _ = term.pattern.factor(own, len(term.scale))
        half = (term.Z * term.scale) @ Lambda
        V = V + half @ half.T * (term.codes[:, None] == term.codes)
    n, p = arrays.X.shape
    inverse, df = np.linalg.inv(V), n - p if reml else n
    C = arrays.X.T @ inverse @ arrays.X
    e = arrays.y - arrays.X @ np.linalg.solve(C, arrays.X.T @ inverse @ arrays.y)
    pwrss = float(e @ inverse @ e)
    value = float(np.linalg.slogdet(V)[1]) + df * (1.0 + np.log(2.0 * np.pi * pwrss / df))
    return value + (float(np.linalg.slogdet(C)[1]) if reml else 0.0)


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("name", PATTERNED)
def test_value_and_gradient(name: str, crossed: bool) -> None:
    arrays = patterned_arrays(name, crossed)
    problem, par, step = make_problem(arrays, largest=16), somewhere(arrays), 1e-5
    assert (problem.trailing is not None) == crossed
    for reml in (True, False):
        found = evaluate(problem, par, reml)
        assert found.value == pytest.approx(dense_value(arrays, par, reml), rel=1e-11)
        for i, move in enumerate(step * np.eye(par.size)):
            change = dense_value(arrays, par + move, reml) - dense_value(arrays, par - move, reml)
            assert change / (2 * step) == pytest.approx(found.gradient[i], abs=2e-6)


@pytest.mark.parametrize("name", PATTERNED)
def test_derivatives_for_inference(name: str) -> None:
    """Of X'V^-1 X by par; and of V along the parameters of Kenward and Roger's adjustment."""
    arrays = patterned_arrays(name, crossed=name == "cs")
    problem, par, h = make_problem(arrays, largest=16), somewhere(arrays), 1e-3
    m = par.size

    def information(at: FloatArray) -> FloatArray:
        V, _ = dense_covariance(arrays, fill(arrays, at))
        return np.asarray(problem.Q.T @ np.linalg.solve(V, problem.Q))

    weights = symmetric(m + 1)
    parts = kenward_parts(problem, par, evaluate(problem, par, True).Phi, weights)
    first = information_derivatives(problem, par)
    np.testing.assert_allclose(parts.P[:m], -first, atol=1e-10)
    for i, move in enumerate(h * np.eye(m)):
        up, down = information(par + move), information(par - move)
        np.testing.assert_allclose(first[i], (down - up) / (2 * h), atol=2e-5)
    V, _ = dense_covariance(arrays, fill(arrays, par))
    expected = curvature(arrays, par, np.linalg.solve(V, problem.Q), name in ("homcs", "homtoep"))
    expected = np.tensordot(weights, expected, 2)
    np.testing.assert_allclose(parts.R, expected, rtol=1e-4, atol=2e-4)
    H = deviance_hessian(problem, par, 0.8, True)
    assert H.shape == (m + 1, m + 1)
    assert np.isfinite(H).all()


@pytest.mark.parametrize("name", PATTERNED)
def test_par_and_lambda_are_inverses(name: str) -> None:
    arrays = patterned_arrays(name)
    par = somewhere(arrays)
    lambdas = effect_lambdas(arrays, fill(arrays, par))
    np.testing.assert_allclose(nearest_par(arrays, list(lambdas)), par[: arrays.n_effects])
    turned = par.copy()
    if name.startswith(("hom", "ar1")):
        turned[0] *= -1.0
    np.testing.assert_allclose(upright(arrays, turned), par)
    far = par.copy()
    far[0] = 1e4 if name.startswith(("hom", "ar1")) else np.log(1e4)
    assert takes_all(arrays, far)
    assert not takes_all(arrays, par)
