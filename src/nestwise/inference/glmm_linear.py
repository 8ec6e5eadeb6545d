"""Linear predictors of a generalised linear mixed model for given rows, with what is uncertain.

The error of a conditional prediction has two parts: the random effects are uncertain even when all
parameters are known, and the parameters are estimated, which moves the modes too. The second part
takes the covariance of (theta, beta, log phi) from the exact Hessian.

Source: Kristensen, Nielsen, Berg, Skaug & Bell (2016), J. Stat. Softw. 70(5), eq. 6 (the
generalised delta method); Booth & Hobert (1998), JASA 93, 262-272.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.core.equations import row_variances
from nestwise.core.lmm import term_lambdas
from nestwise.core.mode_sensitivity import ModeSensitivity, WorkingRows, mode_sensitivity
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.model_rows import ModelRows, equation_rows, point_predictions

STEP = 1e-5
"""Of the central difference of a quadratic in theta, which is exact."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearPredictions:
    """Linear predictors and their sources of uncertainty.

    Parameters
    ----------
    eta : (r,) float64
        At the modes, effects that are not conditioned on left at zero.
    slopes : (r, K) float64
        Derivatives by (theta, beta, log phi), the modes moving with them.
    latent : (r,) float64
        Variance of the random effects conditioned on, given the data and all parameters.
    open_variance : (r,) float64
        Variance of the effects that are not conditioned on: left out, or of unseen groups.
    open_slopes : (r, K) float64
        Its derivatives by (theta, beta, log phi).
    """

    eta: FloatArray
    slopes: FloatArray
    latent: FloatArray
    open_variance: FloatArray
    open_slopes: FloatArray

    def variance(self, par_vcov: FloatArray) -> FloatArray:
        """(r,) of the error of `eta`, the open effects not counted."""
        moved = np.einsum("ri,ij,rj->r", self.slopes, par_vcov, self.slopes)
        return np.asarray(self.latent + moved)


def linear_predictions(fit: GlmmFit, rows: ModelRows, left_out: bool) -> LinearPredictions:
    """Linear predictors of rows, and what is uncertain about them.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    rows : ModelRows
        The rows, with the random effects that are conditioned on.
    left_out : bool
        Whether effects of known groups that are not conditioned on count as open; those of unseen
        groups always do.

    Returns
    -------
    LinearPredictions
    """
    factors = tuple(term.factor for term in fit.design.terms)
    eta = point_predictions(rows, factors, fit.beta, fit.modes)
    m, p, K = fit.theta.size, fit.beta.size, len(fit.par_vcov)
    slopes = np.zeros((len(eta), K))
    slopes[:, m : m + p] = rows.X
    latent = np.zeros(len(eta))
    if rows.selection:
        moved = sensitivity(fit)
        _add_effects(fit, rows, moved, slopes)
        by_beta = slopes[:, m : m + p]
        known = np.einsum("ri,ij,rj->r", by_beta, moved.unscaled_vcov, by_beta)
        total = row_variances(fit.problem, fit.theta, equation_rows(fit, rows))
        latent = fit.sigma**2 * np.maximum(total - known, 0.0)
    variance = _open_variance(fit, rows, fit.theta, left_out)
    return LinearPredictions(eta, slopes, latent, variance, _open_slopes(fit, rows, left_out))


@memo
def sensitivity(fit: GlmmFit) -> ModeSensitivity:
    """Derivatives of the modes by the parameters; made once a fit."""
    design, shapes = fit.design, fit.problem.shapes
    n = design.y.size
    columns = [np.empty((n, k)) for k, _ in shapes]
    for term, block in zip(design.terms, fit.problem.terms, strict=True):
        for j, z in enumerate(term.Z):
            columns[block.factor][:, block.first + j] = 1.0 if z is None else z
    weights = np.ones(n) if design.weights is None else design.weights
    terms = fit.family.rows(design.y, fit.eta, weights, fit.phi, fit.link)
    rows = WorkingRows(
        X=design.fixed.X,
        codes=tuple(f.codes for f in design.factors),
        columns=tuple(columns),
        d1=terms.d1,
        W=-terms.d2,
        phi_d1=terms.phi_d1,
        has_scale=fit.family.dispersion == "scale",
    )
    return mode_sensitivity(fit.problem, fit.theta, fit.sigma, rows)


def _add_effects(fit: GlmmFit, rows: ModelRows, moved: ModeSensitivity, slopes: FloatArray) -> None:
    """Add to the slopes what the modes of the chosen effects contribute."""
    for t, columns in rows.selection:
        block = fit.problem.terms[t]
        effects = moved.effects[block.factor]
        level = rows.codes[block.factor]
        known = np.flatnonzero(level >= 0)
        for j in columns:
            z = rows.Z[t][j]
            by_level = effects[level[known], block.first + j]
            slopes[known] += by_level if z is None else z[known, None] * by_level


def _open_variance(fit: GlmmFit, rows: ModelRows, theta: FloatArray, left_out: bool) -> FloatArray:
    """(r,): variance of the effects that are not conditioned on."""
    chosen = dict(rows.selection)
    total = np.zeros(len(rows.X))
    for t, La in enumerate(term_lambdas(fit.problem, theta)):
        unseen = rows.codes[fit.design.terms[t].factor] < 0
        z = np.zeros((len(total), len(La)))
        for j, column in enumerate(rows.Z[t]):
            counts = unseen if j in chosen.get(t, ()) else np.full(len(total), left_out)
            z[:, j] = np.where(counts, 1.0 if column is None else column, 0.0)
        total += np.square(z @ La).sum(axis=1)
    return fit.sigma**2 * total


def _open_slopes(fit: GlmmFit, rows: ModelRows, left_out: bool) -> FloatArray:
    """(r, K): its derivatives."""
    out = np.zeros((len(rows.X), len(fit.par_vcov)))
    for i in range(fit.theta.size):
        shift = np.zeros(fit.theta.size)
        shift[i] = STEP
        ahead = _open_variance(fit, rows, fit.theta + shift, left_out)
        back = _open_variance(fit, rows, fit.theta - shift, left_out)
        out[:, i] = (ahead - back) / (2.0 * STEP)
    if fit.family.dispersion == "scale":
        out[:, -1] = _open_variance(fit, rows, fit.theta, left_out)
    return out
