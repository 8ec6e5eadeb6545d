"""Questions that only a generalised linear mixed model answers; see `questions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from nestwise._base.arrays import FloatArray
from nestwise._base.options import flag
from nestwise.api.source import Source, to_native, used_rows
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.glmm_deletion import glmm_drop1, glmm_ranova
from nestwise.inference.glmm_dispersion import dispersion_tests
from nestwise.inference.glmm_predict import predict_glmm, predict_glmm_interval
from nestwise.inference.glmm_residuals import glmm_residuals
from nestwise.inference.icc import IntraclassCorrelation
from nestwise.inference.icc import icc as icc_of
from nestwise.inference.marginal_effects import marginal_effects as effects_of
from nestwise.inference.marginal_effects import marginal_means as means_of
from nestwise.inference.r2 import RSquaredMixed
from nestwise.inference.r2 import r2 as r2_of
from nestwise.inference.simulate import simulate as simulate_of
from nestwise.inference.variance_parts import variance_table
from nestwise.inference.wald_anova import wald_anova


class FittedGeneralized(Protocol):
    """A fitted generalised linear mixed model."""

    @property
    def fit(self) -> GlmmFit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...


def anova(model: FittedGeneralized, type: int = 2) -> Any:
    """Wald chi-square tests of the terms, type 2 or 3: ``term chisq df p_value``."""
    return to_native(wald_anova(model.fit, type), model.source.data)


def drop1(model: FittedGeneralized) -> Any:
    """Likelihood-ratio tests of single terms: ``term n_par loglik aic chisq df p_value``."""
    return to_native(glmm_drop1(model.fit), model.source.data)


def ranova(model: FittedGeneralized) -> Any:
    """Likelihood-ratio tests of random terms, boundary-corrected too (``p_boundary``)."""
    return to_native(glmm_ranova(model.fit), model.source.data)


def residuals(model: FittedGeneralized, type: str = "deviance") -> FloatArray:
    """Residuals: ``"deviance"``, ``"pearson"``, ``"response"`` or ``"working"``."""
    return glmm_residuals(model.fit, type)


def predict(
    model: FittedGeneralized,
    newdata: Any = None,
    *,
    re_form: str | None = "all",
    type: str = "response",
    marginal: bool = False,
    allow_new_levels: bool = False,
    se: bool = False,
    interval: str | None = None,
    level: float = 0.95,
    seed: int | None = None,
) -> Any:
    """Predicted means, with standard errors and intervals when asked for.

    `newdata`: rows to predict, by default those used; missing values give NaN. `re_form`: the
    random effects that count, ``"all"``, None (effects of zero: a typical group), some as
    ``"(1 | g)"``, or ``"marginal"``: the mean over all groups. `marginal`: integrate over the
    effects that are not conditioned on, unseen groups included. `type`: ``"response"`` or
    ``"link"``. `interval`: ``"confidence"`` for the mean, ``"prediction"`` for a new response
    (drawn, with `seed`). See `nestwise.inference.glmm_predict.predict_glmm_interval`.

    Returns (n_rows,) float64, or with `se` or `interval` a table ``fit se [lower upper]``.
    """
    options: dict[str, Any] = {"re_form": re_form, "type": type, "marginal": marginal}
    options["allow_new_levels"] = allow_new_levels
    if re_form == "marginal":
        options |= {"re_form": None, "marginal": True}
    if not flag("se", se) and interval is None:
        return predict_glmm(model.fit, newdata, **options)
    options |= {"interval": interval, "level": level, "seed": seed}
    return to_native(predict_glmm_interval(model.fit, newdata, **options), model.source.data)


def marginal_effects(
    model: FittedGeneralized,
    variables: str | Sequence[str] | None = None,
    *,
    data: Any = None,
    marginal: bool = True,
    type: str = "response",
    level: float = 0.95,
) -> Any:
    """Average effects of predictors on the mean response, over the rows and over all groups.

    ``term contrast estimate std_error statistic p_value conf_low conf_high``; a covariate has its
    slope, a factor the difference of each level from its first. `data`: rows to average over, by
    default those used. `marginal=False`: at random effects of zero. `type="link"`: effects on the
    link function of each row's mean, such as differences of log odds.
    """
    rows = used_rows(model.source.data, model.fit.design.kept) if data is None else data
    table = effects_of(model.fit, rows, variables, marginal=marginal, type=type, level=level)
    return to_native(table, model.source.data)


def marginal_means(
    model: FittedGeneralized,
    variable: str,
    *,
    at: Sequence[Any] | None = None,
    data: Any = None,
    marginal: bool = True,
    type: str = "response",
    level: float = 0.95,
) -> Any:
    """Mean responses at the values of one predictor, over the rows and over all groups.

    ``term value estimate std_error conf_low conf_high``; options as `marginal_effects`.
    """
    rows = used_rows(model.source.data, model.fit.design.kept) if data is None else data
    table = means_of(model.fit, rows, variable, at=at, marginal=marginal, type=type, level=level)
    return to_native(table, model.source.data)


def icc(model: FittedGeneralized, method: str | None = None) -> IntraclassCorrelation:
    """Intraclass correlation on the scale of the link: ``adjusted``, ``unadjusted``, ``by_group``.

    `method`, for the variance of the distribution: ``"latent"``, ``"lognormal"``, ``"trigamma"``
    or ``"delta"``; see `nestwise.inference.distribution_variance`.
    """
    return icc_of(model.fit, method)


def r2(model: FittedGeneralized, method: str | None = None) -> RSquaredMixed:
    """R squared, ``marginal`` and ``conditional``, on the scale of the link; `method` as `icc`."""
    return r2_of(model.fit, method)


def variance_decomposition(model: FittedGeneralized, method: str | None = None) -> Any:
    """Variance of fixed effects, grouping factors and distribution: ``part variance share``."""
    return to_native(variance_table(model.fit, method), model.source.data)


def overdispersion(model: FittedGeneralized, n: int = 250, *, seed: int | None = None) -> Any:
    """Tests of the dispersion, Pearson's and by simulation: ``test ratio df p_value``.

    What follows is in the note (``attrs["note"]`` of a pandas frame).
    """
    return to_native(dispersion_tests(model.fit, n, seed), model.source.data)


def simulate(
    model: FittedGeneralized, n: int = 1, *, seed: int | None = None, conditional: bool = False
) -> FloatArray:
    """(n_obs, n) responses drawn from the fit, on the rows used; binomial ones are shares.

    `conditional` keeps the random effects at their modes; else new ones are drawn. Column r
    depends on `seed` and r alone.
    """
    return simulate_of(model.fit, n, seed, conditional)
