"""What the exact Hessian adds to a verdict: saddles in the middle of the parameter space."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise._base.options import Control
from nestwise.core.problem import build_problem
from nestwise.design import build
from nestwise.fit.assemble import model_arrays
from nestwise.fit.boundary import settle
from nestwise.fit.curvature import confirm, curvature_at, exact_hessian, profiled, way_down
from nestwise.fit.descent import descend
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.newton import minimise
from nestwise.fit.patterned import leave_saddles, patterned_objective
from nestwise.fit.point import Point, evaluate_point
from nestwise.workflow.datasets import load_dataset

MURRAY = [(1, 1), (1, -1), (-1, 1), (-1, -1)] + 2 * [
    (2, None), (-2, None), (None, 2), (None, -2)
]  # fmt: skip
"""Murray (1977), J. R. Stat. Soc. B 39, 27-28: pairs of which one value may be missing. Their
likelihood has a saddle at correlation 0 and maxima at correlations of 1/2 and -1/2, with variances
of 8/3."""

ERROR = 0.01
"""Each value is observed twice, so much above and below: the residual variance is then known."""


def murray() -> pd.DataFrame:
    """Murray's pairs as repeated measurements."""
    rows = [
        (i, trait, value + side)
        for i, pair in enumerate(MURRAY)
        for trait, value in zip("ab", pair, strict=True)
        if value is not None
        for side in (ERROR, -ERROR)
    ]
    return pd.DataFrame(rows, columns=["id", "trait", "y"])


def test_murrays_saddle_is_left_for_one_of_his_maxima() -> None:
    model = nw.lmer("y ~ 0 + (0 + trait | id)", murray(), REML=False)
    variance = model.varcorr()["vcov"].to_numpy()
    assert variance[:2] == pytest.approx([8 / 3, 8 / 3], abs=2 * ERROR**2)
    assert abs(variance[2]) == pytest.approx(4 / 3, abs=2 * ERROR**2)
    assert model.fit.verdict.status == "converged"
    assert model.convergence_check().agrees


def test_without_the_hessian_the_optimiser_ends_at_the_saddle() -> None:
    """What the test above would not show if the optimiser never got there."""
    problem = build_problem(model_arrays(build("y ~ 0 + (0 + trait | id)", murray())))
    control = Control()
    path, _ = settle(
        problem, False, descend(problem, False, np.array([20.0, 0, 20]), control), control
    )
    assert (path.stopped, path.point.par[1]) == ("tolerance", 0.0)
    confirmed = confirm(problem, False, path, False, control)
    assert confirmed.path.point.value < path.point.value - 0.1
    assert not confirmed.saddle
    assert np.linalg.eigvalsh(profiled(confirmed.curvature.hessian))[0] > 0.0


def test_a_saddle_of_structured_terms_is_left() -> None:
    """The same with a common variance: compound symmetry begins at correlation 0."""
    model = nw.lmer("y ~ 0 + cs(0 + trait | id)", murray(), REML=False)
    assert abs(model.fit.par[-1]) > 0.1
    problem, control = model.fit.problem, Control()
    function = patterned_objective(problem, False)
    start = model.fit.par.copy()
    start[-1] = 0.0
    path = minimise(function, start, control)
    assert path.point.value > model.criterion + 0.1
    left = leave_saddles(problem, False, path, control)
    assert left.path.point.value == pytest.approx(model.criterion, abs=1e-6)
    assert not left.saddle


def quartic(x: np.ndarray) -> Point:
    """A saddle at (0, 0) with minima at (+-1, 0)."""
    value = float((x[0] ** 2 - 1.0) ** 2 + x[1] ** 2)
    gradient = np.array([4.0 * x[0] * (x[0] ** 2 - 1.0), 2.0 * x[1]])
    return Point(x, value, gradient, np.eye(2), 1, None)  # type: ignore[arg-type]


def test_the_way_down_follows_the_negative_curvature() -> None:
    lower = way_down(quartic, np.zeros(2), 1.0, np.diag([-4.0, 2.0]))
    assert lower is not None
    assert lower.value < 0.9
    assert lower.par[1] == 0.0
    assert way_down(quartic, np.array([1.0, 0.0]), 0.0, np.diag([8.0, 2.0])) is None


def test_negative_curvature_that_leads_nowhere_is_rounding() -> None:
    assert way_down(quartic, np.array([1.0, 0.0]), 0.0, np.diag([-1e-6, 2.0])) is None


def test_a_fit_keeps_its_hessian_and_others_do_not_get_it() -> None:
    fit = fit_lmm(build("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy")))
    assert fit.curvature is not None
    assert exact_hessian(fit) is fit.curvature.hessian
    other = fit_lmm(
        build("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy")), reml=False
    )
    assert not np.allclose(exact_hessian(other), exact_hessian(fit), rtol=1e-3)


def test_many_levels_need_no_hessian_where_it_is_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    g, h = np.arange(12_000) % 1500, rng.integers(0, 1200, 12_000)
    y = rng.normal(size=1500)[g] + rng.normal(size=1200)[h] + rng.normal(size=12_000)
    design = build("y ~ 1 + (1 | g) + (1 | h)", pd.DataFrame({"g": g, "h": h, "y": y}))
    monkeypatch.setattr("nestwise.core.optimum.DEAR", 0.0)
    fit = fit_lmm(design)
    assert fit.curvature is None
    # Average information has the curvature but for a few per cent: here is how many.
    working, par = fit.working, fit.working_theta * fit.working.theta_scale
    model = evaluate_point(working, par, True)
    exact = profiled(curvature_at(working, True, model).hessian)
    scale = np.outer(working.theta_scale, working.theta_scale)
    ratio = np.linalg.eigvals(np.linalg.solve(model.hessian, exact / scale))
    np.testing.assert_allclose(ratio, 1.0, atol=0.1)
    monkeypatch.setattr("nestwise.core.optimum.DEAR", 1e9)
    assert fit_lmm(design).curvature is not None


def test_many_nested_levels_have_their_hessian() -> None:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(1500), 4)
    data = pd.DataFrame({"g": g, "y": rng.normal(size=1500)[g] + rng.normal(size=6000)})
    assert fit_lmm(build("y ~ 1 + (1 | g)", data)).curvature is not None
