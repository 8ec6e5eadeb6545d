"""Effects of predictors on the mean response, averaged over the rows and over the groups.

On the scale of the link an effect is a coefficient. On the scale of the response it depends on
where one stands; what is reported here is its average over the rows, each at its own values of the
other predictors.

Source: Bartus (2005), Stata Journal 5, 309-329 (average marginal effects); Zeger, Liang & Albert
(1988), Biometrics 44, 1049-1060 (means over random effects).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean, one_of
from nestwise._base.options import names_of
from nestwise._base.table import Table
from nestwise.core.links.link import mean
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.emmeans.grid import GridVariable, reference_grid
from nestwise.inference.glmm_linear import linear_predictions
from nestwise.inference.glmm_predict import marginal_slopes, population_means
from nestwise.inference.model_rows import model_rows
from nestwise.inference.wald import quantile, two_sided_p

STEP = 1e-4
"""Half step of a slope, as a share of the covariate's range."""

TYPES = ("response", "link")
"""Scales of an average."""


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """An average of mean responses, or of linear predictors, over rows.

    Parameters
    ----------
    value : float
        The average.
    slopes : (K,) float64
        Derivatives by (theta, beta, log phi).
    """

    value: float
    slopes: FloatArray


@dataclass(frozen=True, slots=True)
class _Kind:
    """Whether to integrate over the random effects, and whether on the scale of the link."""

    marginal: bool
    link: bool


def marginal_effects(
    fit: GlmmFit,
    data: Any,
    variables: str | Sequence[str] | None = None,
    *,
    marginal: bool = True,
    type: str = "response",
    level: float = 0.95,
) -> Table:
    """How much the mean response changes with each predictor, on its own scale.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    data : table
        Rows to average over, such as those of the fit.
    variables : str or sequence of str, optional
        Predictors; all of the fixed part by default.
    marginal : bool
        Means over the random effects; else those of a typical group, whose effects are zero.
    type : str
        ``"response"``, or ``"link"``: the link function of each row's mean.
    level : float
        Confidence level.

    Returns
    -------
    Table
        ``term contrast estimate std_error statistic p_value conf_low conf_high``. A covariate has
        its slope (``dy/dx``), a factor (or a covariate of two values) the difference of each level
        from its first.

    Raises
    ------
    OptionError
        When a variable is no predictor, or `type` neither of the two.

    Source
    ------
    Bartus (2005), Stata Journal 5, 309-329; standard errors by the delta method.
    """
    half_width = float(quantile(np.array([np.inf]), level)[0])
    kind = _Kind(marginal, one_of("type", type, TYPES) == "link")
    found: list[tuple[str, str, Average]] = []
    for variable in _chosen(fit, data, variables):
        if variable.numeric and len(variable.values) == 1:
            found.append((variable.name, "dy/dx", _slope(fit, data, variable.name, kind)))
            continue
        first, *others = variable.values.tolist()
        base = _average(fit, _with_value(data, variable.name, first), kind)
        for value in others:
            there = _average(fit, _with_value(data, variable.name, value), kind)
            found.append((variable.name, f"{value} - {first}", _difference(there, base, 1.0)))
    return _table(fit, found, half_width, "contrast", True)


def marginal_means(
    fit: GlmmFit,
    data: Any,
    variable: str,
    *,
    at: Sequence[Any] | None = None,
    marginal: bool = True,
    type: str = "response",
    level: float = 0.95,
) -> Table:
    """Mean responses at the values of one predictor, averaged over the rows.

    Parameters
    ----------
    fit, data, marginal, type, level
        As `marginal_effects`.
    variable : str
        A predictor of the fixed part.
    at : sequence, optional
        Its values: by default the levels of a factor, the mean of a covariate.

    Returns
    -------
    Table
        ``term value estimate std_error conf_low conf_high``; the interval is made on the scale of
        the link, so that it stays within the range of means.

    Raises
    ------
    OptionError
        When the variable is no predictor.

    Source
    ------
    Lane & Nelder (1982), Biometrics 38, 613-621 (averages over the rows).
    """
    half_width = float(quantile(np.array([np.inf]), level)[0])
    kind = _Kind(marginal, one_of("type", type, TYPES) == "link")
    (chosen,) = _chosen(fit, data, variable)
    values = chosen.values.tolist() if at is None else list(at)
    found = [
        (chosen.name, str(v), _average(fit, _with_value(data, chosen.name, v), kind))
        for v in values
    ]
    return _table(fit, found, half_width, "value", kind.link)


