"""The compiled descent and the compiled start are what their Python twins are."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.random_models import make_model
from nestwise._base.options import Control
from nestwise.core.components import component_moments
from nestwise.core.optimum import descent
from nestwise.core.problem import build_problem
from nestwise.core.reference import dense_kernel
from nestwise.core.start import moment_start
from nestwise.design import build
from nestwise.fit import descent as module
from nestwise.fit.descent import compiled_path, descend, objective
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.start import starting_par
from nestwise.workflow.datasets import load_dataset


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_starts_agree(seed: int, nested: bool) -> None:
    problem = build_problem(make_model(seed, (20, 7), (False, nested), (3, 1), 2, True))
    gram, quadratic = component_moments(problem)
    widths = [k for k, _ in problem.shapes]
    slow = moment_start(gram, quadratic, problem.n, problem.entries, widths)
    np.testing.assert_allclose(starting_par(problem), slow, rtol=1e-6, atol=1e-8)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_descents_agree(seed: int, reml: bool) -> None:
    problem = build_problem(make_model(seed, (25, 6), (False, False), (2, 1), 3, True))
    start = starting_par(problem)
    fast = descend(problem, reml, start, Control())
    with patch.object(module, "compiled_path", lambda *a: None):
        slow = descend(problem, reml, start, Control())
    assert fast.point.value == pytest.approx(slow.point.value, abs=1e-7)
    assert fast.stopped == slow.stopped


def test_the_point_is_the_one_that_is_evaluated() -> None:
    problem = build_problem(make_model(3, (25, 6), (False, False), (2, 1), 3, True))
    path = compiled_path(problem, True, starting_par(problem), Control())
    assert path is not None
    same = objective(problem, True)(path.point.par)
    assert path.point.value == pytest.approx(same.value, abs=1e-9)
    np.testing.assert_allclose(path.point.gradient, same.gradient, atol=1e-8)
    np.testing.assert_allclose(path.point.hessian, same.hessian, rtol=1e-8, atol=1e-9)
    for name in ("beta", "RX", "u", "gram", "score", "faces", "residual_gram", "grad_pwrss"):
        mine, theirs = getattr(path.point.result, name), getattr(same.result, name)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9, err_msg=name)


def test_it_leaves_where_a_variance_becomes_small_and_runs_out_when_told() -> None:
    problem = build_problem(make_model(3, (25, 6), (False, False), (2, 1), 3, True))
    start = starting_par(problem)
    left = descent(problem, start, True, 1e-9, 200, 6, 1e3)
    assert left is not None
    assert (left.stopped, left.n_evaluations) == ("left", 1)
    out = descent(problem, start, True, 1e-9, 2, 6, 0.0)
    assert out is not None
    assert (out.stopped, out.n_evaluations) == ("evaluations", 2)
    assert (
        descent(
            build_problem(
                make_model(3, (9, 4), (False, False), (1, 1), 2, True), make_kernel=dense_kernel
            ),
            start,
            True,
            1e-9,
            2,
            6,
            0.0,
        )
        is None
    )


@pytest.mark.parametrize("reml", [True, False])
def test_fits_are_the_same_without_it(reml: bool) -> None:
    for formula, name in (
        ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
        ("diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin"),
        ("Yield ~ 1 + (1 | Batch)", "Dyestuff2"),
    ):
        design = build(formula, load_dataset(name))
        fast = fit_lmm(design, reml=reml)
        with patch.object(module, "compiled_path", lambda *a: None):
            slow = fit_lmm(design, reml=reml)
        assert fast.criterion == pytest.approx(slow.criterion, abs=1e-8)
        assert fast.verdict.status == slow.verdict.status
        np.testing.assert_allclose(fast.theta, slow.theta, rtol=1e-5)
        np.testing.assert_allclose(fast.unscaled_vcov, slow.unscaled_vcov, rtol=1e-5)
