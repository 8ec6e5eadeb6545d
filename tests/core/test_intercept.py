"""One random intercept: exact Hessian, how the modes move, arithmetic in lanes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.random_glmms import make_glmm_input
from nestwise.core import _kernels, glmm_merge
from nestwise.core.families.registry import FAMILIES
from nestwise.core.glmm_kernel import GlmmPlace, GlmmResult
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.intercept_kernel import InterceptKernel
from nestwise.core.links.registry import link_named
from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import Problem
from nestwise.core.quadrature_compiled import quadrature_kernel

CASES = [("binomial", "logit", True), ("binomial", "logit", False), ("poisson", "log", False)]


def kernel_of(
    name: str, link: str, ones: bool, points: int
) -> tuple[InterceptKernel, Problem, np.ndarray]:
    model, problem = make_glmm_input(FAMILIES[name], link_named(link), "scalar", None, True)
    rows = model.rows
    assert isinstance(rows, FamilyRows)
    if ones:
        rows = replace(rows, y=np.round(rows.y), weights=np.ones(len(rows.y)))
    kernel = quadrature_kernel(replace(model, rows=rows), points)
    assert isinstance(kernel, InterceptKernel)
    rng = np.random.default_rng(3)
    return kernel, problem, np.concatenate([[0.7], 0.1 * rng.normal(size=problem.p)])


def at(kernel: InterceptKernel, problem: Problem, psi: np.ndarray, order: int = 2) -> GlmmResult:
    return kernel.evaluate(
        GlmmPlace(flat_lambdas(problem, psi[:1]), problem.entries, psi[1:]), order
    )


def gradient(result: GlmmResult) -> np.ndarray:
    return np.concatenate([result.grad_lambda, result.grad_beta])


@pytest.mark.parametrize(("name", "link", "ones"), CASES)
@pytest.mark.parametrize("points", [1, 2, 3, 9])
@pytest.mark.parametrize("lambda_", [0.7, -1.9, 0.0])
def test_hessian_and_moves_against_differences(
    name: str, link: str, ones: bool, points: int, lambda_: float
) -> None:
    kernel, problem, psi = kernel_of(name, link, ones, points)
    psi[0] = lambda_
    here = at(kernel, problem, psi)
    assert here.hessian is not None
    assert here.slopes is not None
    hessian, slopes = np.zeros_like(here.hessian), np.zeros_like(here.slopes)
    for i, e in enumerate(np.eye(len(psi)) * 1e-3):
        ends = {s: at(kernel, problem, psi + s * e, 1) for s in (-2.0, -1.0, 1.0, 2.0)}
        g = {s: gradient(end) for s, end in ends.items()}
        hessian[i] = (8.0 * (g[1.0] - g[-1.0]) - (g[2.0] - g[-2.0])) / 12e-3
        u = {s: end.u for s, end in ends.items()}
        slopes[:, i] = (8.0 * (u[1.0] - u[-1.0]) - (u[2.0] - u[-2.0])) / 12e-3
    np.testing.assert_allclose(here.hessian, hessian, atol=1e-8 * abs(hessian).max())
    np.testing.assert_allclose(here.slopes, slopes, atol=1e-7 * abs(slopes).max())


@pytest.mark.parametrize(("name", "link", "ones"), CASES)
def test_modes_are_found_from_afar(name: str, link: str, ones: bool) -> None:
    kernel, problem, psi = kernel_of(name, link, ones, 1)
    psi[0] = 6.0
    expected = at(kernel, problem, psi)
    for start in (-400.0, 30.0, 1e6):
        u = np.full(len(expected.u), start)
        place = GlmmPlace(flat_lambdas(problem, psi[:1]), problem.entries, psi[1:], u=u)
        found = kernel.evaluate(place, 1)
        assert found.criterion == pytest.approx(expected.criterion, abs=1e-9)
        np.testing.assert_allclose(found.u, expected.u, atol=1e-9)


def test_rows_in_any_order() -> None:
    model, problem = make_glmm_input(FAMILIES["poisson"], link_named("log"), "scalar", None, True)
    rows, factor = model.rows, model.factors[0]
    assert isinstance(rows, FamilyRows)
    order = np.random.default_rng(1).permutation(len(rows.y))
    moved = replace(
        model,
        rows=replace(rows, y=rows.y[order], weights=rows.weights[order]),
        X=np.asfortranarray(model.X[order]),
        offset=model.offset[order],
        factors=(replace(factor, codes=factor.codes[order]),),
    )
    psi = np.concatenate([[0.5], np.zeros(problem.p)])
    one, other = quadrature_kernel(model, 3), quadrature_kernel(moved, 3)
    assert isinstance(one, InterceptKernel)
    assert isinstance(other, InterceptKernel)
    expected, found = at(one, problem, psi), at(other, problem, psi)
    assert found.criterion == pytest.approx(expected.criterion, rel=1e-13)
    np.testing.assert_allclose(found.eta, expected.eta[order], atol=1e-12)
    np.testing.assert_allclose(found.hessian, expected.hessian, rtol=1e-10)


def test_arithmetic_in_lanes() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-700, 700, 20_000), rng.normal(size=20_000), [0.0, 1e-300]])
    x = np.concatenate([x, rng.normal(size=1000) * 1e-9])
    exponential, logarithm, beside = _kernels.lane_functions(x)
    np.testing.assert_allclose(exponential, np.exp(x), rtol=1e-15)
    np.testing.assert_allclose(logarithm, np.log(1.0 + np.abs(x)), rtol=1e-15)
    np.testing.assert_allclose(beside, np.log1p(np.abs(x)), rtol=1e-15)


def test_patterns_by_table_and_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    key = np.random.default_rng(4).integers(0, 900, 3000)
    first, index = glmm_merge._patterns(key, 900)
    monkeypatch.setattr(glmm_merge, "SPARE", -3000)
    expected = glmm_merge._patterns(key, 900)
    np.testing.assert_array_equal(first, expected[0])
    np.testing.assert_array_equal(index, expected[1])


def test_some_levels_are_a_sum_over_these() -> None:
    kernel, problem, psi = kernel_of("poisson", "log", False, 3)
    places = (np.arange(len(at(kernel, problem, psi).u)) * 2654435761) % 2**32
    parts = np.sort(places) / 2**32 + 1e-9
    slopes = [gradient(at(kernel.of_some_levels(float(p)), problem, psi, 1)) for p in parts]
    np.testing.assert_allclose(slopes[-1], gradient(at(kernel, problem, psi, 1)), rtol=1e-12)
    steps = np.abs(np.diff(slopes, axis=0)).max(axis=1)
    assert (steps > 0.0).all()  # each level counts, and once
