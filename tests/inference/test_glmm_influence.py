"""Influence and leverage in GLMMs: lme4's refits, and the working equations written out densely."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.linalg

import nestwise as nw
from fit.r_glmms import design_of
from inference.glmm_models import cbpp
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.influence import cooks_distance, influence
from nestwise.inference.leverage import hatvalues

Oracle = Callable[[str], Any]
MODELS = ("cbpp", "bern_slope", "poisson_offset", "gamma_log", "probit", "nb")


@lru_cache(maxsize=8)
def fitted(name: str) -> GlmmFit:
    return fit_glmm(*design_of(name))


def _deleted(m: nw.GeneralizedMixedModel, by: str, want: dict[str, Any]) -> None:
    """lme4's dfbeta are the coefficients without the level less the whole fit's."""
    found = m.influence(by).influence
    order = [list(map(str, found.levels)).index(level) for level in want["levels"]]
    np.testing.assert_allclose(-found.dfbeta[order], want["dfbeta"], atol=3e-4)
    assert found.n_failed == 0


def test_levels_left_out_as_lme4(oracle: Oracle, shared_file: Callable[[str], Path]) -> None:
    want = oracle("glmm_influence")
    _deleted(cbpp(), "herd", want["cbpp"])
    ticks = pd.read_csv(shared_file("grouseticks.csv"), dtype={"YEAR": str, "LOCATION": str})
    m = nw.glmer("TICKS ~ YEAR + cHEIGHT + (1 | LOCATION)", ticks, family="poisson")
    _deleted(m, "LOCATION", want["ticks"])


def test_statistics_are_those_of_fits_without_the_level() -> None:
    m, data = cbpp(), nw.load_dataset("cbpp")
    i = m.influence("herd")
    for g in (0, 7):
        less = m.update(data=data[data["herd"].astype(str) != str(i.influence.levels[g])])
        change = (m.params - less.params).to_numpy()
        np.testing.assert_allclose(i.dfbetas[g], change / less.bse, rtol=1e-3, atol=1e-5)
        cook = change @ np.linalg.solve(m.vcov(), change) / 4
        assert i.cooks_distance[g] == pytest.approx(cook, rel=1e-3)
    np.testing.assert_allclose(m.cooks_distance("herd"), i.cooks_distance)
    rows = m.influence()
    less = m.update(data=data.drop(index=3))
    np.testing.assert_allclose(rows.influence.beta[3], less.params, atol=1e-5)
    assert list(rows.table["row"][:5]) == [0, 0, 0, 0, 1]


class Dense:
    """The mixed-model equations of the working model, rows by rows, with nothing clever."""

    def __init__(self, fit: GlmmFit) -> None:
        design, n = fit.design, fit.design.y.size
        blocks, penalties = [design.fixed.X], [np.zeros((fit.beta.size,) * 2)]
        for term, L in zip(design.terms, fit.lambdas, strict=True):
            factor, k = design.factors[term.factor], len(term.columns)
            Z = np.zeros((n, factor.n_levels, k))
            for j, z in enumerate(term.Z):
                Z[np.arange(n), factor.codes, j] = 1.0 if z is None else z
            blocks.append(Z.reshape(n, -1) @ np.kron(np.eye(factor.n_levels), L))
            penalties.append(np.eye(factor.n_levels * k))
        self.T = np.hstack(blocks)
        self.penalty = scipy.linalg.block_diag(*penalties)
        weights = np.ones(n) if design.weights is None else design.weights
        terms = fit.family.rows(design.y, fit.eta, weights, fit.phi, fit.link)
        self.W = -terms.d2 * fit.sigma**2
        self.score, self.beta = terms.d1 * fit.sigma**2, fit.beta

    def without(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients after a step from the estimates, and standard errors over sigma."""
        keep, p = np.setdiff1d(np.arange(len(self.W)), rows), len(self.beta)
        T, W = self.T[keep], self.W[keep]
        inverse = np.linalg.inv(T.T @ (W[:, None] * T) + self.penalty)
        lost = self.T[rows].T @ self.score[rows]
        return self.beta - (inverse @ lost)[:p], np.sqrt(np.diag(inverse)[:p])


@pytest.mark.parametrize("name", MODELS)
def test_leverages(name: str) -> None:
    fit, dense = fitted(name), Dense(fitted(name))
    inverse = np.linalg.inv(dense.T.T @ (dense.W[:, None] * dense.T) + dense.penalty)
    want = dense.W * np.einsum("ni,ij,nj->n", dense.T, inverse, dense.T)
    np.testing.assert_allclose(hatvalues(fit), want, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_one_step_is_a_step_of_scoring_on_the_rest(name: str) -> None:
    fit, dense = fitted(name), Dense(fitted(name))
    i = influence(fit, None, exact=False)
    for row in (0, 17):
        beta, error = dense.without(np.array([row]))
        np.testing.assert_allclose(i.beta[row], beta, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(i.std_error[row], fit.sigma * error, rtol=1e-6)
    factor = fit.design.factors[0]
    i = influence(fit, factor.name, exact=False)
    for level in (0, 3):
        beta, error = dense.without(np.flatnonzero(factor.codes == level))
        np.testing.assert_allclose(i.beta[level], beta, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(i.std_error[level], fit.sigma * error, rtol=1e-6)


@pytest.mark.parametrize("name", ["cbpp", "poisson_offset"])
def test_one_step_is_near_the_refits(name: str) -> None:
    fit = fitted(name)
    by = fit.design.factors[-1].name
    exact, step = (influence(fit, by, exact=e).cooks_distance for e in (True, False))
    assert np.corrcoef(exact, step)[0, 1] > 0.95


def test_cooks_distance_of_rows_by_pearson_residual_and_leverage() -> None:
    m = cbpp()
    r, h = m.residuals("pearson"), m.hatvalues()
    np.testing.assert_allclose(m.cooks_distance(), (r / (1 - h)) ** 2 * h / 4, rtol=1e-12)
    np.testing.assert_array_equal(cooks_distance(m.fit), m.cooks_distance())
    with pytest.raises(nw.OptionError, match="did you mean 'herd'"):
        m.influence("hrd")
