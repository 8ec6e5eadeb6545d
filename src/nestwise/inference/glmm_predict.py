"""Predictions of a generalised linear mixed model: of groups, and of the population.

A *conditional* prediction is for a group whose random effects are at their modes (or at zero: the
typical group). A *marginal* one is the mean over groups; with a bent link it is not that of the
typical group.

Source: Zeger, Liang & Albert (1988), Biometrics 44, 1049-1060; Skrondal & Rabe-Hesketh (2009),
J. R. Stat. Soc. A 172, 659-687.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise._base.errors import FitError, OptionError, one_of
from nestwise._base.table import Table
from nestwise.core.families.possible import always_possible, possible_means, same_side
from nestwise.core.links.link import mean
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.drawn_means import drawn_means
from nestwise.inference.glmm_linear import LinearPredictions, linear_predictions
from nestwise.inference.marginal_mean import MarginalMean, marginal_mean
from nestwise.inference.model_rows import ModelRows, model_rows, point_predictions, spread
from nestwise.inference.simulate import generator, seed_entropy
from nestwise.inference.wald import quantile

DRAWS = 2000
"""New responses drawn for each row of a prediction interval."""

OUTSIDE = 0.01
"""Probability of impossible means above which there is no mean over the random effects."""

POLES = ("inverse", "1/mu^2")
"""Links whose mean tends to infinity at a predictor of zero."""

OUTSIDE_POLE = 1e-6
"""The same for them: nearer the pole, the mean or its slope depends on where one stops."""

NEAR_POLE = 1.5
"""Steps of the rule within which of a pole its nodes are left out."""

CHUNK = 2000
"""Rows at a time, which bounds the memory of the draws."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predictions on both scales, all (r,).

    Parameters
    ----------
    link, response : (r,) float64
        On the scale of the linear predictor, and of the mean.
    link_se, response_se : (r,) float64
        Standard errors there.
    """

    link: FloatArray
    response: FloatArray
    link_se: FloatArray
    response_se: FloatArray


def predict_glmm(
    fit: GlmmFit,
    data: Any = None,
    *,
    re_form: str | None = "all",
    type: str = "response",
    allow_new_levels: bool = False,
    marginal: bool = False,
) -> FloatArray:
    """Predicted means or linear predictors, offset included.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    data : table, optional
        New rows; the rows used in the fit when None.
    re_form : str or None
        ``"all"`` random effects, none of them (None), or some, as ``"(1 | g)"``.
    type : str
        ``"response"`` (the mean) or ``"link"``.
    allow_new_levels : bool
        Whether a group that the fit has not seen is allowed.
    marginal : bool
        Whether the effects that are not conditioned on are integrated over, which gives the mean
        over groups; else they are zero, which gives the typical group.

    Returns
    -------
    (n_rows,) float64
        NaN where a variable other than a group is missing.

    Raises
    ------
    DataError
        When columns are missing from `data`, or a group is new.
    OptionError
        When an option is not known.

    Source
    ------
    Zeger, Liang & Albert (1988), Biometrics 44, eq. 2.3.
    """
    one_of("type", type, ("response", "link"))
    rows = model_rows(fit, data, re_form=re_form, allow_new_levels=allow_new_levels)
    if not marginal:
        factors = tuple(term.factor for term in fit.design.terms)
        eta = point_predictions(rows, factors, fit.beta, fit.modes)
        return spread(rows, eta if type == "link" else mean(fit.link, eta))
    found = population_means(fit, linear_predictions(fit, rows, True))
    return spread(rows, found.mean if type == "response" else fit.link.link(found.mean))


def predict_glmm_interval(
    fit: GlmmFit,
    data: Any = None,
    *,
    re_form: str | None = "all",
    type: str = "response",
    allow_new_levels: bool = False,
    marginal: bool = False,
    interval: str | None = None,
    level: float = 0.95,
    seed: int | None = None,
) -> Table:
    """Predictions with standard errors and intervals.

    Parameters
    ----------
    fit, data, re_form, type, allow_new_levels, marginal
        As `predict_glmm`. An unseen group that is not integrated over has the effect zero, and
        its variance counts in the standard error.
    interval : str or None
        ``"confidence"``: Wald's on the scale of the link, taken to the scale of the response, so
        that it stays in the range of means. ``"prediction"``: quantiles of new responses, drawn
        with all uncertainty (a new response of a binomial model is the share of one trial, or of
        the row's own trials for the rows of the fit).
    level : float
        Of the interval.
    seed : int, optional
        Of the draws of ``interval="prediction"``.

    Returns
    -------
    Table
        ``fit se``, then ``lower upper`` when an interval is asked.

    Raises
    ------
    DataError, OptionError
        As `predict_glmm`.

    Source
    ------
    Booth & Hobert (1998), JASA 93, 262-272 (standard errors of conditional predictions).
    """
    one_of("type", type, ("response", "link"))
    if interval is not None:
        one_of("interval", interval, ("confidence", "prediction"))
    if interval == "prediction" and type == "link":
        raise OptionError(
            "interval='prediction' is about new responses; use type='response' with it, or "
            "interval='confidence' on the scale of the link"
        )
    rows = model_rows(fit, data, re_form=re_form, allow_new_levels=allow_new_levels)
    with np.errstate(over="ignore", invalid="ignore"):  # of a fit that ran away
        linear = linear_predictions(fit, rows, marginal)
        found = predictions(fit, linear, marginal)
    at = found.link if type == "link" else found.response
    se = found.link_se if type == "link" else found.response_se
    columns = {"fit": spread(rows, at), "se": spread(rows, se)}
    if interval == "confidence":
        half = quantile(np.full(len(at), np.inf), level) * found.link_se
        ends = _ends(fit, found.link, half, type)
        columns |= {"lower": np.minimum(*ends), "upper": np.maximum(*ends)}
    elif interval == "prediction":
        everything = linear if marginal else linear_predictions(fit, rows, True)
        lower, upper = _new_responses(fit, rows, everything, level, seed)
        columns |= {"lower": lower, "upper": upper}
    for name in ("lower", "upper"):
        if name in columns:
            columns[name] = spread(rows, columns[name])
    return Table(columns)


def population_means(fit: GlmmFit, linear: LinearPredictions) -> MarginalMean:
    """Means over the open effects; the uncertainty of the modes is not integrated over.

    Raises
    ------
    FitError
        When the random effects leave the range of the family with a probability that matters.
    """
    family, link = fit.family, fit.link
    pole = link.name in POLES
    if always_possible(family, link) and not pole:
        return marginal_mean(link, linear.eta, linear.open_variance)

    def possible(grid: FloatArray) -> BoolArray:
        inside = possible_means(family, link, grid)[1]
        if not pole:
            return inside
        about, step = grid[:, grid.shape[1] // 2, None], grid[:, 1, None] - grid[:, 0, None]
        return inside & same_side(link, grid, about) & (np.abs(grid) >= NEAR_POLE * step)

    found = marginal_mean(link, linear.eta, linear.open_variance, possible)
    if (found.outside > (OUTSIDE_POLE if pole else OUTSIDE)).any():
        raise FitError(
            f"a mean over the random effects does not exist: they leave the range of the "
            f"{family.name} family, or pass through infinity, with probability "
            f"{float(found.outside.max()):.3g}, which the {link.name} link allows; use a link "
            "that does not, such as log or logit"
        )
    return found


def _ends(fit: GlmmFit, eta: FloatArray, half: FloatArray, type: str) -> list[FloatArray]:
    """Ends of an interval; one beyond the possible means is the end of their range."""
    if type == "link":
        return [eta - half, eta + half]
    rising = fit.link.inverse(eta, 1)[1] > 0.0
    out = []
    for sign in (-1.0, 1.0):
        mu, inside = possible_means(fit.family, fit.link, eta + sign * half)
        inside &= same_side(fit.link, eta + sign * half, eta)
        up = rising if sign > 0 else ~rising
        limit = np.where(up, fit.family.mean_upper, fit.family.mean_lower)
        out.append(np.where(inside, mu, limit))
    return out


def predictions(fit: GlmmFit, linear: LinearPredictions, marginal: bool) -> Predictions:
    """Predictions and standard errors on both scales.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    linear : LinearPredictions
        Of the rows.
    marginal : bool
        Whether the open effects are integrated over; else they are zero, and uncertain.
    """
    if not marginal:
        mu, slope = fit.link.inverse(linear.eta, 1)
        se = np.sqrt(linear.variance(fit.par_vcov) + linear.open_variance)
        return Predictions(linear.eta, mu, se, np.abs(slope) * se)
    found = population_means(fit, linear)
    slopes = marginal_slopes(linear, found)
    variance = np.einsum("ri,ij,rj->r", slopes, fit.par_vcov, slopes)
    se = np.sqrt(variance + found.by_eta**2 * linear.latent)
    at = fit.link.link(found.mean)
    bend = np.abs(fit.link.inverse(at, 1)[1])
    link_se = np.divide(se, bend, out=np.full(len(se), np.inf), where=bend > 0.0)
    return Predictions(at, found.mean, link_se, se)


def marginal_slopes(linear: LinearPredictions, found: MarginalMean) -> FloatArray:
    """(r, K): derivatives of marginal means by (theta, beta, log phi)."""
    by_eta, by_variance = found.by_eta[:, None], found.by_variance[:, None]
    return np.asarray(by_eta * linear.slopes + by_variance * linear.open_slopes)


def _new_responses(
    fit: GlmmFit, rows: ModelRows, linear: LinearPredictions, level: float, seed: int | None
) -> tuple[FloatArray, FloatArray]:
    """Quantiles of responses drawn anew, (r,) each."""
    entropy, n = seed_entropy(seed), len(linear.eta)
    quantile(np.ones(1), level)
    spread_ = np.sqrt(linear.variance(fit.par_vcov) + linear.open_variance)
    weights = np.ones(n) if rows.weights is None else rows.weights
    lower, upper = np.empty(n), np.empty(n)
    for number, first in enumerate(range(0, n, CHUNK)):
        part = slice(first, min(first + CHUNK, n))
        rng = generator(entropy, number)
        size = part.stop - part.start
        eta = linear.eta[part] + spread_[part] * rng.standard_normal((DRAWS, size))
        mu = drawn_means(fit, eta.ravel())
        y = fit.family.simulate(mu, np.tile(weights[part], DRAWS), fit.phi, rng)
        tails = [0.5 - 0.5 * level, 0.5 + 0.5 * level]
        lower[part], upper[part] = np.quantile(y.reshape(DRAWS, size), tails, axis=0)
    return lower, upper
