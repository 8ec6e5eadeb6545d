"""A fitted model with structured residuals as users hold it: every method is a delegation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from nestwise._base.arrays import FloatArray
from nestwise.api import attributes, maketables, questions, structured_questions
from nestwise.api.anova_table import anova_table
from nestwise.api.answers import response_of, updated
from nestwise.api.new_response import with_response
from nestwise.api.source import Source
from nestwise.fit.structured import refit_structured
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.ddf import covariance
from nestwise.inference.robust import ClusterRobust
from nestwise.inference.structured.robust import cluster_robust_structured

if TYPE_CHECKING:
    from nestwise.present.summary import Summary


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, weakref_slot=True)
class StructuredModel:
    """A fitted model with a residual structure, a variance function, or both.

    `gls` makes it, and `lmer` with ``residual=`` or ``variance=``. Tables come back in the kind
    of data frame that the model was fitted to.

    Parameters
    ----------
    fit : StructuredFit
        The frozen numbers.
    source : Source
        The caller's table and settings.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> m.params.round(2).to_dict(), round(m.sigma, 2)
    ({'(Intercept)': 253.74, 'Days': 10.47}, 49.51)
    """

    fit: StructuredFit
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

    @property
    def n_groups(self) -> dict[str, int]:
        """Levels of each grouping factor, and subjects."""
        return structured_questions.n_groups(self.fit)

    # -- questions -------------------------------------------------------------------------------

    def summary(self, ddf: str = "satterthwaite") -> Summary:
        """Estimates, residual structure and tests; `ddf`: see `nestwise.inference.ddf`."""
        from nestwise.present.structuredsummary import structured_summary

        return structured_summary(self.fit, ddf)

    def vcov(self, ddf: str | None = None) -> FloatArray:
        """Covariance matrix of the fixed effects, (p, p), as a method of `ddf` has it."""
        return covariance(self.fit, ddf)

    def anova(self, type: int = 3, ddf: str = "satterthwaite") -> Any:
        """F tests of the terms: ``term sum_sq mean_sq num_df den_df f_value p_value``."""
        return anova_table(self, type, ddf).table

    def cluster_robust(self, *, kind: str = "CR2") -> ClusterRobust:
        """Sandwich standard errors by subject (``.vcov``, ``.table``): CR0, CR2 or CR3."""
        return cluster_robust_structured(self.fit, kind)

    plot = property(questions.plots)
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
    varcorr = structured_questions.varcorr
    ranef = structured_questions.ranef
    coef = structured_questions.coef
    residual_parameters = structured_questions.residual_parameters
    residual_covariance = structured_questions.residual_covariance
    confint = structured_questions.confint
    profile = structured_questions.profile
    bootstrap = structured_questions.bootstrap
    icc = structured_questions.icc
    r2 = structured_questions.r2
    variance_decomposition = structured_questions.variance_decomposition
    ranova = structured_questions.ranova
    influence = structured_questions.influence
    cooks_distance = structured_questions.cooks_distance
    random_normality = structured_questions.random_normality
    convergence_check = structured_questions.convergence_check
    predict = structured_questions.predict
    simulate = structured_questions.simulate

    # -- again -----------------------------------------------------------------------------------

    save = questions.save
    report = questions.report

    def update(self, formula: str | None = None, **settings: Any) -> Any:
        """Fit again with some arguments changed; ``.`` in the formula stands for the old side."""
        from nestwise.api.calls import lmer
        from nestwise.api.gls import gls

        call: Any = lmer if self.fit.design.terms else gls
        return updated(call, self.source, formula, settings)

    def refit(self, y: Any) -> StructuredModel:
        """Fit the same model to another response, one value a used row (or a row of the data)."""
        new = response_of(self.fit, y)
        source = with_response(self.source, self.fit.design, new)
        return StructuredModel(refit_structured(self.fit, new), source)

    def __repr__(self) -> str:
        kind = "REML criterion" if self.fit.reml else "-2 log-likelihood"
        return f"<StructuredModel {self.formula!r}: {self.nobs} rows, {kind} {self.criterion:.1f}>"

    def __str__(self) -> str:
        return str(self.summary())

    _repr_html_ = questions.as_html

    # The names of the package maketables' plug-in interface.
    __maketables_coef_table__ = property(maketables.coef_table)
    __maketables_stat__ = maketables.stat
    __maketables_depvar__ = property(maketables.depvar)
