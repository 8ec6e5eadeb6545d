"""Chains of residuals: sums over pairs of neighbours against matrices, and exact derivatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core import _kernels
from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.core.structured.blockwise import evaluate_blocks
from nestwise.core.structured.derivatives import deviance_hessian, information_derivatives
from nestwise.core.structured.evaluate import evaluate
from nestwise.core.structured.model import EffectArrays, ErrorArrays, StructuredArrays
from nestwise.core.structured.problem import StructuredProblem, make_problem
from nestwise.core.structured.weighted import invert, weighted_residuals
from nestwise.fit.structured import optimise

EFFECTS = ("none", "intercept", "slope", "two terms", "groups of subjects")
CHAINS = tuple(name for name, s in RESIDUAL_STRUCTURES.items() if s.neighbours is not None)


def random_chain(
    name: str, seed: int, effects: str = "none", weights: bool = False, n: int = 12
) -> StructuredArrays:
    """Shuffled rows of `n` subjects with some of nine visits each, in equal or unequal times."""
    rng = np.random.default_rng(seed)
    subject, visit = np.divmod(np.arange(n * 9), 9)
    kept = rng.permutation(np.flatnonzero((rng.random(n * 9) > 0.3) | (visit == 0)))
    subject, visit = subject[kept].astype(np.int32), visit[kept].astype(np.int32)
    time = visit.astype(np.float64)
    if RESIDUAL_STRUCTURES[name].neighbours == "time":
        time = np.where(subject % 3 == 0, time + rng.uniform(0.0, 0.5, time.size), time)
    X = np.column_stack([np.ones(time.size), time, rng.normal(size=time.size)])
    y = X @ [1.0, 0.5, 2.0] + rng.normal(size=time.size) + rng.normal(size=n)[subject]
    one, both = np.ones((time.size, 1)), np.column_stack([np.ones(time.size), time / 3.0])
    triangle = ((0, 0), (1, 0), (1, 1))
    terms = {
        "none": (),
        "intercept": (EffectArrays(subject, n, one, np.ones(1), ((0, 0),)),),
        "slope": (EffectArrays(subject, n, both, np.ones(2), triangle),),
        "two terms": (
            EffectArrays(subject, n, one, np.ones(1), ((0, 0),)),
            EffectArrays(subject.copy(), n, both[:, 1:], np.ones(1), ((0, 0),)),
        ),
        "groups of subjects": (
            EffectArrays((subject // 2).astype(np.int32), n // 2, both, np.ones(2), triangle),
        ),
    }[effects]
    errors = ErrorArrays(
        structure=RESIDUAL_STRUCTURES[name],
        subject=subject,
        arm=np.zeros_like(subject),
        n_arms=1,
        visit=visit,
        n_visits=9,
        time=time,
        distance=1.0,
        features=np.zeros((time.size, 0)),
        weights=rng.uniform(0.5, 2.0, time.size) if weights else None,
    )
    return StructuredArrays(y, X, terms, errors)


def somewhere(arrays: StructuredArrays, seed: int) -> FloatArray:
    par = np.random.default_rng(seed).normal(0.2, 0.5, arrays.n_par)
    return np.asarray(par)


def made(name: str, seed: int, effects: str = "none", weights: bool = False) -> StructuredProblem:
    problem = make_problem(random_chain(name, seed, effects, weights))
    assert problem.chain is not None
    return problem


def test_the_known_chains() -> None:
    assert CHAINS == ("ar1", "car1", "exp")


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("name", CHAINS)
def test_equals_the_matrices(name: str, effects: str, reml: bool) -> None:
    for seed in range(4):
        problem = made(name, seed, effects, weights=seed % 2 == 1)
        par = somewhere(problem.arrays, seed)
        chain, blocks = evaluate(problem, par, reml), evaluate_blocks(problem, par, reml)
        assert chain.value == pytest.approx(blocks.value, rel=1e-12)
        assert chain.pwrss == pytest.approx(blocks.pwrss, rel=1e-10)
        for field in ("gradient", "gradient_logdet", "gradient_pwrss", "delta", "Phi"):
            a, b = getattr(chain, field), getattr(blocks, field)
            size = 1e-10 * max(1.0, float(np.abs(b).max()))
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=size, err_msg=field)


@pytest.mark.parametrize("par", [-7.0, -2.0, 0.0, 1e-9, 3.0, 7.0])
def test_equals_the_matrices_at_extreme_correlations(par: float) -> None:
    problem = made("ar1", 7)
    at = np.array([par])
    chain, blocks = evaluate(problem, at, True), evaluate_blocks(problem, at, True)
    assert chain.value == pytest.approx(blocks.value, rel=1e-9)
    np.testing.assert_allclose(chain.gradient, blocks.gradient, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("name", CHAINS)
def test_derivatives_are_exact(name: str, effects: str, reml: bool) -> None:
    problem, step = made(name, 3, effects), 1e-5
    par = somewhere(problem.arrays, 5)
    here = evaluate(problem, par, reml)
    for i in range(par.size):
        move = np.zeros(par.size)
        move[i] = step
        up, down = evaluate(problem, par + move, reml), evaluate(problem, par - move, reml)
        assert (up.value - down.value) / (2 * step) == pytest.approx(here.gradient[i], abs=1e-6)
        slope = (up.gradient - down.gradient) / (2 * step)
        np.testing.assert_allclose(here.hessian[i], slope, atol=2e-6)


@pytest.mark.parametrize("effects", EFFECTS)
def test_weighted_residuals_equal_those_of_the_matrices(effects: str) -> None:
    for name in CHAINS:
        problem = made(name, 4, effects, weights=True)
        point = evaluate(problem, somewhere(problem.arrays, 4), True)
        e = np.asarray(problem.y0 - problem.Q @ point.delta)
        expected = invert(problem, point.par).times(e)
        np.testing.assert_allclose(weighted_residuals(problem, point), expected, atol=1e-11)


@pytest.mark.parametrize("effects", EFFECTS)
def test_the_same_optimum(effects: str) -> None:
    problem, control = made("ar1", 6, effects), Control()
    chain = optimise(problem, True, control, None)
    blocks = optimise(replace(problem, chain=None), True, control, None)
    assert chain.decrease < 1e-7
    assert chain.point.value <= blocks.point.value + 1e-8


def test_other_models_have_no_chain() -> None:
    arrays = random_chain("ar1", 1, "intercept")
    errors, term = arrays.errors, arrays.effects[0]
    n = arrays.y.size
    crossed = replace(term, codes=(np.arange(n) % 5).astype(np.int32), n_levels=5)
    twice = replace(errors, visit=np.zeros_like(errors.visit))
    arms = replace(errors, features=np.ones((n, 1)))
    others = (
        replace(arrays, effects=(crossed,)),
        replace(arrays, effects=(term, replace(term, codes=term.codes // 2))),
        replace(arrays, errors=twice),
        replace(arrays, errors=arms),
        replace(arrays, errors=replace(errors, structure=RESIDUAL_STRUCTURES["cs"])),
        replace(arrays, errors=replace(errors, structure=None)),
    )
    assert all(make_problem(other).chain is None for other in others)
    assert make_problem(arrays).chain is not None


def test_an_impossible_parameter_gives_nan() -> None:
    problem = made("ar1", 1)
    assert np.isnan(evaluate(problem, np.array([400.0]), True).value)


@pytest.mark.parametrize(("n", "p"), [(7, 0), (9, 1), (60, 5), (3000, 3), (4000, 12)])
def test_least_squares_equal_numpys(n: int, p: int) -> None:
    rng = np.random.default_rng(n + p)
    for far in (0.0, 1e6):
        X = rng.normal(size=(n, p)) + far
        y = rng.normal(size=n)
        Q, R, beta, rest = _kernels.least_squares(np.asfortranarray(X), y)
        _, triangle = np.linalg.qr(X)
        np.testing.assert_allclose(Q.T @ Q, np.eye(p), atol=1e-12)
        np.testing.assert_allclose(Q @ R, X, rtol=1e-13, atol=1e-14 * (1.0 + far))
        np.testing.assert_allclose(np.abs(R), np.abs(triangle), rtol=1e-8, atol=1e-8 * (1.0 + far))
        np.testing.assert_allclose(rest, y - X @ beta, rtol=0, atol=1e-13 * (1.0 + far))
        np.testing.assert_allclose(rest, y - Q @ (Q.T @ y), atol=1e-8)


@pytest.mark.parametrize("effects", EFFECTS)
def test_what_inference_reads_equals_the_matrices(effects: str) -> None:
    for reml in (True, False):
        problem = made("ar1", 9, effects, weights=True)
        par = somewhere(problem.arrays, 9)
        blocks = replace(problem, chain=None)
        found = information_derivatives(problem, par)
        expected = information_derivatives(blocks, par)
        np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
        H, twin = (deviance_hessian(one, par, 1.3, reml) for one in (problem, blocks))
        np.testing.assert_allclose(H, twin, rtol=1e-6, atol=1e-7 * np.abs(twin).max())
