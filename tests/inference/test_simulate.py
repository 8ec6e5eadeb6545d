"""Responses drawn from a fit have its means and covariances, and depend on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import mixed, table
from nestwise.inference.residuals import fitted, fixed_part

MANY = 4000


def _dense_covariance(m: nw.MixedModel) -> np.ndarray:
    """sigma^2 (Z Lambda Lambda' Z' + 1/w) from the fit's own arrays."""
    fit, design = m.fit, m.fit.design
    weights = np.ones(len(design.y)) if design.weights is None else design.weights
    V = np.diag(1.0 / weights)
    for term, L in zip(design.terms, fit.lambdas, strict=True):
        codes = design.factors[term.factor].codes
        Z = np.column_stack([np.ones(len(codes)) if z is None else z for z in term.Z])
        V += (Z @ L @ L.T @ Z.T) * (codes[:, None] == codes)
    return np.asarray(fit.sigma**2 * V)


@pytest.mark.parametrize("name", ["sleepstudy_weights", "penicillin", "sleepstudy_offset"])
def test_mean_and_covariance(name: str) -> None:
    m = mixed(name) if name != "sleepstudy_offset" else _with_offset()
    y = m.simulate(MANY, seed=1)
    assert y.shape == (m.nobs, MANY)
    V = _dense_covariance(m)
    sd = np.sqrt(np.diag(V))
    assert (np.abs(y.mean(axis=1) - fixed_part(m.fit)) < 5.0 * sd / np.sqrt(MANY)).all()
    error = np.sqrt((V**2 + np.outer(sd, sd) ** 2) / MANY)
    assert (np.abs(np.cov(y) - V) < 6.0 * error).all()


def _with_offset() -> nw.MixedModel:
    return nw.lmer("Reaction ~ Days + offset(off) + (Days | Subject)", table("sleepstudy"))


def test_conditional_keeps_the_modes() -> None:
    m = mixed("sleepstudy_weights")
    y = m.simulate(MANY, seed=2, conditional=True)
    weights = m.fit.design.weights
    assert weights is not None
    sd = m.sigma / np.sqrt(weights)
    assert (np.abs(y.mean(axis=1) - fitted(m.fit)) < 5.0 * sd / np.sqrt(MANY)).all()
    np.testing.assert_allclose(y.std(axis=1) / sd, 1.0, atol=6.0 / np.sqrt(2.0 * MANY))


def test_a_column_depends_on_seed_and_number_alone() -> None:
    m = mixed("sleepstudy")
    np.testing.assert_array_equal(m.simulate(3, seed=7), m.simulate(8, seed=7)[:, :3])
    assert not np.array_equal(m.simulate(1, seed=7), m.simulate(1, seed=8))
    assert not np.array_equal(m.simulate(1), m.simulate(1))


def test_a_linear_model() -> None:
    m = nw.lm("Reaction ~ Days", table("sleepstudy"), weights="w")
    y = m.simulate(MANY, seed=1)
    weights = m.fit.design.weights
    assert weights is not None
    np.testing.assert_allclose(y.std(axis=1) * np.sqrt(weights) / m.sigma, 1.0, atol=0.08)


def test_a_simulated_response_can_be_refitted() -> None:
    m = mixed("sleepstudy")
    again = m.refit(m.simulate(1, seed=4))
    assert again.converged
    assert again.criterion == m.refit(m.simulate(2, seed=4)[:, 0]).criterion
    assert again.criterion != m.criterion


def test_bad_arguments() -> None:
    m = mixed("sleepstudy")
    for n in (0, -1, 1.5, True):
        with pytest.raises(nw.OptionError, match="whole number above zero"):
            m.simulate(n)  # type: ignore[arg-type]
    for seed in (-1, "a", 0.5):
        with pytest.raises(nw.OptionError, match="seed="):
            m.simulate(1, seed=seed)  # type: ignore[arg-type]
