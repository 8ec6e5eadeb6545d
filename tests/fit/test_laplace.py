"""Laplace's approximation beside glmer: the same criterion at its parameters, a better optimum."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fit.laplace_models import MODELS, design_of
from nestwise._base.options import Control
from nestwise.core.families.registry import FAMILIES
from nestwise.core.links.registry import link_named
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_deviance import glmm_deviance

Load, Find = Callable[[str], Any], Callable[[str], Path]


@pytest.mark.parametrize("model", MODELS)
def test_criterion_at_glmers_parameters(model: str, oracle: Load, shared_file: Find) -> None:
    frozen = oracle("laplace")
    glmer = frozen["fits"][model]
    _, _, family, link = MODELS[model]
    design = design_of(model, frozen, shared_file)
    control = Control(laplace="expected")
    criterion = glmm_deviance(design, FAMILIES[family], link_named(link), control)
    here = np.concatenate([np.atleast_1d(glmer["theta"]), glmer["beta"]])
    assert criterion.value(here) == pytest.approx(glmer["deviance"], abs=1e-6)
    # glmer stops where the criterion is nearly flat.
    assert np.abs(criterion.gradient(here)).max() < 1.0


@pytest.mark.parametrize("model", MODELS)
def test_never_worse_than_glmer(model: str, oracle: Load, shared_file: Find) -> None:
    frozen = oracle("laplace")
    glmer = frozen["fits"][model]
    _, _, family, link = MODELS[model]
    design = design_of(model, frozen, shared_file)
    control = Control(laplace="expected")
    fit = fit_glmm(design, FAMILIES[family], link_named(link), control=control)
    assert fit.verdict.converged
    assert fit.criterion <= min(glmer["deviance"], glmer["usual"]) + 1e-6
    size = np.sqrt(fit.vcov.diagonal())
    np.testing.assert_allclose((fit.beta - glmer["beta"]) / size, 0.0, atol=5e-3)
    np.testing.assert_allclose(size, glmer["se"], rtol=5e-3)


def test_gradient_in_the_users_units(oracle: Load, shared_file: Find) -> None:
    design = design_of("epil", oracle("laplace"), shared_file)
    for family in ("poisson", "negative_binomial", "gamma"):
        link = link_named("log")
        if family == "gamma":
            design = design_of("grouseticks", oracle("laplace"), shared_file)
            design.y[:] = design.y + 1.0
        criterion = glmm_deviance(design, FAMILIES[family], link)
        here = criterion.start + 0.05
        gradient = criterion.gradient(here)
        for i in range(len(here)):
            e = np.zeros(len(here))
            e[i] = 1e-5
            slope = (criterion.value(here + e) - criterion.value(here - e)) / 2e-5
            assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)
