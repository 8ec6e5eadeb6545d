"""Gradients estimated from random signs: their twin, and the same optimum as by exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

from core.random_models import models
from nestwise.core import lmm, optimum, reference
from nestwise.core.compiled import CompiledKernel
from nestwise.core.problem import ModelArrays, Problem, TermColumns, build_problem
from nestwise.fit.start import starting_par


def _kernel(problem: Problem) -> CompiledKernel:
    assert isinstance(problem.kernel, CompiledKernel)
    return problem.kernel


def _dense_estimate(
    arrays: ModelArrays,
    par: np.ndarray,
    reml: bool,
    z: np.ndarray,
    first: list[int],
    complete: list[bool],
) -> np.ndarray:
    """The estimate by its definition: faces of (Z'WZ Lambda C z) z', C the dense inverse."""
    problem = build_problem(arrays, reference.dense_kernel)
    dense = problem.kernel
    assert isinstance(dense, reference.DenseKernel)
    templates = lmm.lambda_templates(problem, par)
    shapes = problem.shapes
    Lambda = block_diag(
        *(np.kron(np.eye(m), L) for L, (_, m) in zip(templates, shapes, strict=True))
    )
    q = len(Lambda)
    A = np.hstack([dense.Z @ Lambda, dense.X]) if reml else dense.Z @ Lambda
    M = A.T @ A
    M[:q, :q] += np.eye(q)
    rhs = np.zeros((len(M), z.shape[1]))
    rhs[:q] = z
    product = dense.Z.T @ A @ np.linalg.solve(M, rhs)
    begin = np.cumsum([0, *(k * m for k, m in shapes)])
    out = []
    for f, r, s in problem.entries.tolist():
        k, m = shapes[f]
        end = min([c for c in first if c > first[f]], default=z.shape[1])
        own = (slice(begin[f], begin[f + 1]), slice(first[f], end))
        total = (product[own].reshape(m, k, -1)[:, r] * z[own].reshape(m, k, -1)[:, s]).sum()
        out.append(2.0 * (total if complete[f] else total / (end - first[f])))
    return np.array(out)


@given(models(), st.integers(0, 1000), st.booleans(), st.integers(0, 12))
@settings(max_examples=40)
def test_twin(arrays: ModelArrays, seed: int, reml: bool, complete: int) -> None:
    problem = build_problem(arrays)
    par = np.random.default_rng(seed).normal(size=len(problem.entries))
    estimate, z, first, whole = _kernel(problem).handle.estimated_gradient(
        lmm.flat_lambdas(problem, par), problem.entries, reml, 5, complete
    )
    assert whole == [k * m <= complete for k, m in problem.shapes]
    twin = _dense_estimate(arrays, par, reml, z, first, whole)
    np.testing.assert_allclose(estimate, twin, rtol=1e-8, atol=1e-8 * max(1.0, np.abs(twin).max()))


@given(models(), st.integers(0, 1000), st.booleans())
@settings(max_examples=20)
def test_complete_probes_are_exact(arrays: ModelArrays, seed: int, reml: bool) -> None:
    problem = build_problem(arrays)
    par = np.random.default_rng(seed).normal(size=len(problem.entries))
    flat = lmm.flat_lambdas(problem, par)
    estimate = _kernel(problem).handle.estimated_gradient(flat, problem.entries, reml, 2, 10_000)[0]
    exact = problem.kernel.evaluate(flat, problem.entries, reml, 1).grad_logdet
    np.testing.assert_allclose(estimate, exact, atol=1e-8 * max(1.0, float(np.abs(exact).max())))


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_is_that_of_exact_gradients(
    seed: int, reml: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    arrays = make_crossed(rng, wide=seed % 2 == 1)
    found = []
    for dear in (np.inf, 0.0):
        monkeypatch.setattr(optimum, "DEAR", dear)
        problem = build_problem(arrays, solver="dense")
        assert bool(optimum.probes_of(problem, _kernel(problem))) == (dear == 0.0)
        way = optimum.descent(problem, starting_par(problem), reml, 1e-9, 200, 50, 1e-6)
        assert way is not None
        assert way.stopped == "tolerance"
        found.append((lmm.combine(problem, way.result, reml), way.par))
    (exact, par), (probed, other) = found
    assert probed == pytest.approx(exact, abs=2e-8)
    np.testing.assert_allclose(other, par, rtol=1e-3, atol=1e-4)


def make_crossed(rng: np.random.Generator, wide: bool) -> ModelArrays:
    """Two or three crossed factors with clear variances; with `wide` one has a slope."""
    n, sizes = 900, (60, 45, 40)
    codes = tuple(np.concatenate([np.arange(m), rng.integers(0, m, n - m)]) for m in sizes)
    x = rng.normal(size=n)
    y = 1.0 + x + rng.normal(size=n)
    for code, m in zip(codes, sizes, strict=True):
        y += rng.normal(size=m)[code]
    if wide:
        y += 0.7 * rng.normal(size=sizes[0])[codes[0]] * x
    first = (None, x) if wide else (None,)
    terms = (
        TermColumns(0, first, "us"), TermColumns(1, (None,), "us"), TermColumns(2, (None,), "us")
    )  # fmt: skip
    return ModelArrays(
        y=y,
        X=np.asfortranarray(np.column_stack([np.ones(n), x])),
        intercept=0,
        weights=None,
        codes=tuple(c.astype(np.int32) for c in codes),
        n_levels=sizes,
        terms=terms,
    )