def _chosen(
    fit: GlmmFit, data: Any, variables: str | Sequence[str] | None
) -> tuple[GridVariable, ...]:
    """The predictors asked for, with their levels."""
    known = {v.name: v for v in reference_grid(fit, data).variables}
    if variables is None:
        return tuple(known.values())
    wanted = names_of("variables", variables)
    for name in wanted:
        if name not in known:
            raise OptionError(f"{name!r} is not among the predictors{did_you_mean(name, known)}")
    return tuple(known[name] for name in wanted)


def _with_value(data: Any, name: str, value: Any) -> Any:
    """The same rows with one column at one value."""
    if isinstance(data, Mapping):
        return {**data, name: [value] * len(data[name])}
    return nw.from_native(data, eager_only=True).with_columns(nw.lit(value).alias(name)).to_native()


def _moved(data: Any, name: str, by: float) -> Any:
    """The same rows with one column moved."""
    if isinstance(data, Mapping):
        return {**data, name: np.asarray(data[name], dtype=np.float64) + by}
    frame = nw.from_native(data, eager_only=True)
    return frame.with_columns((nw.col(name).cast(nw.Float64) + by).alias(name)).to_native()


def _slope(fit: GlmmFit, data: Any, name: str, kind: _Kind) -> Average:
    """The average slope, by a central difference."""
    column = data[name] if isinstance(data, Mapping) else nw.from_native(data)[name].to_numpy()
    step = STEP * float(np.ptp(np.asarray(column, dtype=np.float64)))
    if not step > 0.0:
        raise OptionError(f"{name!r} is constant in these rows, so that it has no slope")
    ahead = _average(fit, _moved(data, name, step), kind)
    back = _average(fit, _moved(data, name, -step), kind)
    return _difference(ahead, back, 2.0 * step)


def _average(fit: GlmmFit, data: Any, kind: _Kind) -> Average:
    """The mean response, or its link function, averaged over rows, no group conditioned on."""
    rows = model_rows(fit, data, re_form=None, allow_new_levels=True)
    linear = linear_predictions(fit, rows, True)
    if kind.marginal:
        found = population_means(fit, linear)
        value, slopes = found.mean, marginal_slopes(linear, found)
        if kind.link:
            value = fit.link.link(found.mean)
            slopes = slopes / fit.link.inverse(value, 1)[1][:, None]
        return Average(float(value.mean()), slopes.mean(axis=0))
    if kind.link:
        return Average(float(linear.eta.mean()), linear.slopes.mean(axis=0))
    mu, bend = fit.link.inverse(linear.eta, 1)
    return Average(float(mu.mean()), np.asarray((bend[:, None] * linear.slopes).mean(axis=0)))


def _difference(a: Average, b: Average, over: float) -> Average:
    return Average((a.value - b.value) / over, (a.slopes - b.slopes) / over)


def _table(
    fit: GlmmFit,
    found: list[tuple[str, str, Average]],
    half_width: float,
    what: str,
    symmetric: bool,
) -> Table:
    """The averages as a table; intervals of mean responses stay within the range of means."""
    estimate = np.array([a.value for _, _, a in found])
    slopes = np.array([a.slopes for _, _, a in found]).reshape(len(found), len(fit.par_vcov))
    se = np.sqrt(np.einsum("ri,ij,rj->r", slopes, fit.par_vcov, slopes))
    columns: dict[str, Any] = {
        "term": np.array([name for name, _, _ in found], dtype=object),
        what: np.array([text for _, text, _ in found], dtype=object),
        "estimate": estimate,
        "std_error": se,
    }
    if what == "contrast":
        statistic = estimate / se
        columns |= {
            "statistic": statistic,
            "p_value": two_sided_p(statistic, np.full(len(se), np.inf)),
        }
    if symmetric:
        ends = [estimate - half_width * se, estimate + half_width * se]
    else:
        at = fit.link.link(estimate)
        width = half_width * se / np.abs(fit.link.inverse(at, 1)[1])
        ends = [mean(fit.link, at - width), mean(fit.link, at + width)]
    columns |= {"conf_low": np.minimum(*ends), "conf_high": np.maximum(*ends)}
    return Table(columns)
