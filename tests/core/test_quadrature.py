"""Adaptive quadrature: gradient, twin, Laplace's approximation, brute-force integrals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import dblquad

from core.random_glmms import make_glmm_input
from nestwise._base.errors import OptionError
from nestwise.core.families.registry import FAMILIES
from nestwise.core.glmm_kernel import GlmmInput, GlmmKernel, GlmmPlace
from nestwise.core.glmm_reference import dense_glmm
from nestwise.core.links.registry import link_named
from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import Problem
from nestwise.core.quadrature_compiled import Compiled, quadrature_kernel
from nestwise.core.quadrature_kernel import dense_quadrature
from nestwise.core.quadrature_rule import gauss_hermite

PAIRS = [(key, link_named(link).name) for key, family in FAMILIES.items() for link in family.links]
CANONICAL = [("binomial", "logit"), ("poisson", "log")]


def model_of(
    name: str, link: str, structure: str = "scalar", observed: bool = True
) -> tuple[GlmmInput, Problem, np.ndarray]:
    family = FAMILIES[name]
    has_phi = family.dispersion is not None
    model, problem = make_glmm_input(
        family, link_named(link), structure, 1.3 if has_phi else None, observed
    )
    rng = np.random.default_rng(3)
    par = 0.08 * rng.normal(size=len(problem.entries))
    beta = 0.03 * rng.normal(size=problem.p)
    return model, problem, np.concatenate([par, beta, [0.3] if has_phi else []])


def evaluate(
    kernel: GlmmKernel, problem: Problem, psi: np.ndarray, order: int = 1
) -> tuple[float, np.ndarray]:
    m, p = len(problem.entries), problem.p
    has_phi = len(psi) > m + p
    phi = float(np.exp(psi[-1])) if has_phi else None
    lambdas = flat_lambdas(problem, psi[:m])
    r = kernel.evaluate(GlmmPlace(lambdas, problem.entries, psi[m : m + p], phi), order)
    return r.criterion, np.concatenate(
        [r.grad_lambda, r.grad_beta, [r.grad_log_phi] if has_phi else []]
    )


def differences(kernel: GlmmKernel, problem: Problem, psi: np.ndarray) -> np.ndarray:
    """Central differences of fourth order."""
    out = np.zeros(len(psi))
    for i, e in enumerate(np.eye(len(psi)) * 3e-4):
        near, far = (
            evaluate(kernel, problem, psi + s * e, 0)[0]
            - evaluate(kernel, problem, psi - s * e, 0)[0]
            for s in (1.0, 2.0)
        )
        out[i] = (8.0 * near - far) / 36e-4
    return out


@pytest.mark.parametrize(("name", "link"), PAIRS)
@pytest.mark.parametrize(
    ("structure", "points", "observed"),
    [("scalar", 6, True), ("scalar", 5, False), ("vector", 3, True)],
)
def test_gradient_against_differences(
    name: str, link: str, structure: str, points: int, observed: bool
) -> None:
    model, problem, psi = model_of(name, link, structure, observed)
    kernel = dense_quadrature(model, points)
    value, gradient = evaluate(kernel, problem, psi)
    assert np.isfinite(value)
    expected = differences(kernel, problem, psi)
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * max(1.0, abs(expected).max()))


@pytest.mark.parametrize(("name", "link"), [*CANONICAL, ("binomial", "probit"), ("Gamma", "log")])
@pytest.mark.parametrize("structure", ["scalar", "vector"])
@pytest.mark.parametrize("observed", [True, False])
def test_one_point_is_laplace(name: str, link: str, structure: str, observed: bool) -> None:
    model, problem, psi = model_of(name.lower(), link, structure, observed)
    expected, slope = evaluate(dense_glmm(model), problem, psi)
    value, gradient = evaluate(quadrature_kernel(model, 1), problem, psi)
    assert value == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(gradient, slope, atol=1e-7)


@pytest.mark.parametrize(("name", "link"), CANONICAL)
@pytest.mark.parametrize("structure", ["scalar", "vector"])
@pytest.mark.parametrize("points", [1, 2, 9])
@pytest.mark.parametrize("ones", [True, False])
def test_compiled_and_twin_agree(
    name: str, link: str, structure: str, points: int, ones: bool
) -> None:
    model, problem, psi = model_of(name, link, structure)
    if ones:
        rows = model.rows
        y = np.round(rows.y)  # type: ignore[attr-defined]
        model = replace(model, rows=replace(rows, y=y, weights=np.ones(len(y))))  # type: ignore[type-var]
    compiled = quadrature_kernel(model, points)
    assert isinstance(compiled, Compiled)
    psi[: len(problem.entries)] *= 20.0
    for far in (0.0, 60.0):  # predictors beyond what a product of exponentials can hold
        psi[len(problem.entries)] += far if name == "binomial" else 0.05 * far
        value, gradient = evaluate(compiled, problem, psi)
        expected, slope = evaluate(dense_quadrature(model, points), problem, psi)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-8)


def test_two_dimensional_integral_by_brute_force() -> None:
    model, problem, psi = model_of("binomial", "logit", "vector")
    m = len(problem.entries)
    psi[:m] = [1.1, -0.4, 0.8]
    k, factor = 2, model.factors[0]
    Lambda = flat_lambdas(problem, psi[:m]).reshape(k, k)
    Z = np.column_stack([(np.ones(len(factor.codes)) if c is None else c) for c in factor.columns])
    A = Z / factor.scale @ Lambda
    fixed = model.offset + (model.X - model.center) / model.scale @ psi[m:]
    total = 0.0
    for level in range(factor.n_levels):
        here = factor.codes == level

        def density(second: float, first: float, here: np.ndarray = here) -> float:
            eta = fixed + A @ np.array([first, second])
            terms = model.rows(eta, None)
            return math.exp(float(terms.loglik[here].sum()) - 0.5 * (first**2 + second**2)) / (
                2.0 * math.pi
            )

        total += math.log(dblquad(density, -7.0, 7.0, -7.0, 7.0, epsabs=1e-11, epsrel=1e-8)[0])
    value, _ = evaluate(quadrature_kernel(model, 25), problem, psi)
    assert value == pytest.approx(-2.0 * total, abs=1e-5)


def test_rule_integrates_polynomials() -> None:
    rule = gauss_hermite(4, 2)
    w = np.exp(rule.log_weights - 0.5 * (rule.nodes**2).sum(axis=1))
    a, b = rule.nodes.T
    assert w.sum() == pytest.approx(1.0, abs=1e-14)
    assert w @ (a**2 * b**4) == pytest.approx(3.0, rel=1e-12)
    assert w @ a**6 == pytest.approx(15.0, rel=1e-12)
    assert w @ (a**3 * b) == pytest.approx(0.0, abs=1e-12)


def test_what_cannot_be_integrated_is_refused() -> None:
    with pytest.raises(OptionError, match="one grouping factor, and this model has 2"):
        quadrature_kernel(model_of("binomial", "logit", "crossed")[0], 9)
    with pytest.raises(OptionError, match="use nAGQ=27 or fewer"):
        gauss_hermite(60, 3)
    with pytest.raises(OptionError, match="between 1 and 100"):
        gauss_hermite(0, 1)
