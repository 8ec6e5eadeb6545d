"""A fitted generalised linear mixed model as users hold it: every method is a delegation.

See `mixed` for how methods are shared; those of this facade only are in `generalized_questions`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from nestwise._base.arrays import FloatArray
from nestwise.api import attributes, generalized_questions, maketables, mixed_questions, questions
from nestwise.api.answers import response_of, updated
from nestwise.api.new_response import with_response
from nestwise.api.source import Source
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_design import with_family
from nestwise.fit.glmm_result import GlmmFit

if TYPE_CHECKING:
    from nestwise.present.plots.accessor import Plots
    from nestwise.present.summary import Summary


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, weakref_slot=True)
class GeneralizedMixedModel:
    """A fitted generalised linear mixed model; `glmer` makes it.

    Tables come back in the kind of data frame that the model was fitted to.

    Parameters
    ----------
    fit : GlmmFit
        The frozen numbers.
    source : Source
        The caller's table and settings.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> round(m.loglik, 3), m.family, m.link, m.n_groups
    (-92.026, 'binomial', 'logit', {'herd': 15})
    """

    fit: GlmmFit
    source: Source

    # -- numbers ---------------------------------------------------------------------------------

    params = attributes.params
    bse = attributes.bse
    tvalues = attributes.tvalues
    zvalues = attributes.tvalues
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

    @property
    def phi(self) -> float | None:
        """Dispersion: R's theta of the negative binomial, the precision of the beta, ..."""
        return self.fit.phi

    @property
    def family(self) -> str:
        """Name of the distribution."""
        return self.fit.family.name

    @property
    def link(self) -> str:
        """Name of the link."""
        return self.fit.link.name

    # -- questions --------------------------------------------------------------------------------

    @property
    def plot(self) -> Plots:
        """Plots of this fit."""
        return questions.plots(self)

    def summary(self) -> Summary:
        """What lme4 prints of a ``glmer`` fit."""
        from nestwise.present.summary import glmm_summary

        return glmm_summary(self.fit)

    def vcov(self) -> FloatArray:
        """Covariance matrix of the fixed effects, (p, p)."""
        return self.fit.vcov.copy()

    tidy = questions.tidy
    glance = questions.glance
    augment = questions.augment
    contrast = questions.contrast
    fixef = questions.fixef
    emmeans = questions.emmeans
    emtrends = questions.emtrends
    fitted = questions.fitted
    simulated_residuals = questions.simulated_residuals
    varcorr = mixed_questions.varcorr
    ranef = mixed_questions.ranef
    coef = mixed_questions.coef
    joint_vcov = mixed_questions.joint_vcov
    confint = mixed_questions.confint
    profile = mixed_questions.profile
    bootstrap = mixed_questions.bootstrap
    hatvalues = mixed_questions.hatvalues
    cooks_distance = mixed_questions.cooks_distance
    influence = mixed_questions.influence
    anova = generalized_questions.anova
    drop1 = generalized_questions.drop1
    ranova = generalized_questions.ranova
    residuals = generalized_questions.residuals
    predict = generalized_questions.predict
    marginal_effects = generalized_questions.marginal_effects
    marginal_means = generalized_questions.marginal_means
    simulate = generalized_questions.simulate
    icc = generalized_questions.icc
    r2 = generalized_questions.r2
    variance_decomposition = generalized_questions.variance_decomposition
    overdispersion = generalized_questions.overdispersion

    report = questions.report

    # -- again -----------------------------------------------------------------------------------

    save = questions.save

    def update(self, formula: str | None = None, **settings: Any) -> GeneralizedMixedModel:
        """Fit again with some arguments changed; ``.`` in the formula stands for the old side."""
        from nestwise.api.glmer import glmer

        return updated(glmer, self.source, formula, settings)

    def refit(self, y: Any) -> GeneralizedMixedModel:
        """Fit the same model to another response (shares, where there are trials)."""
        f = self.fit
        design = with_family(replace(f.design, y=response_of(f, y)), f.family)
        source = with_response(self.source, f.design, design.y)
        fit = fit_glmm(design, f.family, f.link, f.n_agq, f.control)
        return replace(self, fit=fit, source=source)

    def __repr__(self) -> str:
        kind = f"{self.family}({self.link})"
        return (
            f"<GeneralizedMixedModel {self.formula!r}, {kind}: {self.nobs} rows, "
            f"-2 log-likelihood {self.criterion:.1f}>"
        )

    def __str__(self) -> str:
        return str(self.summary())

    _repr_html_ = questions.as_html

    # The names of the package maketables' plug-in interface.
    __maketables_coef_table__ = property(maketables.coef_table)
    __maketables_stat__ = maketables.stat
    __maketables_depvar__ = property(maketables.depvar)
