"""`nestwise.plot`: plots of data, of a fitted model, and of several models together.

Every function draws into a figure of its own and returns its (first) axes: ``axes.figure`` is the
figure, ``axes.figure.savefig("plot.png")`` writes it. Notebooks show ``axes.figure``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nestwise.api.approaches import Approaches
from nestwise.present.plots.approaches import approaches as _approaches
from nestwise.present.plots.histogram import histograms
from nestwise.present.plots.shares import variance_shares as _variance_shares
from nestwise.present.plots.spaghetti import spaghetti

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nestwise.present.plots.accessor import Plots


class Plotted(Protocol):
    """A fitted model, as `lmer` and `lm` hand back."""

    @property
    def fit(self) -> Any:
        """The frozen numbers."""

    @property
    def plot(self) -> Plots:
        """Its plots."""


def caterpillar(model: Plotted, group: str | None = None) -> Axes:
    """Random effects of each level with their intervals, sorted.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> nw.plot.caterpillar(m).get_title(loc="left")
    '(Intercept)'
    """
    return model.plot.caterpillar(group)


def ranef_qq(model: Plotted, group: str | None = None) -> Axes:
    """Random effects against normal quantiles."""
    return model.plot.ranef_qq(group)


def ranef_correlation(model: Plotted, group: str | None = None) -> Axes:
    """Random effects of one factor against each other, with the estimated correlation."""
    return model.plot.ranef_correlation(group)


def observed_vs_predicted(model: Plotted, *, ax: Axes | None = None) -> Axes:
    """Observed against fitted values."""
    return model.plot.observed_vs_predicted(ax=ax)


def residuals(model: Plotted, x: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Scaled residuals against fitted values, or against a numeric column."""
    return model.plot.residuals(x, ax=ax)


def qq(model: Plotted, *, ax: Axes | None = None) -> Axes:
    """Scaled residuals against normal quantiles."""
    return model.plot.qq(ax=ax)


def checks(model: Plotted) -> Axes:
    """Four residual checks on one page."""
    return model.plot.checks()


def profile(model: Plotted, params: Sequence[str] | None = None, *, level: float = 0.95) -> Axes:
    """Profile likelihood of each parameter: zeta curves with the intervals they give."""
    return model.plot.profile(params, level)


def effects(model: Plotted, x: str, *, by: str | None = None, level: float = 0.95) -> Axes:
    """Marginal mean along a predictor, with its interval and where the data are."""
    return model.plot.effects(x, by, level)


def interaction(model: Plotted, x: str, *, by: str, level: float = 0.95) -> Axes:
    """Marginal means of two predictors; those of a factor are joined by lines."""
    return model.plot.interaction(x, by, level)


def groups(model: Plotted, x: str, *, group: str | None = None) -> Axes:
    """Lines of every group beside the population's, and their shrinkage."""
    return model.plot.groups(x, group)


def pooling(
    model: Plotted,
    x: str,
    *,
    group: str | None = None,
    levels: Sequence[object] | None = None,
) -> Axes:
    """A small plot for each group: its data, its own line, the model's, the population's."""
    return model.plot.pooling(x, group, levels)


def curves(model: Plotted, x: str, *, group: str | None = None, by: str | None = None) -> Axes:
    """Data and fitted curve of each subject, and the population's curve."""
    return model.plot.curves(x, group, by)


def residual_correlation(model: Plotted, x: str | None = None, *, group: str | None = None) -> Axes:
    """Correlations between visits: of the residuals, and of the fit."""
    return model.plot.residual_correlation(x, group)


def semivariogram(model: Plotted, x: str | None = None, *, group: str | None = None) -> Axes:
    """Semivariance of residuals by distance in time or space, and the fit's."""
    return model.plot.semivariogram(x, group)


def residuals_by_visit(model: Plotted, x: str | None = None) -> Axes:
    """Standardised residuals of every visit."""
    return model.plot.residuals_by_visit(x)


def variance_shares(models: Plotted | Mapping[str, Plotted], *, ax: Axes | None = None) -> Axes:
    """How the variance divides: a bar for a model, or one for each of several by name.

    Examples
    --------
    >>> import nestwise as nw
    >>> exam = nw.load_dataset("Exam")
    >>> null = nw.lmer("normexam ~ 1 + (1 | school)", exam)
    >>> full = nw.lmer("normexam ~ standLRT + (1 | school)", exam)
    >>> axes = nw.plot.variance_shares({"no predictor": null, "with intake": full})
    >>> [t.get_text() for t in axes.get_yticklabels()]
    ['no predictor', 'with intake']
    """
    if not isinstance(models, Mapping):
        return models.plot.variance_shares(ax=ax)
    return _variance_shares({name: model.fit for name, model in models.items()}, ax)


def approaches(
    comparison: Approaches, terms: Sequence[str] | None = None, *, level: float = 0.95
) -> Axes:
    """Estimates of every approach with their intervals, one small plot a coefficient.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> nw.plot.approaches(c).get_title(loc="left")
    'standLRT'
    """
    return _approaches(comparison.found.estimates, comparison.reference, terms, level)


__all__ = [
    "approaches",
    "caterpillar",
    "checks",
    "curves",
    "effects",
    "groups",
    "histograms",
    "interaction",
    "observed_vs_predicted",
    "pooling",
    "profile",
    "qq",
    "ranef_correlation",
    "ranef_qq",
    "residual_correlation",
    "residuals",
    "residuals_by_visit",
    "semivariogram",
    "spaghetti",
    "variance_shares",
]
