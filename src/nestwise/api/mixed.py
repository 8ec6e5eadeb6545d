"""A fitted linear mixed model as users hold it: every method is a delegation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import one_of
from nestwise.api.answers import by_name, response_of, updated
from nestwise.api.emmeans import EstimatedMeans, estimated_means, estimated_trends
from nestwise.api.influence import InfluenceResult
from nestwise.api.resampled import BootstrapResult, ProfileResult
from nestwise.api.source import Source, to_native, with_columns
from nestwise.api.stepwise import StepResult, step
from nestwise.fit.lmm import refit
from nestwise.fit.result import LmmFit
from nestwise.inference import fitmeasures, tidy
from nestwise.inference.anova import anova_lmm
from nestwise.inference.bootstrap import bootstrap
from nestwise.inference.caic import ConditionalAic, caic
from nestwise.inference.coefficients import coefficients
from nestwise.inference.confint import confint
from nestwise.inference.contrast import contrast
from nestwise.inference.convergence import ConvergenceCheck, convergence_check
from nestwise.inference.ddf import covariance
from nestwise.inference.drop1 import drop1
from nestwise.inference.heteroscedasticity import heteroscedasticity
from nestwise.inference.icc import IntraclassCorrelation, design_effect, icc
from nestwise.inference.influence import cooks_distance, influence
from nestwise.inference.joint import JointCovariance, joint_vcov
from nestwise.inference.leverage import hatvalues
from nestwise.inference.mundlak import mundlak
from nestwise.inference.predict import predict
from nestwise.inference.prediction_interval import predict_interval
from nestwise.inference.profile import profile
from nestwise.inference.r2 import RSquaredMixed, r2
from nestwise.inference.random_normality import random_normality
from nestwise.inference.ranef import coef, ranef
from nestwise.inference.ranova import ranova
from nestwise.inference.residuals import fitted, residuals
from nestwise.inference.robust import ClusterRobust, cluster_robust
from nestwise.inference.simulate import simulate
from nestwise.inference.simulated_residuals import SimulatedResiduals, simulated_residuals
from nestwise.inference.varcorr import varcorr
from nestwise.inference.variance_parts import variance_table

if TYPE_CHECKING:
    import pandas as pd

    from nestwise.present.plots.accessor import Plots
    from nestwise.present.summary import Summary


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, weakref_slot=True)
class MixedModel:
    """A fitted linear mixed model; `lmer` makes it.

    Tables come back in the kind of data frame that the model was fitted to.

    Parameters
    ----------
    fit : LmmFit
        The frozen numbers.
    source : Source
        The caller's table and settings.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> m.params.round(2).to_dict()
    {'(Intercept)': 251.41, 'Days': 10.47}
    >>> round(m.sigma, 2), m.n_groups, m.converged
    (25.59, {'Subject': 18}, True)
    """

    fit: LmmFit
    source: Source

    # -- numbers ---------------------------------------------------------------------------------

    @property
    def params(self) -> pd.Series[float]:
        """Fixed effects by coefficient name."""
        return by_name(self.fit, self.fit.beta)

    @property
    def bse(self) -> pd.Series[float]:
        """Standard errors of the fixed effects."""
        return by_name(self.fit, coefficients(self.fit, "normal").std_error)

    @property
    def tvalues(self) -> pd.Series[float]:
        """Estimates over their standard errors."""
        return by_name(self.fit, coefficients(self.fit, "normal").statistic)

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p values with Satterthwaite's degrees of freedom."""
        return by_name(self.fit, coefficients(self.fit, "satterthwaite").p_value)

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return self.fit.sigma

    @property
    def theta(self) -> FloatArray:
        """Relative covariance parameters in lme4's order (a copy)."""
        return self.fit.theta.copy()

    @property
    def criterion(self) -> float:
        """REML criterion, or -2 log-likelihood of a fit by ML."""
        return self.fit.criterion

    @property
    def loglik(self) -> float:
        """Log-likelihood (restricted for REML)."""
        return fitmeasures.fit_measures(self.fit).loglik

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return fitmeasures.fit_measures(self.fit).aic

    @property
    def bic(self) -> float:
        """Schwarz's information criterion."""
        return fitmeasures.fit_measures(self.fit).bic

    @property
    def nobs(self) -> int:
        """Rows used."""
        return self.fit.design.y.size

    @property
    def df_resid(self) -> int:
        """Rows less all estimated parameters, as lme4 counts."""
        return fitmeasures.fit_measures(self.fit).df_resid

    @property
    def n_groups(self) -> dict[str, int]:
        """Levels of each grouping factor."""
        return fitmeasures.n_groups(self.fit)

    @property
    def converged(self) -> bool:
        """Whether the optimum was found."""
        return self.fit.verdict.converged

    @property
    def is_singular(self) -> bool:
        """Whether a variance is zero or a correlation plus or minus one."""
        return self.fit.verdict.singular

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What the fit has to say about itself."""
        return self.fit.diagnostics

    @property
    def formula(self) -> str:
        """The formula as written."""
        return self.source.formula

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the criterion with its gradient."""
        return self.fit.n_evaluations

    @property
    def plot(self) -> Plots:
        """Plots of this fit."""
        from nestwise.present.plots.accessor import Plots

        return Plots(self.fit, self.source.data)

    # -- tables ----------------------------------------------------------------------------------

    def summary(self, ddf: str = "satterthwaite") -> Summary:
        """What lmerTest prints; `ddf`: ``"satterthwaite"``, ``"kenward-roger"``,
        ``"between-within"``, ``"residual"`` or ``"normal"``."""
        from nestwise.present.summary import lmm_summary

        return lmm_summary(self.fit, ddf)

    def tidy(
        self,
        effects: str = "fixed",
        *,
        conf_int: bool = False,
        conf_level: float = 0.95,
        ddf: str = "satterthwaite",
        exponentiate: bool = False,
    ) -> Any:
        """One row for each estimate; `effects`: ``"fixed"``, ``"ran_pars"`` or ``"ran_vals"``."""
        table = tidy.tidy(
            self.fit,
            effects,
            conf_int=conf_int,
            conf_level=conf_level,
            ddf=ddf,
            exponentiate=exponentiate,
        )
        return to_native(table, self.source.data)

    def glance(self) -> Any:
        """One row of statistics of the whole fit."""
        return to_native(tidy.glance(self.fit), self.source.data)

    def augment(self, newdata: Any = None) -> Any:
        """The rows used (or new ones), with ``fitted``, ``resid`` and ``fitted_fixed``."""
        table = tidy.augment(self.fit, newdata)
        if newdata is not None:
            return with_columns(newdata, None, table)
        return with_columns(self.source.data, self.fit.design.kept, table)

    def vcov(self, ddf: str | None = None) -> FloatArray:
        """Covariance matrix of the fixed effects, (p, p); adjusted for ``"kenward-roger"``."""
        return covariance(self.fit, ddf)

    def anova(self, type: int = 3, ddf: str = "satterthwaite") -> Any:
        """F tests of the terms: ``term sum_sq mean_sq num_df den_df f_value p_value``.

        `type` is 1 (sequential), 2 (partial) or 3 (marginal); `ddf` as for `summary`.
        """
        return to_native(anova_lmm(self.fit, type, ddf), self.source.data)

    def cluster_robust(self, cluster: object = None, *, kind: str = "CR2") -> ClusterRobust:
        """Sandwich standard errors by cluster (``.vcov``, ``.table``): CR0, CR1 or CR2."""
        return cluster_robust(self.fit, cluster, kind)

    def ranova(self) -> Any:
        """Tests of random terms, boundary-corrected too: see `nestwise.inference.ranova.ranova`."""
        return to_native(ranova(self.fit), self.source.data)

    def drop1(self, ddf: str = "satterthwaite") -> Any:
        """F tests of the fixed terms that no other term contains; columns as `anova`."""
        return to_native(drop1(self.fit, ddf), self.source.data)

    def step(self, **options: Any) -> StepResult:
        """Backward elimination; `alpha_random`, `alpha_fixed`, `ddf`: see `api.stepwise.step`."""
        return step(self, **options)

    def contrast(
        self, L: Any, rhs: Any = 0.0, joint: bool = False, ddf: str = "satterthwaite"
    ) -> Any:
        """Tests of linear combinations of the fixed effects, single (t) or `joint` (F).

        `L`: weights in the order of the coefficients (one row or several), ``{"name": weight}``,
        coefficient names, or ``{"label": {"name": weight}}``.
        """
        return to_native(contrast(self.fit, L, rhs, joint, ddf), self.source.data)

    def varcorr(self) -> Any:
        """Variance components: ``group var1 var2 vcov sdcor``, the residual in the last row."""
        return to_native(varcorr(self.fit), self.source.data)

    def fixef(self) -> pd.Series[float]:
        """Fixed effects by coefficient name."""
        return by_name(self.fit, self.fit.beta)

    def ranef(self, cond_var: bool = False) -> Any:
        """Conditional modes: ``group level term estimate [cond_var]``."""
        return to_native(ranef(self.fit, cond_var), self.source.data)

    def coef(self, std_error: bool = False) -> Any:
        """Coefficients by group, fixed plus random: ``group level term estimate [std_error]``."""
        return to_native(coef(self.fit, std_error), self.source.data)

    def joint_vcov(self, levels: Mapping[str, Sequence[object]] | None = None) -> JointCovariance:
        """Joint covariance of the fixed effects and the random effects of chosen levels."""
        return joint_vcov(self.fit, levels)

    def confint(
        self,
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
        table = confint(
            self.fit, method, level=level, params=params, n=n, kind=kind, seed=seed, n_jobs=n_jobs
        )
        return to_native(table, self.source.data)

    def profile(self, params: Sequence[str] | None = None, *, level: float = 0.99) -> ProfileResult:
        """Profile likelihood of standard deviations, correlations, sigma and fixed effects."""
        return ProfileResult(profile(self.fit, params, level), self.source.data)

    def bootstrap(
        self,
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
        found = bootstrap(
            self.fit,
            n,
            method=method,
            seed=seed,
            n_jobs=n_jobs,
            progress=progress,
            resume=None if resume is None else resume.found,
        )
        return BootstrapResult(found, self.source.data)

    def emmeans(
        self,
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
        return estimated_means(self.fit, self.source.data, specs, **options)

    def emtrends(self, specs: str | Sequence[str], var: str, **options: Any) -> EstimatedMeans:
        """Marginal slopes of a covariate; `by`, `at`, `weights`, `level` and `ddf` as `emmeans`."""
        return estimated_trends(self.fit, self.source.data, specs, var, **options)

    # -- rows ------------------------------------------------------------------------------------

    def fitted(self) -> FloatArray:
        """Fitted values of the rows used, random effects included."""
        return fitted(self.fit)

    def residuals(self, type: str = "response") -> FloatArray:
        """Residuals: ``type`` is ``"response"``, ``"pearson"`` or ``"scaled"``."""
        return residuals(self.fit, type)

    def predict(
        self,
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
        if not se and interval is None:
            return predict(self.fit, newdata, re_form=re_form, allow_new_levels=allow_new_levels)
        table = predict_interval(
            self.fit,
            newdata,
            re_form=re_form,
            allow_new_levels=allow_new_levels,
            interval=interval,
            level=level,
            ddf=ddf,
            theta_uncertainty=theta_uncertainty,
        )
        return to_native(table, self.source.data)

    def simulate(
        self, n: int = 1, *, seed: int | None = None, conditional: bool = False
    ) -> FloatArray:
        """(n_obs, n) responses drawn from the fit, on the rows used.

        `conditional` keeps the random effects at their modes; else new ones are drawn. Column r
        depends on `seed` and r alone.
        """
        return simulate(self.fit, n, seed, conditional)

    # -- measures and diagnostics -----------------------------------------------------------------

    def icc(self) -> IntraclassCorrelation:
        """Intraclass correlation: ``adjusted``, ``unadjusted``, ``by_group``."""
        return icc(self.fit)

    def r2(self) -> RSquaredMixed:
        """R squared: ``marginal`` (fixed effects) and ``conditional`` (random effects too)."""
        return r2(self.fit)

    def variance_decomposition(self) -> Any:
        """Variance of fixed effects, grouping factors and residual: ``part variance share``."""
        return to_native(variance_table(self.fit), self.source.data)

    def design_effect(self) -> Any:
        """``group n_groups mean_size icc design_effect n_effective``."""
        return to_native(design_effect(self.fit), self.source.data)

    def caic(self, method: str = "greven-kneib") -> ConditionalAic:
        """Conditional AIC, by ``"greven-kneib"`` or ``"vaida-blanchard"``."""
        return caic(self.fit, method)

    def hatvalues(self) -> FloatArray:
        """Leverages of the rows used."""
        return hatvalues(self.fit)

    def cooks_distance(self, by: str | None = None) -> FloatArray:
        """Cook's distance of each row, or of each level of a grouping factor (by refits)."""
        return cooks_distance(self.fit) if by is None else influence(self.fit, by).cooks_distance

    def influence(self, by: str | None = None, *, exact: bool = True) -> InfluenceResult:
        """The fit without each row, or each level of a grouping factor, in turn."""
        return InfluenceResult(influence(self.fit, by, exact), self.source.data)

    def simulated_residuals(
        self, n: int = 250, *, seed: int | None = None, conditional: bool = False
    ) -> SimulatedResiduals:
        """Quantile residuals by simulation, with tests of uniformity, dispersion and outliers."""
        return simulated_residuals(self.fit, n, seed, conditional)

    def heteroscedasticity(self) -> Any:
        """Tests of constant residual variance: ``against statistic df p_value``."""
        return to_native(heteroscedasticity(self.fit), self.source.data)

    def convergence_check(self) -> ConvergenceCheck:
        """The verdict checked by the exact gradient and Hessian at the optimum."""
        return convergence_check(self.fit)

    def random_normality(self) -> Any:
        """Tests of normal random effects: ``group term n test statistic p_value``."""
        return to_native(random_normality(self.fit), self.source.data)

    def between_within_bias(self, group: str | None = None) -> Any:
        """Mundlak's test of group means: ``term estimate std_error statistic df p_value``."""
        return to_native(mundlak(self.fit, group), self.source.data)

    # -- again -----------------------------------------------------------------------------------

    def update(self, formula: str | None = None, **settings: Any) -> MixedModel:
        """Fit again with some arguments changed; ``.`` in the formula stands for the old side."""
        from nestwise.api.calls import lmer

        return updated(lmer, self.source, formula, settings)

    def save(self, path: str | Path) -> None:
        """Write the fit and its columns into a file that runs no code; `nestwise.load` reads it."""
        from nestwise.api.archive import save

        save(self, path)

    def refit(self, y: Any) -> MixedModel:
        """Fit the same model to another response, one value a used row (or a row of the data)."""
        return MixedModel(refit(self.fit, response_of(self.fit, y)), self.source)

    def __repr__(self) -> str:
        kind = "REML criterion" if self.fit.reml else "-2 log-likelihood"
        return f"<MixedModel {self.formula!r}: {self.nobs} rows, {kind} {self.criterion:.1f}>"

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        from nestwise.present.html import fit_html

        return fit_html(self.fit)
