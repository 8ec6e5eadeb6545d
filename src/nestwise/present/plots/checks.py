"""Four residual checks on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise.inference.kinds import Fit
from nestwise.inference.residuals import fitted
from nestwise.present.plots.canvas import (
    BLUE,
    VERMILION,
    heading,
    new_axes,
    point_style,
)
from nestwise.present.plots.columns import evenly
from nestwise.present.plots.labels import response_label
from nestwise.present.plots.quantile import qq
from nestwise.present.plots.residual import binned_means, residuals
from nestwise.present.plots.values import plotted_residuals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BOXES = 30


def checks(fit: Fit, data: Any = None) -> Axes:
    """Plot four views of the residuals: curvature, normality, constant spread, groups.

    The last one shows boxes for the levels of the coarsest grouping factor (up to 30, chosen
    evenly by mean); a linear model has a histogram there.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table, optional
        What it was fitted to, for labels and units.

    Returns
    -------
    Axes
        The first; ``axes.figure.axes`` has all four.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> [axes.get_title(loc="left") for axes in checks(model.fit).figure.axes]
    ['Residuals and fitted values', 'Normal Q-Q', 'Spread and fitted values', 'Distribution']
    """
    every = new_axes(9.6, 7.6, 2, 2)
    residuals(fit, data, ax=every[0])
    qq(fit, data, ax=every[1])
    every[1].set_title("Normal Q-Q", loc="left")
    _spread(every[2], fit, data)
    if fit.design.factors:
        _boxes(every[3], fit)
    else:
        _histogram(every[3], fit)
    heading(every[0], f"Residual checks of {response_label(fit, data, unit=False)}")
    return every[0]


def _spread(axes: Axes, fit: Fit, data: Any) -> None:
    x, (values, words) = fitted(fit), plotted_residuals(fit)
    y = np.sqrt(np.abs(values))
    axes.scatter(x, y, color=BLUE, **point_style(x.size))
    axes.plot(*binned_means(x, y), color=VERMILION, linewidth=1.8)
    axes.set_xlabel(f"Fitted {response_label(fit, data)}")
    axes.set_ylabel(f"√|{words}|")
    axes.set_title("Spread and fitted values", loc="left")


def _boxes(axes: Axes, fit: Fit) -> None:
    factor = fit.design.factors[-1]
    values, words = plotted_residuals(fit)
    order = np.argsort(factor.codes, kind="stable")
    ends = np.flatnonzero(np.diff(factor.codes[order])) + 1
    runs = np.split(values[order], ends)
    by_mean = np.argsort([run.mean() for run in runs], kind="stable")
    shown = by_mean[evenly(by_mean.size, BOXES)]
    boxes = axes.boxplot([runs[i] for i in shown], patch_artist=True, widths=0.6)
    for patch in boxes["boxes"]:
        patch.set(facecolor=BLUE, alpha=0.35, edgecolor=BLUE)
    for line in (*boxes["whiskers"], *boxes["caps"]):
        line.set_color(BLUE)
    for line in boxes["medians"]:
        line.set(color=VERMILION, linewidth=1.6)
    for points in boxes["fliers"]:
        points.set(marker="o", markersize=2.5, markerfacecolor=BLUE, markeredgecolor="none")
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_xticks([])
    axes.grid(False, axis="x")
    axes.set_ylabel(words)
    some = f"{shown.size} of {by_mean.size}" if shown.size < by_mean.size else f"{by_mean.size}"
    axes.set_xlabel(f"{factor.name}, by mean ({some} levels)")
    axes.set_title("Residuals within groups", loc="left")


def _histogram(axes: Axes, fit: Fit) -> None:
    values, words = plotted_residuals(fit)
    axes.hist(values, bins=min(40, max(8, int(np.sqrt(values.size)))), color=BLUE, alpha=0.85)
    axes.set_xlabel(words)
    axes.set_ylabel("Rows")
    axes.set_title("Distribution", loc="left")


__all__ = ["checks"]
