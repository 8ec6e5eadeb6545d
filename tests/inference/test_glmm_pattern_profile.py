"""Profiles of GLMMs with structured random effects: glmmTMB's, the free matrix's, brute force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import nestwise as nw
from nestwise.core.patterns import n_parameters, par_of
from nestwise.core.residual.toeplitz import autocorrelations
from nestwise.fit.glmm_model import make_glmm
from nestwise.fit.glmm_patterned import patterned_criterion

Oracle = Callable[[str], Any]


@pytest.fixture(scope="module")
def counts(oracle: Oracle) -> pd.DataFrame:
    table = pd.DataFrame(oracle("glmm_patterned")["data"])
    return table.assign(t=table["time"].astype(str))


def _intervals(m: nw.GeneralizedMixedModel, **options: Any) -> np.ndarray:
    return m.confint("profile", **options)[["conf_low", "conf_high"]].to_numpy()


def test_autoregression_as_glmmtmb(counts: pd.DataFrame, oracle: Oracle) -> None:
    """glmmTMB interpolates between 8 points."""
    want = oracle("glmm_patterned_profile")
    m = nw.glmer("y ~ x + ar1(0 + t | id)", counts, family="poisson")
    ends = np.array([want["sd"], want["rho"], *want["beta"]])
    np.testing.assert_allclose(_intervals(m), ends, atol=1.5e-4)


@pytest.mark.parametrize("structure", ["cs", "hetar1", "toep"])
def test_two_effects_are_the_free_matrix(counts: pd.DataFrame, structure: str) -> None:
    table = counts[counts["time"] <= 2]
    free = nw.glmer("y ~ x + (0 + t | id)", table, family="poisson")
    m = nw.glmer(f"y ~ x + {structure}(0 + t | id)", table, family="poisson")
    assert m.criterion == pytest.approx(free.criterion, abs=1e-7)
    order = [0, 2, 1, 3, 4]
    np.testing.assert_allclose(_intervals(m), _intervals(free)[order], atol=1e-4)


def test_a_later_lag_by_brute_force(counts: pd.DataFrame) -> None:
    """At the ends of its interval the best fit with this correlation is 3.84 worse."""
    m = nw.glmer("y ~ x + homtoep(0 + t | id)", counts[counts["time"] <= 3], family="poisson")
    ends = _intervals(m, params=["cor_lag2|id"])[0]
    model = make_glmm(m.fit.design, m.fit.family, m.fit.link, m.fit.control, centre=False)
    function, layout = patterned_criterion(model.problem), model.problem.layout
    beta = np.linalg.solve(layout.basis.to_user, m.fit.beta)
    start = np.concatenate([par_of(layout, m.fit.theta), beta])
    assert n_parameters(layout) == 3

    def value(free: np.ndarray) -> tuple[float, np.ndarray]:
        found = function(free, None)
        return found.value, found.gradient

    for end in ends:
        rule = {"type": "eq", "fun": lambda free, end=end: autocorrelations(free[1:3])[0][2] - end}
        best = minimize(value, start, jac=True, method="SLSQP", constraints=[rule], tol=1e-10)
        assert best.fun - m.criterion == pytest.approx(3.8414588, abs=2e-3)


def test_a_covariance_at_its_limits(counts: pd.DataFrame) -> None:
    noise = np.random.default_rng(1).poisson(2.0, len(counts))
    m = nw.glmer("y ~ 1 + cs(0 + t | id)", counts.assign(y=noise), family="poisson")
    assert m.is_singular
    p = m.profile(["sd_t1|id", "cor_rho|id"])
    ends = p.confint()
    assert ends["conf_low"][0] == 0.0
    assert 0.2 < ends["conf_high"][0] < 0.6
    assert ends["conf_low"][1] == pytest.approx(-0.25, abs=2e-3)
    assert ends["conf_high"][1] == pytest.approx(1.0, abs=2e-3)
    assert sum("boundary" in note for note in p.notes) >= 3


def test_a_structure_beside_a_plain_term(counts: pd.DataFrame) -> None:
    """Intercepts of variance zero change nothing of the other intervals."""
    m = nw.glmer("y ~ x + (1 | id) + ar1(0 + t | id)", counts, family="poisson")
    alone = nw.glmer("y ~ x + ar1(0 + t | id)", counts, family="poisson")
    found = _intervals(m)
    assert found[0, 0] == 0.0
    np.testing.assert_allclose(found[3:], _intervals(alone)[2:], atol=2e-3)
