"""Questions of fits with structured residuals, one delegation each; see `questions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.options import flag
from nestwise.api.influence import InfluenceResult
from nestwise.api.resampled import BootstrapResult, ProfileResult, earlier
from nestwise.api.source import Source, to_native
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference import fitmeasures
from nestwise.inference.bootstrap import bootstrap as bootstrap_of
from nestwise.inference.convergence import ConvergenceCheck
from nestwise.inference.convergence import convergence_check as convergence_of
from nestwise.inference.icc import IntraclassCorrelation
from nestwise.inference.icc import icc as icc_of
from nestwise.inference.influence import influence as influence_of
from nestwise.inference.profile import profile as profile_of
from nestwise.inference.r2 import RSquaredMixed
from nestwise.inference.r2 import r2 as r2_of
from nestwise.inference.random_normality import random_normality as normality_of
from nestwise.inference.ranef import coef as coef_of
from nestwise.inference.ranef import ranef as ranef_of
from nestwise.inference.ranova import ranova as ranova_of
from nestwise.inference.simulate import simulate as simulate_of
from nestwise.inference.structured import parameters
from nestwise.inference.structured.confint import confint_structured
from nestwise.inference.structured.predict import predict_structured, predict_structured_table
from nestwise.inference.varcorr import varcorr as varcorr_of
from nestwise.inference.variance_parts import variance_table


class FittedStructured(Protocol):
    """A fitted model with structured residuals."""

    @property
    def fit(self) -> StructuredFit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...


def n_groups(fit: StructuredFit) -> dict[str, int]:
    """Levels of the grouping factors, and the subjects of the residual structure."""
    groups = fitmeasures.n_groups(fit)
    part = fit.design.residual
    if part is not None and part.subject is not None:
        groups.setdefault(part.subject.name, part.subject.n_levels)
    return groups


def varcorr(model: FittedStructured) -> Any:
    """Variance components: ``group var1 var2 vcov sdcor``, the residual in the last row."""
    return to_native(varcorr_of(model.fit), model.source.data)


def ranef(model: FittedStructured, cond_var: bool = False) -> Any:
    """Conditional modes of the random effects: ``group level term estimate [cond_var]``."""
    return to_native(ranef_of(model.fit, cond_var), model.source.data)


def coef(model: FittedStructured, std_error: bool = False) -> Any:
    """Coefficients by group, fixed plus random: ``group level term estimate [std_error]``."""
    return to_native(coef_of(model.fit, std_error), model.source.data)


def random_normality(model: FittedStructured) -> Any:
    """Tests of normal random effects: ``group term n test statistic p_value``."""
    return to_native(normality_of(model.fit), model.source.data)


def convergence_check(model: FittedStructured) -> ConvergenceCheck:
    """The verdict checked by the exact gradient and Hessian at the optimum."""
    return convergence_of(model.fit)


def residual_parameters(model: FittedStructured, level: float | None = 0.95) -> Any:
    """Correlations, ratios of sds, powers and sigma: ``part arm term estimate`` and intervals."""
    return to_native(parameters.residual_parameters(model.fit, level), model.source.data)


def residual_covariance(model: FittedStructured) -> Any:
    """Covariance of the residuals by visit and arm: ``arm visit1 visit2 vcov cor``."""
    return to_native(parameters.residual_covariance(model.fit), model.source.data)


def confint(
    model: FittedStructured,
    method: str = "wald",
    *,
    level: float = 0.95,
    params: Sequence[str] | None = None,
    n: int = 1000,
    kind: str = "percentile",
    seed: int | None = None,
    n_jobs: int = 1,
) -> Any:
    """Intervals ``term conf_low conf_high`` of coefficients, random effects and residuals.

    `method`: ``"wald"``, ``"profile"`` (of the likelihood) or ``"boot"``. `n`, `kind`
    (``"percentile"``, ``"basic"``), `seed` and `n_jobs` belong to the bootstrap.
    """
    options: dict[str, Any] = {"n": n, "kind": kind, "seed": seed, "n_jobs": n_jobs}
    table = confint_structured(model.fit, method, level, params, **options)
    return to_native(table, model.source.data)


def profile(
    model: FittedStructured, params: Sequence[str] | None = None, *, level: float = 0.99
) -> ProfileResult:
    """Profile likelihood of coefficients, random effects and the residuals' parameters."""
    return ProfileResult(profile_of(model.fit, params, level), model.source.data)


