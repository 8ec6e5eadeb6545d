"""Standard errors and intervals of predictions, from every source of uncertainty.

With e = x'(beta_hat - beta) + z'(b_hat - b) the error of a prediction, its variance given theta is
sigma^2 (x, z) K^-1 (x, z)', K the coefficient matrix of the mixed-model equations: the variances of
beta_hat and b_hat - b and their covariance at once. What estimating theta adds to the error is
found by the delta method, and that the variance itself is estimated by Satterthwaite's degrees of
freedom.

Source: Henderson (1975), Biometrics 31, 423-447; Kackar & Harville (1984), JASA 79, 853-862;
Satterthwaite (1946), Biometrics Bulletin 2, 110-114.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.table import Table
from nestwise.core.equations import row_variances
from nestwise.core.hessian import STEP
from nestwise.core.lmm import conditional_modes, evaluate, term_lambdas
from nestwise.inference.kinds import LmFit, LmmFit, PlainFit
from nestwise.inference.model_rows import (
    ModelRows,
    equation_rows,
    model_rows,
    point_predictions,
    spread,
)
from nestwise.inference.satterthwaite import matched_df, parameter_covariance
from nestwise.inference.wald import quantile

INTERVALS = ("confidence", "prediction")


@dataclass(frozen=True, slots=True)
class Sources:
    """Which variances are added up.

    Parameters
    ----------
    rest : bool
        Those of a new observation: the residual, and the random effects that are not conditioned
        on.
    theta : bool
        What the estimation of theta adds.
    """

    rest: bool
    theta: bool


def predict_interval(
    fit: PlainFit,
    data: Any = None,
    *,
    re_form: str | None = "all",
    allow_new_levels: bool = False,
    interval: str | None = None,
    level: float = 0.95,
    ddf: str = "satterthwaite",
    theta_uncertainty: bool = True,
) -> Table:
    """Predictions with standard errors, and intervals for the mean or for a new observation.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table, optional
        New rows; the rows used in the fit when None.
    re_form : str or None
        Random effects that the prediction is conditional on: ``"all"``, None, ``"(1 | g)"``.
    allow_new_levels : bool
        Whether groups that the fit has not seen are allowed. Their effect is predicted as zero,
        and its whole variance counts.
    interval : str or None
        ``"confidence"`` for the mean x'beta + z'b; ``"prediction"`` for a new observation, which
        adds the residual variance and that of the random effects left out by `re_form`.
    level : float
        Of the interval.
    ddf : str
        ``"satterthwaite"`` (Student's t with the degrees of freedom of the interval's variance)
        or ``"normal"``. A linear model always has n - p.
    theta_uncertainty : bool
        Whether the estimation of theta is counted among the sources, by the delta method.

    Returns
    -------
    Table
        ``fit se``, then ``lower upper`` when an interval is asked. `se` is that of the mean in
        either case. NaN where a variable other than a group is missing.

    Raises
    ------
    DataError, OptionError
        As `predict`, and when an option is not known.

    Notes
    -----
    The residual variance of a new row is sigma^2, that of prior weight one; the rows of the fit
    keep their weights. A random effect of a known group that `re_form` leaves out counts with its
    variance before the data were seen.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = predict_interval(m.fit, {"Days": [10], "Subject": ["308"]}, interval="prediction")
    >>> {name: t[name].round(1).item() for name in t}
    {'fit': 450.3, 'se': 16.5, 'lower': 390.2, 'upper': 510.4}
    """
    if interval is not None:
        one_of("interval", interval, INTERVALS)
    one_of("ddf", ddf, ("satterthwaite", "normal"))
    if not isinstance(theta_uncertainty, bool):
        raise OptionError(f"theta_uncertainty={theta_uncertainty!r} is neither True nor False")
    quantile(np.ones(1), level)
    rows = model_rows(fit, data, re_form=re_form, allow_new_levels=allow_new_levels)
    modes = fit.modes if isinstance(fit, LmmFit) else ()
    factors = tuple(term.factor for term in fit.design.terms)
    mu = point_predictions(rows, factors, fit.beta, modes)
    mean, df = _error_variance(fit, rows, Sources(False, theta_uncertainty), ddf)
    columns = {"fit": spread(rows, mu), "se": spread(rows, np.sqrt(mean))}
    if interval is not None:
        total = mean
        if interval == "prediction":
            total, df = _error_variance(fit, rows, Sources(True, theta_uncertainty), ddf)
        half = quantile(df, level) * np.sqrt(total)
        columns |= {"lower": spread(rows, mu - half), "upper": spread(rows, mu + half)}
    return Table(columns)


def _error_variance(
    fit: PlainFit, rows: ModelRows, sources: Sources, ddf: str
) -> tuple[FloatArray, FloatArray]:
    """Variance of the error of each prediction and its degrees of freedom, (r,) each."""
    if isinstance(fit, LmFit):
        relative = np.einsum("ri,ij,rj->r", rows.X, fit.unscaled_vcov, rows.X)
        if sources.rest:
            relative = relative + (1.0 if rows.weights is None else 1.0 / rows.weights)
        return fit.sigma**2 * relative, np.full(len(relative), float(fit.df_resid))
    relative, by_theta = _relative_variance(fit, rows, sources)
    variance = fit.sigma**2 * relative
    df = np.full(len(variance), np.inf)
    covariance = parameter_covariance(fit)
    if ddf == "satterthwaite":
        slope = np.column_stack([fit.sigma**2 * by_theta, 2.0 * fit.sigma * relative])
        df = matched_df(variance, slope, covariance)
    if sources.theta and rows.selection:
        moved = _prediction_slopes(fit, rows)
        variance = variance + np.einsum("ri,ij,rj->r", moved, covariance[:-1, :-1], moved)
    return variance, df


def _relative_variance(
    fit: LmmFit, rows: ModelRows, sources: Sources
) -> tuple[FloatArray, FloatArray]:
    """Variance over sigma^2, (r,), and its derivative by theta, (r, m)."""
    form = equation_rows(fit, rows)

    def value(theta: FloatArray) -> FloatArray:
        known = row_variances(fit.problem, theta, form)
        return known + _unknown_effects(fit, rows, theta, sources.rest)

    here = value(fit.theta)
    if sources.rest:
        here = here + (1.0 if rows.weights is None else 1.0 / rows.weights)
    slopes = [
        (value(fit.theta + shift) - value(fit.theta - shift)) / (2.0 * shift.max())
        for shift in _shifts(fit)
    ]
    return here, np.array(slopes).reshape(len(slopes), len(here)).T


def _unknown_effects(fit: LmmFit, rows: ModelRows, theta: FloatArray, rest: bool) -> FloatArray:
    """Variance over sigma^2 of effects of unseen levels and, with `rest`, of those left out."""
    chosen = dict(rows.selection)
    total = np.zeros(len(rows.X))
    for t, La in enumerate(term_lambdas(fit.problem, theta)):
        unseen = rows.codes[fit.design.terms[t].factor] < 0
        z = np.zeros((len(total), len(La)))
        for j, column in enumerate(rows.Z[t]):
            counts: Any = unseen if j in chosen.get(t, ()) else rest
            z[:, j] = np.where(counts, 1.0 if column is None else column, 0.0)
        total += np.square(z @ La).sum(axis=1)
    return total


def _shifts(fit: LmmFit) -> list[FloatArray]:
    """One step of central differences for each theta."""
    steps = STEP * np.maximum(np.abs(fit.theta), 0.1 / fit.problem.theta_scale)
    return list(np.diag(steps))


def _prediction_slopes(fit: LmmFit, rows: ModelRows) -> FloatArray:
    """(r, m): derivatives of the predictions by theta, beta_hat and b_hat moving with it."""
    factors = tuple(term.factor for term in fit.design.terms)

    def prediction(theta: FloatArray) -> FloatArray:
        e = evaluate(fit.problem, theta, fit.reml, 0)
        modes = conditional_modes(fit.problem, theta, e.kernel)
        return point_predictions(rows, factors, e.beta, modes)

    slopes = [
        (prediction(fit.theta + shift) - prediction(fit.theta - shift)) / (2.0 * shift.max())
        for shift in _shifts(fit)
    ]
    return np.array(slopes).reshape(len(slopes), len(rows.X)).T
