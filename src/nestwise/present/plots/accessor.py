"""The plots of a fit as methods, each handed on in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nestwise.inference.kinds import Fit
from nestwise.present.plots import (
    by_visit,
    caterpillar,
    checks,
    correlation,
    curves,
    effects,
    groups,
    observed,
    pooling,
    profile,
    quantile,
    random_pairs,
    random_quantile,
    residual,
    semivariogram,
    shares,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class Plots:
    """Plots of one fit, each in a new figure (``axes.figure``).

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> model.plot.residuals().get_title(loc="left")
    'Residuals and fitted values'
    """

    fit: Fit
    data: Any

    def caterpillar(self, group: str | None = None) -> Axes:
        """Random effects with their intervals, sorted."""
        return caterpillar.caterpillar(self.fit, group, self.data)

    def ranef_qq(self, group: str | None = None) -> Axes:
        """Random effects against normal quantiles."""
        return random_quantile.ranef_qq(self.fit, group)

    def ranef_correlation(self, group: str | None = None) -> Axes:
        """Random effects of one factor against each other, with the estimated correlation."""
        return random_pairs.ranef_correlation(self.fit, group)

    def observed_vs_predicted(self, *, ax: Axes | None = None) -> Axes:
        """Observed against fitted values."""
        return observed.observed_vs_predicted(self.fit, self.data, ax=ax)

    def residuals(self, x: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Scaled residuals against fitted values, or against a numeric column."""
        return residual.residuals(self.fit, self.data, x, ax=ax)

    def qq(self, *, ax: Axes | None = None) -> Axes:
        """Scaled residuals against normal quantiles."""
        return quantile.qq(self.fit, self.data, ax=ax)

    def checks(self) -> Axes:
        """Four residual checks on one page."""
        return checks.checks(self.fit, self.data)

    def profile(self, params: Sequence[str] | None = None, level: float = 0.95) -> Axes:
        """Profile likelihood of each parameter, with its intervals."""
        return profile.profile(self.fit, params, level)

    def effects(self, x: str, by: str | None = None, level: float = 0.95) -> Axes:
        """Marginal mean along a predictor, with its interval and where the data are."""
        return effects.effects(self.fit, self.data, x, by, level)

    def interaction(self, x: str, by: str, level: float = 0.95) -> Axes:
        """Marginal means of two predictors; those of a factor are joined by lines."""
        return effects.effects(self.fit, self.data, x, by, level, connect=True)

    def groups(self, x: str, group: str | None = None) -> Axes:
        """Lines of every group beside the population's, and their shrinkage."""
        return groups.groups(self.fit, self.data, x, group)

    def pooling(
        self, x: str, group: str | None = None, levels: Sequence[object] | None = None
    ) -> Axes:
        """A small plot for each group: its data, its own line, the model's, the population's."""
        return pooling.pooling(self.fit, self.data, x, group, levels)

    def variance_shares(self, *, ax: Axes | None = None) -> Axes:
        """How the variance divides: fixed effects, grouping factors, residual."""
        return shares.variance_shares({"": self.fit}, ax)

    def curves(
        self, x: str, group: str | None = None, by: str | None = None, *, ax: Axes | None = None
    ) -> Axes:
        """Data and fitted curve of each subject, and the population's curve."""
        return curves.curves(self.fit, self.data, x, group, by, ax=ax)

    def residual_correlation(self, x: str | None = None, group: str | None = None) -> Axes:
        """Correlations between visits: of the residuals, and of the fit."""
        return correlation.residual_correlation(self.fit, self.data, x, group)

    def semivariogram(
        self, x: str | None = None, group: str | None = None, *, ax: Axes | None = None
    ) -> Axes:
        """Semivariance of residuals by distance in time or space, and the fit's."""
        return semivariogram.semivariogram(self.fit, self.data, x, group, ax=ax)

    def residuals_by_visit(self, x: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Standardised residuals of every visit."""
        return by_visit.residuals_by_visit(self.fit, self.data, x, ax=ax)
