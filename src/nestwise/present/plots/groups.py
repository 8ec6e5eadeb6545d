"""Fitted lines of every group beside the population's, and the shrinkage towards it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise.inference.group_lines import GroupLines, group_lines
from nestwise.inference.kinds import Fit, LmmFit
from nestwise.present.plots.canvas import BLUE, GREY, ORANGE, VERMILION, legend_below, new_axes
from nestwise.present.plots.labels import label_of, response_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 100
"""Up to this many groups lines and arrows are drawn strongly."""


def groups(fit: Fit, data: Any, x: str, group: str | None = None) -> Axes:
    """Plot each group's fitted line, and how far it lies between no pooling and full pooling.

    On the left the lines with the random effects of each group, and the population's. On the
    right, for every group, an arrow from the estimate of that group alone (least squares) to the
    one of the model, which is drawn towards the population's; where the slope does not vary, the
    levels against each other.

    Parameters
    ----------
    fit : LmmFit
        A mixed model.
    data : table
        What it was fitted to.
    x : str
        A numeric predictor.
    group : str, optional
        Grouping factor; by default the one with the fewest levels.

    Returns
    -------
    Axes
        Of the lines; ``axes.figure.axes`` has both.

    Raises
    ------
    OptionError
        When the model has no random effects, `x` is no numeric predictor, or `group` is not one of
        its factors.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> model = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> len(groups(model.fit, data, "Days").figure.axes)
    2
    """
    if not isinstance(fit, LmmFit):
        raise OptionError("groups shows the random effects of linear mixed models only")
    found = group_lines(fit, data, x, group)
    left, right = new_axes(11.0, 4.8, 2)
    label = response_label(fit, data)
    _lines(left, found, label_of(data, x), label)
    slopes = found.partial[:, 1]
    if np.ptp(slopes) > 1e-8 * max(float(np.abs(slopes).max()), 1e-300):
        _arrows(right, found, label_of(data, x), label)
    else:
        _levels(right, found, label)
    legend_below(left, "lines with " + ", ".join(found.held) if found.held else None, columns=5)
    return left


def _lines(axes: Axes, found: GroupLines, x: str, label: str) -> None:
    n = len(found.levels)
    width, alpha = (1.1, 0.65) if n <= FEW else (0.7, max(0.05, min(0.5, 30.0 / n)))
    axes.plot(found.x, found.lines.T, color=BLUE, linewidth=width, alpha=alpha)
    axes.plot([], [], color=BLUE, linewidth=1.1, label=f"each {found.group} ({n} levels)")
    axes.plot(found.x, found.population, color="black", linewidth=2.6, label="population")
    axes.set_xlabel(x)
    axes.set_ylabel(f"Fitted {label}")
    axes.set_title(f"Lines of each {found.group}", loc="left")


def _arrows(axes: Axes, found: GroupLines, x: str, label: str) -> None:
    """Level and slope: from each group alone to the model's."""
    good = np.isfinite(found.separate[:, 1])
    start, end = found.separate[good], found.partial[good]
    strong = len(start) <= FEW
    size, alpha = (26.0, 1.0) if strong else (6.0, 0.5)
    axes.quiver(
        start[:, 0],
        start[:, 1],
        end[:, 0] - start[:, 0],
        end[:, 1] - start[:, 1],
        angles="xy",
        scale_units="xy",
        scale=1,
        color=GREY,
        width=0.0028 if strong else 0.0014,
        alpha=0.7 if strong else 0.25,
        headwidth=5,
        zorder=2,
    )
    axes.scatter(
        start[:, 0],
        start[:, 1],
        facecolor="white",
        edgecolor=ORANGE,
        s=size,
        alpha=alpha,
        zorder=3,
        label="group alone (least squares)",
    )
    axes.scatter(
        end[:, 0], end[:, 1], color=BLUE, s=size, alpha=alpha, zorder=4, label="group in the model"
    )
    level, slope = found.pooled.tolist()
    axes.scatter(level, slope, marker="X", color="black", s=90, zorder=5, label="population mean")
    _frame(axes, start, end)
    axes.set_xlabel(f"{label} at the mean of {x}")
    axes.set_ylabel(f"Slope of {x}")
    axes.set_title("Shrinkage towards the population", loc="left")


def _frame(axes: Axes, start: FloatArray, end: FloatArray) -> None:
    """Limits that wild estimates of tiny groups do not set; how many are outside is said."""
    low, high = np.quantile(start, [0.02, 0.98], axis=0)
    low, high = np.minimum(low, end.min(axis=0)), np.maximum(high, end.max(axis=0))
    margin = 0.25 * (high - low)
    low, high = low - margin, high + margin
    outside = int(np.any((start < low) | (start > high), axis=1).sum())
    if not outside:
        return
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    words = f"{outside} group{'s' if outside > 1 else ''} alone beyond the frame"
    axes.text(0.99, 0.01, words, transform=axes.transAxes, ha="right", fontsize=7, color=GREY)


def _levels(axes: Axes, found: GroupLines, label: str) -> None:
    """Only levels vary: the model's against those of the group alone."""
    alone, model = found.separate[:, 0], found.partial[:, 0]
    good = np.isfinite(alone)
    size = 26.0 if len(model) <= FEW else 8.0
    both = np.concatenate([alone[good], model])
    ends = np.array([both.min(), both.max()])
    axes.plot(ends, ends, color=GREY, linewidth=1.2, label="no shrinkage")
    axes.axhline(found.pooled[0], color="black", linewidth=1.4, label="population mean")
    axes.vlines(alone[good], alone[good], model[good], color=VERMILION, linewidth=0.8, alpha=0.6)
    axes.scatter(alone[good], model[good], color=BLUE, s=size, zorder=3, label="group in the model")
    axes.set_xlabel(f"{label}, group alone (least squares)")
    axes.set_ylabel(f"{label}, model")
    axes.set_title("Shrinkage of the levels", loc="left")


__all__ = ["groups"]
