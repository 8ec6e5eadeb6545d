"""Questions that only a linear mixed model answers, one delegation each; see `questions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.options import flag
from nestwise.api.fitted import FittedEquations, FittedMixed, FittedRandom
from nestwise.api.influence import InfluenceResult
from nestwise.api.resampled import BootstrapResult, ProfileResult, earlier
from nestwise.api.source import to_native
from nestwise.inference.bootstrap import bootstrap as bootstrap_of
from nestwise.inference.caic import ConditionalAic
from nestwise.inference.caic import caic as caic_of
from nestwise.inference.confint import confint as confint_of
from nestwise.inference.convergence import ConvergenceCheck
from nestwise.inference.convergence import convergence_check as convergence_of
from nestwise.inference.icc import IntraclassCorrelation
from nestwise.inference.icc import design_effect as design_effect_of
from nestwise.inference.icc import icc as icc_of
from nestwise.inference.influence import cooks_distance as cooks_of
from nestwise.inference.influence import influence as influence_of
from nestwise.inference.joint import JointCovariance
from nestwise.inference.joint import joint_vcov as joint_of
from nestwise.inference.leverage import hatvalues as hatvalues_of
from nestwise.inference.mundlak import mundlak
from nestwise.inference.predict import predict as predict_of
from nestwise.inference.prediction_interval import predict_interval
from nestwise.inference.profile import profile as profile_of
from nestwise.inference.r2 import RSquaredMixed
from nestwise.inference.r2 import r2 as r2_of
from nestwise.inference.random_normality import random_normality as normality_of
from nestwise.inference.ranef import coef as coef_of
from nestwise.inference.ranef import ranef as ranef_of
from nestwise.inference.ranova import ranova as ranova_of
from nestwise.inference.simulate import simulate as simulate_of
from nestwise.inference.varcorr import varcorr as varcorr_of
from nestwise.inference.variance_parts import variance_table


def ranova(model: FittedMixed) -> Any:
    """Tests of random terms, boundary-corrected too: see `nestwise.inference.ranova.ranova`."""
    return to_native(ranova_of(model.fit), model.source.data)


def varcorr(model: FittedRandom) -> Any:
    """Variance components: ``group var1 var2 vcov sdcor``, the residual in the last row."""
    return to_native(varcorr_of(model.fit), model.source.data)


def ranef(model: FittedRandom, cond_var: bool = False) -> Any:
    """Conditional modes: ``group level term estimate [cond_var]``."""
    return to_native(ranef_of(model.fit, cond_var), model.source.data)


def coef(model: FittedEquations, std_error: bool = False) -> Any:
    """Coefficients by group, fixed plus random: ``group level term estimate [std_error]``."""
    return to_native(coef_of(model.fit, std_error), model.source.data)


def joint_vcov(
    model: FittedEquations, levels: Mapping[str, Sequence[object]] | None = None
) -> JointCovariance:
    """Joint covariance of the fixed effects and the random effects of chosen levels."""
    return joint_of(model.fit, levels)


def confint(
    model: FittedEquations,
    method: str = "wald",
    *,
    level: float = 0.95,
    params: Sequence[str] | None = None,
    n: int = 1000,
    kind: str = "percentile",
    seed: int | None = None,
    n_jobs: int = 1,
) -> Any:
    """Confidence intervals: ``term conf_low conf_high``.

    `method`: ``"wald"`` (fixed effects only); ``"profile"`` or ``"boot"``, which also give
    standard deviations (``"sd_Days|Subject"``), correlations and ``"sigma"``. `n`, `kind`
    (``"percentile"``, ``"basic"``, ``"bca"``), `seed` and `n_jobs` belong to the bootstrap.
    """
    options: dict[str, Any] = {"n": n, "kind": kind, "seed": seed, "n_jobs": n_jobs}
    table = confint_of(model.fit, method, level=level, params=params, **options)
    return to_native(table, model.source.data)


def profile(
    model: FittedEquations, params: Sequence[str] | None = None, *, level: float = 0.99
) -> ProfileResult:
    """Profile likelihood of standard deviations, correlations, sigma and fixed effects."""
    return ProfileResult(profile_of(model.fit, params, level), model.source.data)


def bootstrap(
    model: FittedEquations,
    n: int = 1000,
    method: str = "parametric",
    *,
    seed: int | None = None,
    n_jobs: int = 1,
    progress: bool = False,
    resume: BootstrapResult | None = None,
) -> BootstrapResult:
    """Refit to resampled data; `method`: ``"parametric"``, ``"residual"`` or ``"cases"``.

    Ctrl-C keeps the replicates that are done; `resume` goes on from an earlier bootstrap. The
    same `seed` gives the same replicates whatever `n_jobs`.
    """
    found = bootstrap_of(
        model.fit,
        n,
        method=method,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
        resume=earlier(resume),
    )
    return BootstrapResult(found, model.source.data)


def predict(
    model: FittedMixed,
    newdata: Any = None,
    *,
    re_form: str | None = "all",
    type: str = "response",
    allow_new_levels: bool = False,
    se: bool = False,
    interval: str | None = None,
    level: float = 0.95,
    ddf: str = "satterthwaite",
    theta_uncertainty: bool = True,
) -> Any:
    """Predicted responses, with standard errors and intervals when asked for.

    `newdata`: rows to predict, by default those used; missing values give NaN. `re_form`: the
    random effects that count, ``"all"``, None for the population, or some as ``"(1 | g)"``.
    `allow_new_levels`: a new group gets the population's prediction (else an error), and its
    effect's variance counts. `se`: of the mean x'beta + z'b. `interval`: ``"confidence"`` for
    that mean, ``"prediction"`` for a new observation. For the others, and the sources of
    uncertainty, see `nestwise.inference.prediction_interval.predict_interval`.

    Returns (n_rows,) float64, or with `se` or `interval` a table ``fit se [lower upper]``.
    """
    one_of("type", type, ("response", "link"))
    chosen: dict[str, Any] = {"re_form": re_form, "allow_new_levels": allow_new_levels}
    if not flag("se", se) and interval is None:
        return predict_of(model.fit, newdata, **chosen)
    chosen |= {"interval": interval, "level": level, "ddf": ddf}
    table = predict_interval(model.fit, newdata, theta_uncertainty=theta_uncertainty, **chosen)
    return to_native(table, model.source.data)


def simulate(
    model: FittedMixed, n: int = 1, *, seed: int | None = None, conditional: bool = False
) -> FloatArray:
    """(n_obs, n) responses drawn from the fit, on the rows used.

    `conditional` keeps the random effects at their modes; else new ones are drawn. Column r
    depends on `seed` and r alone.
    """
    return simulate_of(model.fit, n, seed, conditional)


def icc(model: FittedMixed) -> IntraclassCorrelation:
    """Intraclass correlation: ``adjusted``, ``unadjusted``, ``by_group``."""
    return icc_of(model.fit)


def r2(model: FittedMixed) -> RSquaredMixed:
    """R squared: ``marginal`` (fixed effects) and ``conditional`` (random effects too)."""
    return r2_of(model.fit)


def variance_decomposition(model: FittedMixed) -> Any:
    """Variance of fixed effects, grouping factors and residual: ``part variance share``."""
    return to_native(variance_table(model.fit), model.source.data)


def design_effect(model: FittedMixed) -> Any:
    """``group n_groups mean_size icc design_effect n_effective``."""
    return to_native(design_effect_of(model.fit), model.source.data)


def caic(model: FittedMixed, method: str = "greven-kneib") -> ConditionalAic:
    """Conditional AIC, by ``"greven-kneib"`` or ``"vaida-blanchard"``."""
    return caic_of(model.fit, method)


def hatvalues(model: FittedEquations) -> FloatArray:
    """Leverages of the rows used."""
    return hatvalues_of(model.fit)


def cooks_distance(model: FittedEquations, by: str | None = None) -> FloatArray:
    """Cook's distance of each row, or of each level of a grouping factor (by refits)."""
    return cooks_of(model.fit) if by is None else influence_of(model.fit, by).cooks_distance


def influence(
    model: FittedEquations, by: str | None = None, *, exact: bool = True
) -> InfluenceResult:
    """The fit without each row, or each level of a grouping factor, in turn."""
    return InfluenceResult(influence_of(model.fit, by, exact), model.source.data)


def convergence_check(model: FittedMixed) -> ConvergenceCheck:
    """The verdict checked by the exact gradient and Hessian at the optimum."""
    return convergence_of(model.fit)


def random_normality(model: FittedMixed) -> Any:
    """Tests of normal random effects: ``group term n test statistic p_value``."""
    return to_native(normality_of(model.fit), model.source.data)


def between_within_bias(model: FittedMixed, group: str | None = None) -> Any:
    """Mundlak's test of group means: ``term estimate std_error statistic df p_value``."""
    return to_native(mundlak(model.fit, group), model.source.data)
