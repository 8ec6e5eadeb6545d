"""The marginal effect of one predictor, with its interval and where the data are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean
from nestwise._base.table import Table
from nestwise.inference.emmeans.grid import GridVariable, reference_grid
from nestwise.inference.emmeans.means import emmeans, table
from nestwise.inference.emmeans.transform import scale_of
from nestwise.inference.emmeans.values import column_numbers
from nestwise.inference.kinds import Fit, GlmmFit
from nestwise.present.plots.canvas import DASHES, MARKERS, PALETTE, legend_below, new_axes, title
from nestwise.present.plots.labels import label_of, response_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 61
RUG = 2000


def effects(
    fit: Fit,
    data: Any,
    x: str,
    by: str | None = None,
    level: float = 0.95,
    *,
    connect: bool = False,
) -> Axes:
    """Plot the marginal mean of the response along one predictor.

    Factors are averaged over, other covariates held at their means, random effects at zero. A
    covariate gives a line with a band and ticks where its data are; a factor gives a point with an
    interval for each level.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.
    x : str
        Predictor.
    by : str, optional
        A second predictor, drawn in colours: its levels, or for a covariate its quartiles.
    level : float
        Of the intervals, with the degrees of freedom of the fit's default method.
    connect : bool
        Whether the points of a factor are joined by lines, as in an interaction plot.

    Returns
    -------
    Axes
        The scale of the fit (of ``log(y)`` the logarithm); of a generalised model that of the
        response.

    Raises
    ------
    OptionError
        When `x` or `by` is no predictor, or no marginal mean can be estimated because columns
        of the fixed effects had to be left out.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> model = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> effects(model.fit, data, "Days").get_xlabel()
    'Days'
    """
    variables = {v.name: v for v in reference_grid(fit, data).variables}
    for argument, name in (("x", x), ("by", by)):
        if name is not None and name not in variables:
            hint = did_you_mean(str(name), variables)
            raise OptionError(f"{argument}={name!r} is not among the predictors{hint}")
    if by == x:
        raise OptionError(f"by={by!r} is the predictor along the axis; name another one")
    at: dict[str, Any] = {}
    continuous = _continuous(variables[x])
    if continuous:
        own = column_numbers(fit, data, x)
        at[x] = np.linspace(own.min(), own.max(), POINTS)
    if by is not None and _continuous(variables[by]):
        at[by] = np.unique(np.quantile(column_numbers(fit, data, by), [0.25, 0.5, 0.75]))
    means = table(emmeans(fit, data, x, by=by, at=at, level=level))
    if not np.isfinite(means["emmean"]).any():
        raise OptionError(
            f"the marginal means of {x!r} cannot be estimated: the fixed effects lack the columns "
            f"{', '.join(fit.design.fixed.dropped)}, which the others determine"
        )
    means, words = _on_response(fit, means)
    (axes,) = new_axes()
    _draw(axes, means, x, by, continuous, connect)
    if continuous:
        _rug(axes, own)
    axes.set_xlabel(label_of(data, x))
    axes.set_ylabel(f"{words} of {response_label(fit, data)}")
    names = [label_of(data, name, unit=False) for name in (x, *([] if by is None else [by]))]
    about = response_label(fit, data, unit=False)
    title(axes, f"Effect of {' by '.join(names)} on {about}, {level:.0%} interval")
    if by is not None:
        spread = " (quartiles)" if _continuous(variables[by]) else ""
        legend_below(axes, label_of(data, by) + spread, columns=6)
    return axes


def _on_response(fit: Fit, means: Table) -> tuple[Table, str]:
    """The means of a generalised model on the scale of its response, and what they are."""
    scale = scale_of(fit) if isinstance(fit, GlmmFit) else None
    if scale is None:
        return means, "Marginal mean"
    names = ("emmean", "lower", "upper")
    back = {name: scale.back(means[name].astype(np.float64)) for name in names}
    # A falling link, such as the inverse, exchanges the ends.
    low = np.minimum(back["lower"], back["upper"])
    back["upper"] = np.maximum(back["lower"], back["upper"])
    back["lower"] = low
    what = {"prob": "Probability", "rate": "Expected number"}.get(scale.shown, "Expected value")
    return Table({**means.columns, **back}), what


def _continuous(variable: GridVariable) -> bool:
    """Whether the grid holds the predictor at a single value: a covariate."""
    return variable.numeric and len(variable.values) == 1


def _draw(
    axes: Axes, means: Table, x: str, by: str | None, continuous: bool, connect: bool
) -> None:
    groups = [None] if by is None else list(dict.fromkeys(means[by].tolist()))
    own = dict.fromkeys(means[x].tolist())
    names = [f"{v:g}" if isinstance(v, float) else str(v) for v in own]
    for i, g in enumerate(groups):
        rows = np.arange(len(means)) if by is None else np.flatnonzero(means[by] == g)
        y, low, high = (means[name][rows] for name in ("emmean", "lower", "upper"))
        label = None if g is None else f"{g:.4g}" if isinstance(g, float) else str(g)
        colour, dash = PALETTE[i % len(PALETTE)], DASHES[i % len(DASHES)]
        if continuous:
            place = means[x][rows].astype(np.float64)
            axes.fill_between(place, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(place, y, color=colour, linewidth=2.0, linestyle=dash, label=label)
            continue
        shift = 0.0 if len(groups) == 1 else 0.3 * (i / (len(groups) - 1) - 0.5)
        place = np.arange(rows.size, dtype=np.float64) + shift
        axes.vlines(place, low, high, color=colour, linewidth=1.8)
        if connect:
            axes.plot(place, y, color=colour, linewidth=1.4, linestyle=dash)
        marker = MARKERS[i % len(MARKERS)]
        axes.scatter(place, y, color=colour, s=36, marker=marker, zorder=3, label=label)
    if not continuous:
        axes.set_xticks(np.arange(len(names)), names)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.grid(False, axis="x")
        if sum(map(len, names)) > 50:
            axes.tick_params(axis="x", rotation=45)


def _rug(axes: Axes, values: FloatArray) -> None:
    """Ticks at the bottom where the data are; evenly chosen among many."""
    shown = np.unique(values)
    if shown.size > RUG:
        shown = np.quantile(values, np.linspace(0.0, 1.0, RUG))
    height = axes.get_xaxis_transform()
    alpha = 0.8 if shown.size <= 50 else 0.35 if shown.size <= 500 else 0.12
    axes.vlines(shown, 0.0, 0.025, transform=height, color="black", linewidth=0.9, alpha=alpha)


__all__ = ["effects"]
