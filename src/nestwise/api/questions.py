"""Questions that can be asked of a fit of any kind, one delegation each.

A facade takes a question as a method by naming it in the body of its class
(``fixef = questions.fixef``), so that a question is written once and every facade spells it alike.
Questions of linear mixed models only are in `mixed_questions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from nestwise._base.arrays import FloatArray
from nestwise.api.answers import by_name
from nestwise.api.emmeans import EstimatedMeans, estimated_means, estimated_trends
from nestwise.api.fitted import Fitted, FittedPlain
from nestwise.api.quantile_residuals import QuantileResiduals
from nestwise.api.source import to_native, with_columns
from nestwise.inference import tidy as tables
from nestwise.inference.contrast import contrast as contrast_of
from nestwise.inference.drop1 import drop1 as drop1_of
from nestwise.inference.heteroscedasticity import heteroscedasticity as heteroscedasticity_of
from nestwise.inference.residuals import fitted as fitted_of
from nestwise.inference.residuals import residuals as residuals_of
from nestwise.inference.simulated_residuals import simulated_residuals as simulated_of

if TYPE_CHECKING:
    from nestwise.present.plots.accessor import Plots


def plots(model: Fitted) -> Plots:
    """Plots of this fit."""
    from nestwise.present.plots.accessor import Plots

    return Plots(model.fit, model.source.data)


def fixef(model: Fitted) -> pd.Series[float]:
    """Fixed effects by coefficient name."""
    return by_name(model.fit, model.fit.beta)


def tidy(
    model: Fitted,
    effects: str = "fixed",
    *,
    conf_int: bool = False,
    conf_level: float = 0.95,
    ddf: str | None = None,
    exponentiate: bool = False,
) -> Any:
    """One row for each estimate.

    `effects`: ``"fixed"``, and for mixed models ``"ran_pars"`` or ``"ran_vals"``. `ddf`: degrees
    of freedom, by default those that `summary` takes.
    """
    table = tables.tidy(
        model.fit,
        effects,
        conf_int=conf_int,
        conf_level=conf_level,
        ddf=ddf,
        exponentiate=exponentiate,
    )
    return to_native(table, model.source.data)


def glance(model: Fitted) -> Any:
    """One row of statistics of the whole fit."""
    return to_native(tables.glance(model.fit), model.source.data)


def augment(model: Fitted, newdata: Any = None) -> Any:
    """The rows used (or new ones) with their fitted values and residuals."""
    table = tables.augment(model.fit, newdata)
    if newdata is not None:
        return with_columns(newdata, None, table)
    return with_columns(model.source.data, model.fit.design.kept, table)


def drop1(model: Fitted, ddf: str | None = None) -> Any:
    """F tests of the fixed terms that no other term contains; columns as `anova`."""
    return to_native(drop1_of(model.fit, ddf), model.source.data)


def contrast(
    model: Fitted, L: Any, rhs: Any = 0.0, joint: bool = False, ddf: str | None = None
) -> Any:
    """Tests of linear combinations of the fixed effects, single (t) or `joint` (F).

    `L`: weights in the order of the coefficients (one row or several), ``{"name": weight}``,
    coefficient names, or ``{"label": {"name": weight}}``.
    """
    return to_native(contrast_of(model.fit, L, rhs, joint, ddf), model.source.data)


def emmeans(
    model: Fitted,
    specs: str | Sequence[str],
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
    level: float = 0.95,
    ddf: str | None = None,
    type: str = "link",
) -> EstimatedMeans:
    """Estimated marginal means: see `nestwise.inference.emmeans.means.emmeans`."""
    options = {"by": by, "at": at, "weights": weights, "level": level, "ddf": ddf, "type": type}
    return estimated_means(model.fit, model.source.data, specs, **options)


def emtrends(
    model: Fitted,
    specs: str | Sequence[str],
    var: str,
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
    level: float = 0.95,
    ddf: str | None = None,
) -> EstimatedMeans:
    """Marginal slopes of a covariate: see `nestwise.inference.emmeans.trends.emtrends`."""
    options = {"by": by, "at": at, "weights": weights, "level": level, "ddf": ddf}
    return estimated_trends(model.fit, model.source.data, specs, var, **options)


def fitted(model: Fitted) -> FloatArray:
    """Fitted values of the rows used, random effects included."""
    return fitted_of(model.fit)


def residuals(model: Fitted, type: str = "response") -> FloatArray:
    """Residuals: ``type`` is ``"response"``, ``"pearson"`` or ``"scaled"``."""
    return residuals_of(model.fit, type)


def simulated_residuals(
    model: Fitted, n: int = 250, *, seed: int | None = None, conditional: bool = False
) -> QuantileResiduals:
    """Quantile residuals by simulation, with tests of uniformity, dispersion and outliers."""
    return QuantileResiduals(simulated_of(model.fit, n, seed, conditional), model.source.data)


def heteroscedasticity(model: FittedPlain) -> Any:
    """Tests of constant residual variance: ``against statistic df p_value``."""
    return to_native(heteroscedasticity_of(model.fit), model.source.data)


def save(model: Any, path: str | Path) -> None:
    """Write the fit and its columns into a file that runs no code; `nestwise.load` reads it."""
    from nestwise.api.archive import save as save_model

    save_model(model, path)


def report(
    model: Fitted,
    path: str | Path,
    *,
    overwrite: bool = False,
    title: str | None = None,
    source: str | None = None,
    approaches: bool | None = None,
) -> Path:
    """Write one self-contained HTML page on this fit: see `nestwise.api.report.report`.

    `source`: what the data come from, such as a file name, for the code in the report.
    `approaches`: whether other ways to treat the groups are compared.
    """
    from nestwise.api.report import report as report_of

    return report_of(
        model, path, overwrite=overwrite, title=title, source=source, approaches=approaches
    )


def as_html(model: Fitted) -> str:
    """What a notebook shows."""
    from nestwise.present.html import fit_html

    return fit_html(model.fit)
