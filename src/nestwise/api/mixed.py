"""A fitted linear mixed model as users hold it: every method is a delegation.

Methods that other facades have too are functions of `questions`; those of linear mixed models are
functions of `mixed_questions`. To add one, write the function there and name it below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from nestwise._base.arrays import FloatArray
from nestwise.api import attributes, maketables, mixed_questions, questions
from nestwise.api.anova_table import anova_table
from nestwise.api.answers import response_of, updated
from nestwise.api.new_response import with_response
from nestwise.api.source import Source
from nestwise.api.stepwise import StepResult, step
from nestwise.fit.lmm import refit
from nestwise.fit.result import LmmFit
from nestwise.inference.ddf import covariance
from nestwise.inference.robust import ClusterRobust, cluster_robust

if TYPE_CHECKING:
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

    params = attributes.params
    bse = attributes.bse
    tvalues = attributes.tvalues
    pvalues = attributes.pvalues
    sigma = attributes.sigma
    loglik = attributes.loglik
    aic = attributes.aic
    bic = attributes.bic
    nobs = attributes.nobs
    df_resid = attributes.df_resid
    diagnostics = attributes.diagnostics
    formula = attributes.formula
    theta = attributes.theta
    criterion = attributes.criterion
    converged = attributes.converged
    is_singular = attributes.is_singular
    n_evaluations = attributes.n_evaluations
    solver = attributes.solver
    n_groups = attributes.n_groups

    # -- questions --------------------------------------------------------------------------------

    @property
    def plot(self) -> Plots:
        """Plots of this fit."""
        return questions.plots(self)

    def summary(self, ddf: str = "satterthwaite") -> Summary:
        """What lmerTest prints; `ddf`: ``"satterthwaite"``, ``"kenward-roger"``,
        ``"between-within"``, ``"residual"`` or ``"normal"``."""
        from nestwise.present.summary import lmm_summary

        return lmm_summary(self.fit, ddf)

    def vcov(self, ddf: str | None = None) -> FloatArray:
        """Covariance matrix of the fixed effects, (p, p); adjusted for ``"kenward-roger"``."""
        return covariance(self.fit, ddf)

    def anova(self, type: int = 3, ddf: str = "satterthwaite") -> Any:
        """F tests of the terms: ``term sum_sq mean_sq num_df den_df f_value p_value``.

        `type` is 1 (sequential), 2 (partial) or 3 (marginal); `ddf` as for `summary`.
        """
        return anova_table(self, type, ddf).table

    def cluster_robust(self, cluster: object = None, *, kind: str = "CR2") -> ClusterRobust:
        """Sandwich standard errors by cluster (``.vcov``, ``.table``): CR0, CR1 or CR2."""
        return cluster_robust(self.fit, cluster, kind)

    def step(self, **options: Any) -> StepResult:
        """Backward elimination; `alpha_random`, `alpha_fixed`, `ddf`: see `api.stepwise.step`."""
        return step(self, **options)

    tidy = questions.tidy
    anova_table = anova_table
    glance = questions.glance
    augment = questions.augment
    drop1 = questions.drop1
    contrast = questions.contrast
    fixef = questions.fixef
    emmeans = questions.emmeans
    emtrends = questions.emtrends
    fitted = questions.fitted
    residuals = questions.residuals
    simulated_residuals = questions.simulated_residuals
    heteroscedasticity = questions.heteroscedasticity
    ranova = mixed_questions.ranova
    varcorr = mixed_questions.varcorr
    ranef = mixed_questions.ranef
    coef = mixed_questions.coef
    joint_vcov = mixed_questions.joint_vcov
    confint = mixed_questions.confint
    profile = mixed_questions.profile
    bootstrap = mixed_questions.bootstrap
    predict = mixed_questions.predict
    simulate = mixed_questions.simulate
    icc = mixed_questions.icc
    r2 = mixed_questions.r2
    variance_decomposition = mixed_questions.variance_decomposition
    design_effect = mixed_questions.design_effect
    caic = mixed_questions.caic
    hatvalues = mixed_questions.hatvalues
    cooks_distance = mixed_questions.cooks_distance
    influence = mixed_questions.influence
    convergence_check = mixed_questions.convergence_check
    random_normality = mixed_questions.random_normality
    between_within_bias = mixed_questions.between_within_bias

    # -- again -----------------------------------------------------------------------------------

    save = questions.save
    report = questions.report

    def update(self, formula: str | None = None, **settings: Any) -> Any:
        """Fit again with some arguments changed; ``.`` in the formula stands for the old side."""
        from nestwise.api import calls

        call: Any = calls.lmer
        return updated(call, self.source, formula, settings)

    def refit(self, y: Any) -> MixedModel:
        """Fit the same model to another response, one value a used row (or a row of the data)."""
        new = response_of(self.fit, y)
        return MixedModel(refit(self.fit, new), with_response(self.source, self.fit.design, new))

    def __repr__(self) -> str:
        kind = "REML criterion" if self.fit.reml else "-2 log-likelihood"
        return f"<MixedModel {self.formula!r}: {self.nobs} rows, {kind} {self.criterion:.1f}>"

    def __str__(self) -> str:
        return str(self.summary())

    _repr_html_ = questions.as_html

    # The names of the package maketables' plug-in interface.
    __maketables_coef_table__ = property(maketables.coef_table)
    __maketables_stat__ = maketables.stat
    __maketables_depvar__ = property(maketables.depvar)
