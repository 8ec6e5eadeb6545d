"""Residuals visit by visit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.inference.kinds import Fit
from nestwise.inference.serial import serial_pairs
from nestwise.present.plots.canvas import BLUE, GREY, VERMILION, one_axes, title
from nestwise.present.plots.visits import visit_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def residuals_by_visit(
    fit: Fit, data: Any, x: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the standardised residuals of every visit as points beside a box.

    The boxes should be centred at zero and equally wide: a wave tells of a missing term in time, a
    fan of variances that differ by visit (``csh``, ``ar1h``, ``us``, ``variance=``).

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit.
    data : table
        What it was fitted to.
    x : str, optional
        The column of the visits; that of the residual structure by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        When the fit has no groups or no visits.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> residuals_by_visit(m.fit, data, "Days").get_xlabel()
    'Days'
    """
    visits = visit_axis(fit, data, x)
    e = serial_pairs(fit).residuals
    axes = one_axes(ax)
    for line in (-2.0, 0.0, 2.0):
        axes.axhline(line, color=GREY, linewidth=1.2 if line == 0.0 else 0.8, linestyle="-")
    groups = [e[visits.codes == i] for i in range(len(visits.labels))]
    places = [i for i, group in enumerate(groups) if group.size]
    axes.boxplot(
        [groups[i] for i in places],
        positions=places,
        widths=0.5,
        showfliers=False,
        medianprops={"color": VERMILION, "linewidth": 2.0},
        boxprops={"color": "black"},
        manage_ticks=False,
    )
    for i in places:
        _points(axes, i, groups[i])
    step = max(1, int(np.ceil(len(groups) / 15)))
    at = np.arange(0, len(groups), step)
    axes.set_xticks(at, [visits.labels[i] for i in at])
    axes.set_xlabel(visits.name)
    axes.set_ylabel("Residual / its sd")
    title(axes, "Residuals by visit")
    return axes


def _points(axes: Axes, place: int, values: FloatArray) -> None:
    """Points of one visit, spread by a fixed rule so that the picture is always the same."""
    n = values.size
    spread = ((np.arange(n) * 0.6180339887498949) % 1.0 - 0.5) * 0.6
    size = 14.0 if n <= 200 else 5.0
    axes.scatter(
        place + spread,
        values,
        s=size,
        color=BLUE,
        alpha=0.5 if n <= 200 else 0.15,
        linewidths=0,
        zorder=1,
        rasterized=n > 5000,
    )


__all__ = ["residuals_by_visit"]
