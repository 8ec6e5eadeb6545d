"""One small plot a group: its data, its own line, the model's line, and the population's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise.inference.emmeans.values import column_numbers
from nestwise.inference.group_lines import GroupLines, group_lines
from nestwise.inference.kinds import Fit, LmmFit
from nestwise.present.plots.canvas import (
    BLUE,
    DASHES,
    GREY,
    VERMILION,
    heading,
    legend_below,
    new_axes,
    shortened,
)
from nestwise.present.plots.columns import evenly
from nestwise.present.plots.labels import label_of, response_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 20


def pooling(
    fit: Fit,
    data: Any,
    x: str,
    group: str | None = None,
    levels: Sequence[object] | None = None,
) -> Axes:
    """Plot the data of each group with three lines: no, partial and complete pooling.

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
    levels : sequence, optional
        Which groups; by default all up to 20, else 20 chosen evenly by their fitted level.

    Returns
    -------
    Axes
        Of the first group; ``axes.figure.axes`` has all. The points are the data; the lines hold
        the other predictors at typical values.

    Raises
    ------
    OptionError
        When the model has no random effects, `x` is no numeric predictor, or `group` or a level
        is not known.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> model = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> axes = pooling(model.fit, data, "Days")
    >>> len(axes.figure.axes), [t.get_text() for t in axes.figure.legends[0].get_texts()]
    (18, ['group alone', 'partial pooling (model)', 'complete pooling (population)'])
    """
    if not isinstance(fit, LmmFit):
        raise OptionError("pooling shows the random effects of linear mixed models only")
    found = group_lines(fit, data, x, group)
    own = column_numbers(fit, data, x)
    factor = next(f for f in fit.design.factors if f.name == found.group)
    chosen = _chosen(found, levels)
    columns = min(5, len(chosen))
    rows = -(-len(chosen) // columns)
    every = new_axes(max(4.8, 2.05 * columns + 0.5), 1.75 * rows + 1.5, columns, rows)
    for axes, i in zip(every, chosen, strict=False):
        mine = factor.codes == i
        _draw(axes, found, int(i), own, (own[mine], fit.design.y[mine]))
    seen = np.isin(factor.codes, chosen)
    low, high = float(fit.design.y[seen].min()), float(fit.design.y[seen].max())
    margin = 0.06 * (high - low)
    for i, axes in enumerate(every):
        if i >= len(chosen):
            axes.remove()
            continue
        axes.set_ylim(low - margin, high + margin)
        axes.tick_params(labelsize=8, labelleft=i % columns == 0)
        lowest = i + columns >= len(chosen)
        axes.tick_params(labelbottom=lowest)
        axes.set_xlabel(shortened(label_of(data, x), 22) if lowest else "", fontsize=9)
    _write(every[0], fit, data, x, found, len(chosen))
    return every[0]


def _write(axes: Axes, fit: Fit, data: Any, x: str, found: GroupLines, shown: int) -> None:
    figure = axes.figure
    figure.supylabel(response_label(fit, data), fontsize=10)
    words = f"{response_label(fit, data, unit=False)} along {label_of(data, x, unit=False)}"
    heading(axes, f"{words}: each {found.group} alone, pooled partly, and wholly")
    note = []
    if shown < len(found.levels):
        note.append(f"{shown} of {len(found.levels)} groups, spread evenly over their fitted level")
    if found.held:
        note.append("lines with " + ", ".join(found.held))
    legend_below(axes, "; ".join(note), columns=3)


def _chosen(found: GroupLines, levels: Sequence[object] | None) -> AnyArray:
    if levels is None:
        order = np.argsort(found.partial[:, 0], kind="stable")
        if order.size <= PANELS:
            return np.arange(order.size)
        return np.asarray(order[evenly(order.size, PANELS)])
    known = [str(v) for v in found.levels]
    if not levels:
        raise OptionError("levels=[] names no group to draw")
    return np.array([known.index(one_of("levels", str(v), known)) for v in levels])


def _draw(
    axes: Axes, found: GroupLines, i: int, own: AnyArray, points: tuple[FloatArray, FloatArray]
) -> None:
    size = 12 if points[0].size <= 50 else 5
    axes.scatter(points[0], points[1], s=size, color=GREY, linewidths=0, alpha=0.7)
    level, slope = found.separate[i]
    if np.isfinite(slope):
        axes.plot(
            found.x,
            level + slope * (found.x - own.mean()),
            color=VERMILION,
            linestyle=DASHES[1],
            linewidth=1.3,
            label="group alone",
        )
    axes.plot(found.x, found.lines[i], color=BLUE, linewidth=1.8, label="partial pooling (model)")
    axes.plot(
        found.x,
        found.population,
        color="black",
        linestyle=DASHES[2],
        linewidth=1.3,
        label="complete pooling (population)",
    )
    axes.set_title(str(found.levels[i]), loc="left", fontsize=9)


__all__ = ["pooling"]
