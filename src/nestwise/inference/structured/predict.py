"""Predictions of fits with structured residuals: missing visits, groups and the population."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.table import Table
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.model_rows import ModelRows, model_rows, point_predictions, spread
from nestwise.inference.structured.new_rows import (
    NewErrors,
    error_covariances,
    new_errors,
    rows_by_subject,
)
from nestwise.inference.structured.prediction_error import Sources, error_variance
from nestwise.inference.structured.satterthwaite import degrees_of_freedom
from nestwise.inference.wald import quantile

INTERVALS = ("confidence", "prediction")


def predict_structured(
    fit: StructuredFit,
    data: Any = None,
    *,
    re_form: str | None = "all",
    allow_new_levels: bool = False,
    residual: bool = False,
) -> FloatArray:
    """Predicted responses.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    data : table, optional
        New rows; the rows used in the fit when None.
    re_form : str or None
        Random effects that count: ``"all"``, None, or some.
    allow_new_levels : bool
        Whether unseen groups have the effect zero; else they are an error.
    residual : bool
        Whether new rows of a known subject also get the expectation of their residual given the
        subject's own residuals: the prediction of a missed visit.

    Returns
    -------
    (n_rows,) float64
        NaN where a variable other than a group is missing.

    Raises
    ------
    DataError, OptionError
        When columns are missing, groups are new, or options do not fit.

    Source
    ------
    Goldberger (1962), J. Am. Stat. Assoc. 57, 369-375, eq. 3.12.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> missed = (data["Subject"] == "308") & (data["Days"] == 8)
    >>> m = nw.gls("Reaction ~ Days", data[~missed], residual="ar1(Days | Subject)")
    >>> new = {"Days": [8], "Subject": ["308"]}
    >>> [predict_structured(m.fit, new, residual=r).round(1).item() for r in (False, True)]
    [337.3, 377.3]
    """
    rows, mu = _means(fit, data, re_form, allow_new_levels)
    if residual:
        errors = new_errors(fit, rows, _new_only(data), mu)
        mu = mu + _expected_residuals(fit, errors)
    return spread(rows, mu)


def predict_structured_table(
    fit: StructuredFit,
    data: Any = None,
    *,
    re_form: str | None = "all",
    allow_new_levels: bool = False,
    residual: bool = False,
    interval: str | None = None,
    level: float = 0.95,
) -> Table:
    """Predictions with standard errors, and intervals on request.

    Parameters
    ----------
    fit, data, re_form, allow_new_levels, residual
        As for `predict_structured`.
    interval : str, optional
        ``"confidence"``: for what is predicted; ``"prediction"``: for a new observation there.
    level : float
        Of the interval.

    Returns
    -------
    Table
        ``fit se [lower upper]``. The errors of the fixed effects and of what is predicted of the
        random effects and residuals count, those of the variance parameters do not. Intervals for
        the population's mean have Satterthwaite's degrees of freedom, others are normal.

    Source
    ------
    Harville (1976), Ann. Stat. 4, 384-395, eq. 3.10 (mean squared error of prediction).
    """
    if interval is not None:
        one_of("interval", interval, INTERVALS)
    rows, mu = _means(fit, data, re_form, allow_new_levels)
    errors = None
    if residual:
        errors = new_errors(fit, rows, _new_only(data), mu)
        mu = mu + _expected_residuals(fit, errors)
    elif interval == "prediction":
        errors = _errors_of(fit, rows, data, mu)
    seen, wanted = _sources(fit, rows, residual, interval == "prediction")
    mean = error_variance(fit, rows, errors, seen, seen)
    columns = {"fit": spread(rows, mu), "se": spread(rows, np.sqrt(mean))}
    if interval is None:
        return Table(columns)
    total = mean if seen == wanted else error_variance(fit, rows, errors, seen, wanted)
    df = np.full(len(mu), np.inf)
    if interval == "confidence" and not seen[0] and not seen[1] and len(mu):
        df = degrees_of_freedom(fit, rows.X)
    half = quantile(df, level) * np.sqrt(total)
    return Table({**columns, "lower": spread(rows, mu - half), "upper": spread(rows, mu + half)})


def _sources(
    fit: StructuredFit, rows: ModelRows, residual: bool, everything: bool
) -> tuple[Sources, Sources]:
    """What the prediction is conditional on, and what the target holds."""
    seen: Sources = (tuple(rows.selection), residual)
    if not everything:
        return seen, seen
    whole = tuple((t, tuple(range(len(term.columns)))) for t, term in enumerate(fit.design.terms))
    return seen, (whole, True)


def _means(
    fit: StructuredFit, data: Any, re_form: str | None, allow_new_levels: bool
) -> tuple[ModelRows, FloatArray]:
    rows = model_rows(fit, data, re_form=re_form, allow_new_levels=allow_new_levels)
    factors = tuple(term.factor for term in fit.design.terms)
    return rows, point_predictions(rows, factors, fit.beta, fit.modes)


def _new_only(data: Any) -> Any:
    if data is None:
        raise OptionError(
            "residual=True predicts rows that the fit has not seen from those that it has; give "
            "new rows, such as missed visits, as newdata"
        )
    return data


def _errors_of(fit: StructuredFit, rows: ModelRows, data: Any, mu: FloatArray) -> NewErrors:
    """The residual part of new rows, or of the rows of the fit."""
    if data is not None:
        return new_errors(fit, rows, data, mu)
    errors = fit.problem.arrays.errors
    tail = fit.par[fit.par.size - errors.features.shape[1] :]
    sd = np.exp(errors.features @ tail)
    sd = sd if errors.weights is None else sd / np.sqrt(errors.weights)
    return NewErrors(errors.subject, errors.arm, errors.visit, errors.time, sd)


def _expected_residuals(fit: StructuredFit, new: NewErrors) -> FloatArray:
    """(r,) expectation of the residuals of new rows given those of the fit."""
    out = np.zeros(len(new.subject))
    errors = fit.problem.arrays.errors
    if errors.structure is None:
        return out
    old = rows_by_subject(errors.subject, int(errors.subject.max()) + 1)
    for s in np.unique(new.subject[new.subject >= 0]):
        chosen = np.flatnonzero(new.subject == s)
        C = error_covariances(fit, new, int(s), chosen, old[s])
        out[chosen] = C @ fit.weighted_residuals[old[s]]
    return out
