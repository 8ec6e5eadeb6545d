"""The compiled starting values beside their readable twin."""

from __future__ import annotations

import numpy as np
import pytest

from nestwise._base.options import Control
from nestwise.core import glmm_beginning
from nestwise.core.families.registry import family_named
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.fit import glmm_start
from nestwise.fit.assemble import glmm_arrays
from nestwise.fit.glmm_begin import begin, first_eta, problem_of
from nestwise.fit.glmm_curvature import working_curvature
from nestwise.fit.glmm_start import starting_point

CONTROL = Control()

MODELS = {
    "levels": ("y ~ x + offset(o) + (1 | g)", "poisson", "log"),
    "slope": ("b ~ x + (x | g)", "binomial", "logit"),
    "crossed": ("b ~ 0 + x + (1 | g) + (0 + x | h)", "binomial", "logit"),
    "shape": ("y ~ x + (1 | g)", "negative_binomial", "log"),
    "scale": ("z ~ x + (1 | g) + (1 | h)", "gamma", "log"),
}


@pytest.mark.parametrize("rows", ["few", "many"])
@pytest.mark.parametrize("name", MODELS)
def test_same_beginning_as_the_twin(name: str, rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if rows == "many":
        monkeypatch.setattr(glmm_beginning, "FEW_ROWS", 100)
        monkeypatch.setattr(glmm_start, "FEW_ROWS", 100)
    _compare(*MODELS[name])


def _compare(formula: str, family: str, link: str) -> None:
    rng = np.random.default_rng(3)
    n = 150
    g, h = rng.permutation(np.arange(n) % 19), rng.permutation(np.arange(n) % 6)
    x, o = rng.normal(size=n) + 0.7, rng.normal(size=n)
    eta = 0.3 + 0.5 * x + rng.normal(size=19)[g] * (0.8 + 0.3 * x) + 0.6 * rng.normal(size=6)[h]
    table = {
        "x": x,
        "o": o,
        "g": g.astype(str),
        "h": h.astype(str),
        "y": rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, n)).astype(float),
        "b": (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float),
        "z": np.exp(eta) * rng.gamma(3.0, 1.0 / 3.0, n),
    }
    arrays, offset, weights = glmm_arrays(build(formula, table))
    rows = FamilyRows(family_named(family), link_named(link), arrays.y, weights)
    found, curvature = begin(arrays, offset, rows, CONTROL)
    kind = rows.family.dispersion
    twin = starting_point(arrays, offset, rows, first_eta(rows), kind, CONTROL)
    assert curvature is not None
    for part in ("par", "beta", "u"):
        np.testing.assert_allclose(getattr(found, part), getattr(twin, part), rtol=1e-7, atol=1e-7)
    assert (found.phi is None) == (twin.phi is None)
    if found.phi is not None and twin.phi is not None:
        np.testing.assert_allclose(found.phi, twin.phi, rtol=1e-5)
    for part in ("to_user", "center", "scale", "log_det"):
        np.testing.assert_allclose(
            getattr(found.layout.basis, part), getattr(twin.layout.basis, part), rtol=1e-10
        )
    np.testing.assert_allclose(found.layout.log_weights, twin.layout.log_weights, rtol=1e-8)
    problem = problem_of(arrays, offset, rows, twin, CONTROL)
    last = [] if twin.phi is None else [np.log(twin.phi)]
    psi = np.concatenate([twin.par, twin.beta, last])
    expected = working_curvature(problem, twin, kind == "scale", psi)
    size = np.abs(expected[:-1, :-1]).max()
    np.testing.assert_allclose(curvature, expected, rtol=1e-5, atol=1e-5 * size)
