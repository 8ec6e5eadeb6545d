"""The compiled evaluation of structured residuals equals its readable twin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise.core.structured.blockwise import evaluate_blocks
from nestwise.core.structured.compiled import evaluate_compiled

MODELS = {
    "ar1": ("y ~ t * arm", {"residual": "ar1(t | s)"}),
    "us": ("y ~ t * arm", {"residual": "us(t | s)"}),
    "toeph": ("y ~ t * arm", {"residual": "toeph(t | s)"}),
    "arms": ("y ~ t * arm", {"residual": "us(t | arm/s)"}),
    "car1": ("y ~ t + x", {"residual": "car1(t | s)"}),
    "variance": ("y ~ t + x", {"residual": "ar1(t | s)", "variance": "arm + power(x)"}),
    "variance alone": ("y ~ t + x", {"variance": "arm"}),
    "weights": ("y ~ t + x", {"residual": "cs(t | s)", "weights": "w"}),
    "weighted us": ("y ~ t", {"residual": "us(t | s)", "weights": "w"}),
    "growth": ("y ~ t * arm + (t | s)", {"residual": "ar1(t | s)"}),
    "nested": ("y ~ t + (1 | g/s)", {"residual": "ar1(t | s)", "variance": "arm"}),
    "no effects": ("y ~ 0 + t", {"residual": "ar1(t | s)"}),
    "long": ("y ~ x", {"residual": "ar1(1 | g)"}),
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n, v = 36, 5
    s, t = np.divmod(np.arange(n * v), v)
    frame = pd.DataFrame(
        {
            "y": rng.normal(size=n * v) + rng.normal(size=n)[s] + 0.3 * t,
            "t": t,
            "s": s,
            "g": s // 4,
            "x": rng.uniform(1.0, 2.0, n * v),
            "arm": np.where(s % 2, "a", "b"),
            "w": rng.integers(1, 4, n * v).astype(float),
        }
    )
    return frame[rng.random(n * v) > 0.15].reset_index(drop=True)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_readable_twin(name: str, reml: bool, data: pd.DataFrame) -> None:
    formula, settings = MODELS[name]
    call = nw.lmer if "|" in formula else nw.gls
    problem = call(formula, data, **settings).fit.problem
    rng = np.random.default_rng(1)
    for _ in range(3):
        par = rng.normal(0.3, 0.3, problem.arrays.n_par)
        twin = evaluate_blocks(problem, par, reml)
        kernel = evaluate_compiled(problem, par, reml)
        assert kernel is not None
        assert kernel.value == pytest.approx(twin.value, rel=1e-12)
        for field in ("gradient", "hessian", "delta", "Phi", "gradient_logdet", "gradient_pwrss"):
            a, b = getattr(kernel, field), getattr(twin, field)
            size = 1e-9 * max(1.0, float(np.abs(b).max(initial=0.0)))
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=size, err_msg=field)


def test_impossible_parameters_give_nan(data: pd.DataFrame) -> None:
    problem = nw.gls("y ~ t", data, residual="us(t | s)").fit.problem
    bad = np.full(problem.arrays.n_par, 800.0)
    found = evaluate_compiled(problem, bad, True)
    assert found is not None
    assert np.isnan(found.value)


def test_many_distinct_times_are_left_to_the_twin(data: pd.DataFrame) -> None:
    times = data.assign(t=np.random.default_rng(2).uniform(0, 5, len(data)))
    problem = nw.gls("y ~ x", times, residual="car1(t | s)").fit.problem
    assert evaluate_compiled(problem, np.zeros(1), True) is None
