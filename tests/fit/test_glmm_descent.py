"""The compiled optimiser beside its readable twin."""

from __future__ import annotations

import numpy as np
import pytest

from nestwise._base.options import Control
from nestwise.core.families.registry import family_named
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.design.model import Design
from nestwise.fit.glmm_curvature import first_curvature
from nestwise.fit.glmm_descent import compiled_path, descend_glmm
from nestwise.fit.glmm_model import GlmmModel, make_glmm
from nestwise.fit.glmm_newton import GlmmPath, criterion_of
from nestwise.fit.glmm_quadrature import laplace_kernel, with_points_of

CONTROL = Control()

MODELS = {
    "levels": ("y ~ x + (1 | g)", "poisson", "log", 1),
    "levels by quadrature": ("y ~ x + (1 | g)", "poisson", "log", 7),
    "slope": ("b ~ x + (x | g)", "binomial", "logit", 1),
    "crossed": ("b ~ x + (1 | g) + (1 | h)", "binomial", "logit", 1),
    "dispersion": ("y ~ x + (1 | g)", "negative_binomial", "log", 1),
    "scale": ("z ~ x + (1 | g)", "gamma", "log", 1),
}


def _design(formula: str) -> Design:
    rng = np.random.default_rng(11)
    n = 160
    g, h = rng.permutation(np.arange(n) % 20), rng.permutation(np.arange(n) % 7)
    x = rng.normal(size=n)
    eta = 0.4 + 0.5 * x + rng.normal(size=20)[g] * (0.8 + 0.4 * x) + 0.5 * rng.normal(size=7)[h]
    table = {
        "x": x,
        "g": g.astype(str),
        "h": h.astype(str),
        "y": rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, n)).astype(float),
        "b": (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float),
        "z": np.exp(eta) * rng.gamma(3.0, 1.0 / 3.0, n),
    }
    return build(formula, table)


def _model(name: str) -> GlmmModel:
    formula, family, link, n_agq = MODELS[name]
    chosen = family_named(family)
    model = make_glmm(_design(formula), chosen, link_named(link), CONTROL, laplace_kernel)
    return model if n_agq == 1 else with_points_of(model, CONTROL, n_agq)


def _both(name: str) -> tuple[GlmmPath, GlmmPath]:
    model = _model(name)
    problem, start = model.problem, model.start
    function = criterion_of(problem)
    last = [] if start.phi is None else [np.log(start.phi)]
    first = function(np.concatenate([start.par, start.beta, last]), start.u)
    guess, _ = first_curvature(problem, start, model.has_scale, first, function)
    compiled = compiled_path(problem, first.psi, start.u, guess, CONTROL)
    assert compiled is not None
    return compiled, descend_glmm(function, first, guess, CONTROL)


@pytest.mark.parametrize("name", MODELS)
def test_same_steps_as_the_twin(name: str) -> None:
    compiled, twin = _both(name)
    assert compiled.stopped == twin.stopped
    # The compiled one counts its first evaluation, too.
    assert compiled.n_evaluations == twin.n_evaluations + 1
    np.testing.assert_allclose(compiled.point.psi, twin.point.psi, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(compiled.point.value, twin.point.value, rtol=1e-12)
    size = np.abs(twin.hessian).max()
    np.testing.assert_allclose(compiled.hessian, twin.hessian, rtol=1e-5, atol=1e-6 * size)
    np.testing.assert_allclose(compiled.point.result.u, twin.point.result.u, atol=1e-7)
    np.testing.assert_allclose(compiled.point.result.eta, twin.point.result.eta, atol=1e-7)
    np.testing.assert_allclose(
        np.concatenate([compiled.point.result.grad_lambda, compiled.point.result.grad_beta]),
        compiled.point.gradient[: len(compiled.point.psi) - (name in ("dispersion", "scale"))],
    )


def test_no_modes_at_the_start_are_told() -> None:
    model = _model("levels")
    size = model.problem.size
    psi = np.full(size, np.nan)
    assert compiled_path(model.problem, psi, None, np.eye(size), CONTROL) is None


def test_families_of_numpy_are_left_to_the_twin() -> None:
    family = family_named("binomial")
    model = make_glmm(_design("b ~ x + (1 | g)"), family, link_named("probit"), CONTROL)
    size = model.problem.size
    assert compiled_path(model.problem, np.zeros(size), None, np.eye(size), CONTROL) is None
