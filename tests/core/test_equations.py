"""The solved mixed-model equations agree with their NumPy twin and with Henderson's formulas."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.random_models import make_model, models
from core.test_kernel import draw_theta
from nestwise.core import equations, reference
from nestwise.core.lmm import (
    conditional_covariance,
    term_lambdas,
    unscaled_vcov,
)
from nestwise.core.problem import ModelArrays, Problem, build_problem


def draw_rows(problem: Problem, seed: int, r: int = 7) -> equations.Rows:
    """Rows of any levels, some of them none, whether they occur together in the data or not."""
    rng = np.random.default_rng(seed)
    return equations.Rows(
        rng.normal(size=(r, problem.p)),
        tuple(rng.integers(-1, m, r).astype(np.int32) for _, m in problem.shapes),
        tuple(rng.normal(size=(r, k)) for k, _ in problem.shapes),
    )


@given(models(), st.integers(0, 1000), st.booleans())
@settings(max_examples=60)
def test_twins_agree(arrays: ModelArrays, seed: int, zero: bool) -> None:
    fast, dense = build_problem(arrays), build_problem(arrays, reference.dense_kernel)
    theta, rows = draw_theta(fast, seed, zero), draw_rows(fast, seed)
    a, b = (equations.row_variances(p, theta, rows) for p in (fast, dense))
    np.testing.assert_allclose(a, b, rtol=1e-7)
    c, d = (equations.joint_covariance(p, theta, rows) for p in (fast, dense))
    np.testing.assert_allclose(c, d, rtol=1e-7, atol=1e-9 * np.abs(d).max())
    np.testing.assert_allclose(np.diag(c), a, rtol=1e-8)


def test_many_rows_pass_in_chunks() -> None:
    problem = build_problem(make_model(5, (12, 6, 3), (False, False, True), (2, 1, 1), 3))
    theta, rows = draw_theta(problem, 1, False), draw_rows(problem, 2, 700)
    all_at_once = equations.row_variances(problem, theta, rows)
    one = equations.Rows(
        rows.X[-1:], tuple(v[-1:] for v in rows.levels), tuple(z[-1:] for z in rows.Z)
    )
    np.testing.assert_allclose(equations.row_variances(problem, theta, one), all_at_once[-1:])


def test_fixed_rows_give_the_covariance_of_beta() -> None:
    problem = build_problem(make_model(6, (9, 4), (False, True), (2, 1), 3))
    theta = draw_theta(problem, 3, False)
    none = tuple(np.full(3, -1, dtype=np.int32) for _ in problem.shapes)
    rows = equations.Rows(np.eye(3), none, tuple(np.ones((3, k)) for k, _ in problem.shapes))
    np.testing.assert_allclose(
        equations.joint_covariance(problem, theta, rows), unscaled_vcov(problem, theta), rtol=1e-9
    )


@given(st.integers(0, 50))
@settings(max_examples=20)
def test_henderson_from_v_itself(seed: int) -> None:
    """Var(b_hat - b) and Cov(beta_hat, b_hat - b) from n x n matrices, without the engine."""
    arrays = make_model(seed, (6, 4), (False, False), (2, 1), 2, True)
    problem = build_problem(arrays)
    theta = draw_theta(problem, seed, False)
    blocks, G = [], []
    for term, L in zip(arrays.terms, term_lambdas(problem, theta), strict=True):
        z = np.column_stack([np.ones(problem.n) if c is None else c for c in term.columns])
        m = arrays.n_levels[term.factor]
        one = np.eye(m)[arrays.codes[term.factor]]
        blocks.append((one[:, :, None] * z[:, None, :]).reshape(problem.n, -1))
        G.append(np.kron(np.eye(m), L @ L.T))
    Z = np.hstack(blocks)
    D = np.zeros((Z.shape[1], Z.shape[1]))
    at = 0
    for g in G:
        D[at : at + len(g), at : at + len(g)] = g
        at += len(g)
    V = Z @ D @ Z.T + np.diag(1.0 / arrays.weights)
    Vi, X = np.linalg.inv(V), arrays.X
    C = np.linalg.inv(X.T @ Vi @ X)
    P = Vi - Vi @ X @ C @ X.T @ Vi
    var_b, cov = D - D @ Z.T @ P @ Z @ D, -C @ X.T @ Vi @ Z @ D
    rng = np.random.default_rng(seed)
    x, z1, z2, l1, l2 = rng.normal(size=2), rng.normal(size=2), rng.normal(size=1), 3, 2
    z = np.zeros(len(D))
    z[2 * l1 : 2 * l1 + 2] = z1
    z[12 + l2] = z2[0]
    direct = x @ C @ x + z @ var_b @ z + 2 * x @ cov @ z
    levels = (np.array([l1], np.int32), np.array([l2], np.int32))
    row = equations.Rows(x[None], levels, (z1[None], z2[None]))
    np.testing.assert_allclose(equations.row_variances(problem, theta, row), direct, rtol=1e-7)


def test_without_fixed_uncertainty_it_exceeds_the_conditional_variance() -> None:
    """The joint variance of b adds what beta's estimation costs to the conditional one."""
    problem = build_problem(make_model(8, (10,), (False,), (1,), 2))
    theta = draw_theta(problem, 8, False)
    levels = (np.arange(10, dtype=np.int32),)
    rows = equations.Rows(np.zeros((10, 2)), levels, (np.ones((10, 1)),))
    joint = equations.row_variances(problem, theta, rows)
    given_beta = conditional_covariance(problem, theta)[0][:, 0, 0]
    assert np.all(joint > given_beta)
