"""Digits that rounding takes are told where they cannot be kept."""

from __future__ import annotations

import numpy as np
import pytest

from nestwise.design import build
from nestwise.fit.lmm import fit_lmm
from nestwise.workflow.datasets import load_dataset


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("Reaction ~ Days + (far || Subject)", True),
        ("Reaction ~ Days + (0 + far | Subject)", True),
        ("Reaction ~ Days + (far | Subject)", False),
        ("Reaction ~ Days + (Days || Subject)", False),
        ("Reaction ~ Days + (1 | Subject)", False),
    ],
)
def test_covariates_far_from_zero_that_cannot_be_centred(formula: str, told: bool) -> None:
    data = load_dataset("sleepstudy").assign(far=lambda d: d["Days"] + 1e6)
    found = [d for d in fit_lmm(build(formula, data)).diagnostics if d.code == "digits"]
    assert bool(found) == told
    if told:
        assert "about 11 of 16 digits" in found[0].message


def test_a_residual_variance_that_is_all_but_zero() -> None:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), 5)
    y = 3.0 * rng.normal(size=12)[g] + 1e-4 * rng.normal(size=60)
    fit = fit_lmm(build("y ~ 1 + (1 | g)", {"y": y, "g": g}))
    assert [d.code for d in fit.diagnostics] == ["digits"]
    assert "times the residual's" in fit.diagnostics[0].message
