"""The data of every group as a line of its own: the spaghetti plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import DataError
from nestwise.present.plots.canvas import DASHES, PALETTE, legend_below, one_axes, title
from nestwise.present.plots.columns import Groups, group_column, number_column
from nestwise.present.plots.labels import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEANS = 30
"""Up to this many distinct x have a mean each; more are gathered into bins."""


def spaghetti(
    data: Any, x: str, y: str, group: str, *, by: str | None = None, ax: Axes | None = None
) -> Axes:
    """Join the observations of each group in the order of `x`, with the mean over all groups.

    Parameters
    ----------
    data : table
        Any table that models are fitted to, one row an observation.
    x, y : str
        Numeric columns; rows where one is missing are left out.
    group : str
        The column that tells the lines apart, such as the person measured.
    by : str, optional
        A column that colours the lines, with a mean of its own for each level.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        When a column is not in the data or holds no numbers.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> axes = spaghetti(nw.load_dataset("sleepstudy"), "Days", "Reaction", "Subject")
    >>> axes.get_title(loc="left"), axes.get_ylabel()
    ('Reaction along Days, by Subject', 'Reaction (ms)')
    """
    across, up = number_column(data, x), number_column(data, y)
    lines = group_column(data, group)
    colours = None if by is None else group_column(data, by)
    good = np.isfinite(across) & np.isfinite(up) & (lines.codes >= 0)
    if colours is not None:
        good &= colours.codes >= 0
    if not good.any():
        raise DataError(f"no row has values of '{x}', '{y}' and '{group}' together")
    axes = one_axes(ax, 7.0, 4.8)
    parts = [("", good)]
    if colours is not None:
        parts = [(name, good & (colours.codes == i)) for i, name in enumerate(colours.labels)]
    for i, (name, rows) in enumerate(parts):
        _lines(axes, across[rows], up[rows], lines.codes[rows], i, len(lines.labels))
        _mean(axes, across[rows], up[rows], i, name, colours)
    axes.set_xlabel(label_of(data, x))
    axes.set_ylabel(label_of(data, y))
    words = [label_of(data, name, unit=False) for name in (y, x)]
    title(axes, f"{words[0]} along {words[1]}, by {group}")
    if ax is None:
        legend_below(axes, by)
    return axes


def _lines(
    axes: Axes, x: FloatArray, y: FloatArray, codes: AnyArray, place: int, n_groups: int
) -> None:
    from matplotlib.collections import LineCollection

    order = np.lexsort((x, codes))
    points = np.column_stack([x, y])[order]
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    segments = [run for run in np.split(points, ends) if len(run)]
    alpha = 0.7 if n_groups <= 30 else 0.35 if n_groups <= 200 else max(0.04, 40 / n_groups)
    width = 1.0 if n_groups <= 200 else 0.6
    colour = PALETTE[place % len(PALETTE)]
    lines = LineCollection(segments, colors=colour, linewidths=width, alpha=alpha)
    lines.set_rasterized(len(x) > 20_000)
    axes.add_collection(lines)
    alone = np.array([run[0] for run in segments if len(run) == 1])
    if alone.size:
        axes.scatter(alone[:, 0], alone[:, 1], s=8, color=colour, alpha=alpha, linewidths=0)
    axes.autoscale_view()


def _mean(
    axes: Axes, x: FloatArray, y: FloatArray, place: int, name: str, colours: Groups | None
) -> None:
    """The mean of y at each x, or over bins of x; with a white rim, so that it stands out."""
    at = np.unique(x)
    if at.size > MEANS:
        runs = np.array_split(np.argsort(x, kind="stable"), min(20, max(2, x.size // 10)))
        at = np.array([x[run].mean() for run in runs])
        mean = np.array([y[run].mean() for run in runs])
    else:
        mean = np.array([y[x == v].mean() for v in at])
    colour = "black" if colours is None else PALETTE[place % len(PALETTE)]
    dash = DASHES[place % len(DASHES)]
    label = "mean of all" if colours is None else f"mean of {name}"
    axes.plot(at, mean, color="white", linewidth=5.0, zorder=4)
    axes.plot(at, mean, color=colour, linewidth=2.6, linestyle=dash, zorder=5, label=label)
    if colours is None:
        axes.plot([], [], color=PALETTE[0], linewidth=1.0, label="each group")


__all__ = ["spaghetti"]
