"""Laplace's approximation: its exact gradient against differences, for every family and link."""

from __future__ import annotations

import numpy as np
import pytest

from core.random_glmms import STRUCTURES, make_glmm_input
from core.random_models import make_model
from nestwise.core.families.registry import FAMILIES
from nestwise.core.glmm_compiled import compiled_glmm
from nestwise.core.glmm_kernel import GlmmInput, GlmmKernel, GlmmPlace
from nestwise.core.glmm_reference import dense_glmm
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.links.registry import link_named
from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import Problem, build_problem, factor_columns

PAIRS = [(key, link_named(link).name) for key, family in FAMILIES.items() for link in family.links]


def _start(problem: Problem, has_phi: bool) -> np.ndarray:
    """A point of the parameter space near zero effects, with signs of all kinds."""
    rng = np.random.default_rng(3)
    par = 0.08 * rng.normal(size=len(problem.entries))
    beta = 0.03 * rng.normal(size=problem.p)
    return np.concatenate([par, beta, [0.3] if has_phi else []])


def _evaluate(
    kernel: GlmmKernel, problem: Problem, psi: np.ndarray, has_phi: bool
) -> tuple[float, np.ndarray]:
    m = len(problem.entries)
    beta = psi[m : m + problem.p]
    phi = float(np.exp(psi[-1])) if has_phi else None
    lambdas = flat_lambdas(problem, psi[:m])
    r = kernel.evaluate(GlmmPlace(lambdas, problem.entries, beta, phi), 1)
    last = [r.grad_log_phi] if has_phi else []
    return r.criterion, np.concatenate([r.grad_lambda, r.grad_beta, last])


def _differences(
    kernel: GlmmKernel, problem: Problem, psi: np.ndarray, has_phi: bool
) -> np.ndarray:
    """Differences of the criterion, of fourth order."""
    out = np.zeros(len(psi))
    for i in range(len(psi)):
        e = np.zeros(len(psi))
        e[i] = 3e-4
        near, far = (
            _evaluate(kernel, problem, psi + s * e, has_phi)[0]
            - _evaluate(kernel, problem, psi - s * e, has_phi)[0]
            for s in (1.0, 2.0)
        )
        out[i] = (8.0 * near - far) / 36e-4
    return out


@pytest.mark.parametrize(("name", "link"), PAIRS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_gradient_against_differences(name: str, link: str, structure: str) -> None:
    family = FAMILIES[name]
    has_phi = family.dispersion is not None
    model, problem = make_glmm_input(family, link_named(link), structure, 1.3 if has_phi else None)
    kernel, psi = dense_glmm(model), _start(problem, has_phi)
    value, gradient = _evaluate(kernel, problem, psi, has_phi)
    assert np.isfinite(value)
    expected = _differences(kernel, problem, psi, has_phi)
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * max(1.0, abs(expected).max()))


@pytest.mark.parametrize(("name", "link"), PAIRS)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("observed", [True, False])
def test_compiled_is_the_twin(name: str, link: str, structure: str, observed: bool) -> None:
    family = FAMILIES[name]
    has_phi = family.dispersion is not None
    phi = 1.3 if has_phi else None
    model, problem = make_glmm_input(family, link_named(link), structure, phi, observed)
    psi = _start(problem, has_phi)
    expected, slope = _evaluate(dense_glmm(model), problem, psi, has_phi)
    value, gradient = _evaluate(compiled_glmm(model), problem, psi, has_phi)
    assert value == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-7 * abs(slope).max())


@pytest.mark.parametrize("solver", ["dense", "sparse"])
@pytest.mark.parametrize("levels", [(9, 6, 4), (12, 12)])
def test_three_crossed_factors_by_either_factor(solver: str, levels: tuple[int, ...]) -> None:
    arrays = make_model(21, levels, (False,) * len(levels), (1, 2, 1)[: len(levels)], 2)
    rng = np.random.default_rng(1)
    problem = build_problem(arrays)
    rows = FamilyRows(
        FAMILIES["poisson"],
        link_named("log"),
        rng.poisson(2.0, problem.n).astype(float),
        np.ones(problem.n),
    )
    model = GlmmInput(
        rows,
        arrays.X,
        problem.basis.center,
        problem.basis.scale,
        np.zeros(problem.n),
        factor_columns(arrays),
        solver=solver,
    )
    psi = 0.3 * rng.normal(size=len(problem.entries) + problem.p)
    expected, slope = _evaluate(dense_glmm(model), problem, psi, False)
    value, gradient = _evaluate(compiled_glmm(model), problem, psi, False)
    assert value == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-7 * abs(slope).max())