def bootstrap(
    model: FittedStructured,
    n: int = 1000,
    method: str = "parametric",
    *,
    seed: int | None = None,
    n_jobs: int = 1,
    progress: bool = False,
    resume: BootstrapResult | None = None,
) -> BootstrapResult:
    """Refit to data drawn from the fit; `method`: ``"parametric"``.

    Ctrl-C keeps the replicates that are done; `resume` goes on from an earlier bootstrap. The
    same `seed` gives the same replicates whatever `n_jobs`.
    """
    options: dict[str, Any] = {"method": method, "seed": seed, "n_jobs": n_jobs}
    found = bootstrap_of(model.fit, n, progress=progress, resume=earlier(resume), **options)
    return BootstrapResult(found, model.source.data)


def icc(model: FittedStructured) -> IntraclassCorrelation:
    """Intraclass correlation of the random effects: ``adjusted``, ``unadjusted``, ``by_group``.

    The residual variance is its mean over the rows; correlations of residuals do not count.
    """
    return icc_of(model.fit)


def r2(model: FittedStructured) -> RSquaredMixed:
    """R squared: ``marginal`` (fixed effects) and ``conditional`` (random effects too).

    The residual variance is its mean over the rows. Without random effects the two are equal.
    """
    return r2_of(model.fit)


def ranova(model: FittedStructured) -> Any:
    """Likelihood-ratio tests of random terms, boundary-corrected too (``p_boundary``)."""
    return to_native(ranova_of(model.fit), model.source.data)


def variance_decomposition(model: FittedStructured) -> Any:
    """Variance of fixed effects, grouping factors and residual: ``part variance share``.

    The residual variance is its mean over the rows.
    """
    return to_native(variance_table(model.fit), model.source.data)


def influence(
    model: FittedStructured, by: str | None = None, *, exact: bool = True
) -> InfluenceResult:
    """The fit without each row, or each level of a grouping factor or subject, in turn.

    `exact`: fit again each time; False holds the covariance parameters, which costs no fit.
    """
    return InfluenceResult(influence_of(model.fit, by, exact), model.source.data)


def cooks_distance(model: FittedStructured, by: str | None = None) -> FloatArray:
    """Cook's distance of the fixed effects for each row (covariance parameters held), or for each
    level of a grouping factor or subject (by refits)."""
    return influence_of(model.fit, by, by is not None).cooks_distance


def predict(
    model: FittedStructured,
    newdata: Any = None,
    *,
    re_form: str | None = "all",
    type: str = "response",
    allow_new_levels: bool = False,
    residual: bool = False,
    se: bool = False,
    interval: str | None = None,
    level: float = 0.95,
) -> Any:
    """Predicted responses, with standard errors and intervals when asked for.

    `newdata`, `re_form`, `allow_new_levels`, `se`, `interval` as for a mixed model. `residual`:
    new rows of a known subject, such as a missed visit, also get what its other residuals tell.

    Returns (n_rows,) float64, or with `se` or `interval` a table ``fit se [lower upper]``.
    """
    one_of("type", type, ("response", "link"))
    chosen: dict[str, Any] = {
        "re_form": re_form,
        "allow_new_levels": allow_new_levels,
        "residual": residual,
    }
    if not flag("se", se) and interval is None:
        return predict_structured(model.fit, newdata, **chosen)
    table = predict_structured_table(model.fit, newdata, interval=interval, level=level, **chosen)
    return to_native(table, model.source.data)


def simulate(
    model: FittedStructured, n: int = 1, *, seed: int | None = None, conditional: bool = False
) -> FloatArray:
    """(n_obs, n) responses drawn from the fit, on the rows used.

    `conditional` keeps the random effects at their modes; else new ones are drawn. Column r
    depends on `seed` and r alone.
    """
    return simulate_of(model.fit, n, seed, conditional)
