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
    """Random effects against normal quantiles.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    group : str, optional
        Grouping factor; the one with the most levels by default.

    Returns
    -------
    Axes
        Of the first effect; ``axes.figure.axes`` has all.

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.random_quantile.ranef_qq`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> nw.plot.ranef_qq(m).get_xlabel()
    'Normal quantile'
    """
    return model.plot.ranef_qq(group)


def ranef_correlation(model: Plotted, group: str | None = None) -> Axes:
    """Random effects of one factor against each other, with the estimated correlation.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    group : str, optional
        Grouping factor with several effects; the first such by default.

    Returns
    -------
    Axes
        Of the first pair.

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.random_pairs.ranef_correlation`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> nw.plot.ranef_correlation(m).get_title(loc="left")
    'correlation 0.07'
    """
    return model.plot.ranef_correlation(group)


def observed_vs_predicted(model: Plotted, *, ax: Axes | None = None) -> Axes:
    """Observed against fitted values.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.observed.observed_vs_predicted`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> nw.plot.observed_vs_predicted(m).get_xlabel()
    'Predicted Reaction (ms)'
    """
    return model.plot.observed_vs_predicted(ax=ax)


def residuals(model: Plotted, x: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Scaled residuals against fitted values, or against a numeric column.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    x : str, optional
        A numeric column of the data, in the model or not; fitted values by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.residual.residuals`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> nw.plot.residuals(m, "Days").get_xlabel()
    'Days'
    """
    return model.plot.residuals(x, ax=ax)


def qq(model: Plotted, *, ax: Axes | None = None) -> Axes:
    """Scaled residuals against normal quantiles.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.quantile.qq`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> nw.plot.qq(m).get_xlabel()
    'Normal quantile'
    """
    return model.plot.qq(ax=ax)


def checks(model: Plotted) -> Axes:
    """Four residual checks on one page.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.

    Returns
    -------
    Axes
        Of the first; ``axes.figure.axes`` has all four.

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.checks.checks`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> len(nw.plot.checks(m).figure.axes)
    4
    """
    return model.plot.checks()


def profile(model: Plotted, params: Sequence[str] | None = None, *, level: float = 0.95) -> Axes:
    """Profile likelihood of each parameter: zeta curves with the intervals they give.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    params : sequence of str, optional
        Which parameters; all by default.
    level : float
        Of the interval that is marked.

    Returns
    -------
    Axes
        Of the first parameter.

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.profile.profile`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> nw.plot.profile(m, ["sigma"]).get_ylabel()
    'zeta'
    """
    return model.plot.profile(params, level)


def effects(model: Plotted, x: str, *, by: str | None = None, level: float = 0.95) -> Axes:
    """Marginal mean along a predictor, with its interval and where the data are.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    x : str
        Predictor along the axis.
    by : str, optional
        A second one, in colours.
    level : float
        Of the intervals.

    Returns
    -------
    Axes

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.effects.effects`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> nw.plot.effects(m, "Days").get_ylabel()
    'Marginal mean of Reaction (ms)'
    """
    return model.plot.effects(x, by, level)


def interaction(model: Plotted, x: str, *, by: str, level: float = 0.95) -> Axes:
    """Marginal means of two predictors; those of a factor are joined by lines.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    x, by : str
        The two predictors, the first along the axis.
    level : float
        Of the intervals.

    Returns
    -------
    Axes

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.effects.effects`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("angle ~ recipe * temp + (1 | recipe:replicate)", nw.load_dataset("cake"))
    >>> nw.plot.interaction(m, "recipe", by="temp").get_xlabel()
    'recipe'
    """
    return model.plot.interaction(x, by, level)


def groups(model: Plotted, x: str, *, group: str | None = None) -> Axes:
    """Lines of every group beside the population's, and their shrinkage.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    x : str
        A numeric predictor.
    group : str, optional
        Grouping factor; the one with the fewest levels by default.

    Returns
    -------
    Axes
        Of the lines; ``axes.figure.axes`` has both.

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.groups.groups`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> len(nw.plot.groups(m, "Days").figure.axes)
    2
    """
    return model.plot.groups(x, group)


def pooling(
    model: Plotted,
    x: str,
    *,
    group: str | None = None,
    levels: Sequence[object] | None = None,
) -> Axes:
    """A small plot for each group: its data, its own line, the model's, the population's.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    x : str
        A numeric predictor.
    group : str, optional
        Grouping factor; the one with the fewest levels by default.
    levels : sequence, optional
        Which groups; all up to 20, else 20 spread evenly.

    Returns
    -------
    Axes
        Of the first group; ``axes.figure.axes`` has all.

    Raises
    ------
    NestwiseError
        When the plot does not suit the model or a name is not known: see
        `nestwise.present.plots.pooling.pooling`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> len(nw.plot.pooling(m, "Days", levels=["308", "309"]).figure.axes)
    2
    """
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
