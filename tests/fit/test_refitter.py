"""The compiled optimiser finds what its Python twin finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.random_models import make_model
from nestwise._base.errors import DataError
from nestwise._base.options import Control
from nestwise.core.optimum import optimum, response_statistics
from nestwise.core.problem import build_problem
from nestwise.design import build
from nestwise.fit.descent import objective
from nestwise.fit.lmm import fit_lmm, refit
from nestwise.fit.newton import minimise
from nestwise.fit.refitter import make_refitter
from nestwise.fit.start import starting_par
from nestwise.workflow.datasets import load_dataset


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=25)
def test_twins_reach_the_same_optimum(seed: int, reml: bool, nested: bool) -> None:
    arrays = make_model(seed, (20, 7), (False, nested), (2, 1), 3, True)
    problem = build_problem(arrays)
    start = starting_par(problem)
    slow = minimise(objective(problem, reml), start, Control())
    statistics = response_statistics(problem, arrays, arrays.y)
    fast = optimum(problem, statistics, start, reml, 1e-9, 200)
    assert fast.criterion == pytest.approx(slow.point.value, abs=1e-6)
    assert fast.decrease < 1e-6


@pytest.mark.parametrize("reml", [True, False])
def test_refits_are_those_of_refit(reml: bool) -> None:
    design = build("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    fit = fit_lmm(design, reml=reml)
    refitter = make_refitter(fit)
    rng = np.random.default_rng(3)
    for scale in (0.5, 1.0, 4.0):
        y = design.y + scale * 30.0 * rng.normal(size=len(design.y))
        fast, slow = refitter.fit_response(y), refit(fit, y)
        assert fast.converged
        assert fast.criterion == pytest.approx(slow.criterion, abs=1e-6)
        assert fast.sigma == pytest.approx(slow.sigma, rel=1e-4)
        assert fast.singular == slow.verdict.singular
        np.testing.assert_allclose(fast.beta, slow.beta, rtol=1e-5)


def test_zero_variances_are_exactly_zero() -> None:
    fit = fit_lmm(build("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff")))
    noise = load_dataset("Dyestuff2")["Yield"].to_numpy()
    again = make_refitter(fit).fit_response(noise)
    assert (again.theta.tolist(), again.singular, again.converged) == ([0.0], True, True)
    assert again.criterion == pytest.approx(161.8282778, abs=1e-6)


def test_weights_and_offset_are_respected() -> None:
    rng = np.random.default_rng(0)
    data = load_dataset("sleepstudy").assign(w=rng.uniform(0.5, 2, 180), o=rng.normal(size=180))
    fit = fit_lmm(build("Reaction ~ Days + offset(o) + (1 | Subject)", data, weights="w"))
    again = make_refitter(fit).fit_response(fit.design.y)
    assert again.criterion == pytest.approx(fit.criterion, abs=1e-7)
    np.testing.assert_allclose(again.beta, fit.beta, rtol=1e-7)


def test_a_response_of_the_wrong_length_is_refused() -> None:
    fit = fit_lmm(build("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff")))
    with pytest.raises(DataError, match="30 finite numbers"):
        make_refitter(fit).fit_response(np.zeros(4))
