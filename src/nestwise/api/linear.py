"""A fitted linear model as users hold it: every method is a delegation; see `questions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.options import flag
from nestwise.api import attributes, maketables, questions
from nestwise.api.anova_table import anova_table
from nestwise.api.answers import response_of, updated
from nestwise.api.influence import InfluenceResult
from nestwise.api.new_response import with_response
from nestwise.api.source import Source, to_native
from nestwise.fit.lm import fit_lm
from nestwise.fit.result import LmFit
from nestwise.inference import fitmeasures, wald
from nestwise.inference.influence import cooks_distance, influence
from nestwise.inference.predict import predict
from nestwise.inference.prediction_interval import predict_interval
from nestwise.inference.robust import ClusterRobust, cluster_robust
from nestwise.inference.simulate import simulate

if TYPE_CHECKING:
    from nestwise.present.plots.accessor import Plots
    from nestwise.present.summary import Summary


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, weakref_slot=True)
class LinearModel:
    """A fitted linear model; `lm` makes it.

    Tables come back in the kind of data frame that the model was fitted to.

    Parameters
    ----------
    fit : LmFit
        The frozen numbers.
    source : Source
        The caller's table and settings.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> m.params.round(2).to_dict(), round(m.r_squared, 4)
    ({'(Intercept)': 251.41, 'Days': 10.47}, 0.2865)
    """

    fit: LmFit
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

    @property
    def r_squared(self) -> float:
        """Share of the variance that the model explains."""
        return fitmeasures.r_squared(self.fit).r_squared

    @property
    def adj_r_squared(self) -> float:
        """The same, adjusted for the number of coefficients."""
        return fitmeasures.r_squared(self.fit).adjusted

    # -- questions --------------------------------------------------------------------------------

    @property
    def plot(self) -> Plots:
        """Plots of this fit."""
        return questions.plots(self)

    def summary(self) -> Summary:
        """What R's ``summary`` of a linear model prints."""
        from nestwise.present.summary import lm_summary

        return lm_summary(self.fit)

    def anova(self, type: int = 1) -> Any:
        """F tests of the terms: sequential (1), after the others (2), averaged over cells (3)."""
        return anova_table(self, type).table

    def cluster_robust(self, cluster: object, *, kind: str = "CR2") -> ClusterRobust:
        """Sandwich standard errors by cluster: one label for each used row; CR0, CR1 or CR2."""
        return cluster_robust(self.fit, cluster, kind)

    def vcov(self) -> FloatArray:
        """Covariance matrix of the coefficients, (p, p)."""
        return wald.vcov(self.fit)

    def confint(
        self,
        method: str = "wald",
        *,
        level: float = 0.95,
        params: Sequence[str] | None = None,
    ) -> Any:
        """Confidence intervals of the coefficients: ``term conf_low conf_high``."""
        one_of("method", method, ("wald",))
        return to_native(wald.confint_wald(self.fit, level, params), self.source.data)

    def hatvalues(self) -> FloatArray:
        """Leverages of the rows used."""
        return self.fit.hat.copy()

    def cooks_distance(self) -> FloatArray:
        """Cook's distance of each row."""
        return cooks_distance(self.fit)

    def influence(self) -> InfluenceResult:
        """The fit without each row in turn."""
        return InfluenceResult(influence(self.fit), self.source.data)

    def predict(
        self,
        newdata: Any = None,
        *,
        se: bool = False,
        interval: str | None = None,
        level: float = 0.95,
    ) -> Any:
        """Predicted responses of new rows (of the rows used by default).

        With `se` or `interval` (``"confidence"``, ``"prediction"``) a table
        ``fit se [lower upper]``.
        """
        if not flag("se", se) and interval is None:
            return predict(self.fit, newdata)
        table = predict_interval(self.fit, newdata, interval=interval, level=level)
        return to_native(table, self.source.data)

    def simulate(self, n: int = 1, *, seed: int | None = None) -> FloatArray:
        """(n_obs, n) responses drawn from the fit; column r depends on `seed` and r alone."""
        return simulate(self.fit, n, seed)

    tidy = questions.tidy
    anova_table = anova_table
    glance = questions.glance
    augment = questions.augment
    drop1 = questions.drop1
    contrast = questions.contrast
    fixef = questions.fixef
    coef = questions.fixef
    emmeans = questions.emmeans
    emtrends = questions.emtrends
    fitted = questions.fitted
    residuals = questions.residuals
    simulated_residuals = questions.simulated_residuals
    heteroscedasticity = questions.heteroscedasticity

    # -- again -----------------------------------------------------------------------------------

    save = questions.save
    report = questions.report

    def update(self, formula: str | None = None, **settings: Any) -> LinearModel:
        """Fit again with some arguments changed; ``.`` in the formula stands for the old side."""
        from nestwise.api.calls import lm

        return updated(lm, self.source, formula, settings)

    def refit(self, y: Any) -> LinearModel:
        """Fit the same model to another response, one value a used row (or a row of the data)."""
        design = replace(self.fit.design, y=response_of(self.fit, y))
        return LinearModel(fit_lm(design), with_response(self.source, design, design.y))

    def __repr__(self) -> str:
        return f"<LinearModel {self.formula!r}: {self.nobs} rows, sigma {self.sigma:.4g}>"

    def __str__(self) -> str:
        return str(self.summary())

    _repr_html_ = questions.as_html

    # The names of the package maketables' plug-in interface.
    __maketables_coef_table__ = property(maketables.coef_table)
    __maketables_stat__ = maketables.stat
    __maketables_depvar__ = property(maketables.depvar)
