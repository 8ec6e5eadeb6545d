"""The data of every subject with the fitted curves: spaghetti and sauce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.inference.emmeans.values import column_numbers
from nestwise.inference.kinds import Fit
from nestwise.inference.residuals import fitted, fixed_part
from nestwise.inference.serial import group_codes
from nestwise.present.plots.canvas import DASHES, GREY, PALETTE, legend_below, one_axes, title
from nestwise.present.plots.columns import group_column
from nestwise.present.plots.labels import label_of, response_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves(
    fit: Fit,
    data: Any,
    x: str,
    group: str | None = None,
    by: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw each subject's data in grey, its fitted curve in colour, and the population's curve.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit.
    data : table
        What it was fitted to.
    x : str
        A numeric column, mostly time.
    group : str, optional
        The subjects; those of the residual structure, or the first grouping factor, by default.
    by : str, optional
        A column that colours the curves, with a population curve for each level.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        When the fit has no groups.
    DataError
        When a column is not in the data or `x` holds no numbers.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> curves(m.fit, data, "Days").get_ylabel()
    'Reaction (ms)'
    """
    across, codes = column_numbers(fit, data, x), group_codes(fit, group)
    axes = one_axes(ax, 7.0, 4.8)
    n_groups = int(codes.max()) + 1
    faint = 0.55 if n_groups <= 30 else 0.3 if n_groups <= 200 else max(0.03, 30 / n_groups)
    _lines(axes, across, fit.design.y, codes, GREY, 0.8, faint)
    parts = _parts(fit, data, by)
    own, population = fitted(fit), fixed_part(fit)
    for i, (name, rows) in enumerate(parts):
        colour = PALETTE[i % len(PALETTE)]
        if fit.design.terms:
            _lines(axes, across[rows], own[rows], codes[rows], colour, 1.0, min(1.0, 1.6 * faint))
        at = np.unique(across[rows])
        mean = np.array([population[rows][across[rows] == v].mean() for v in at])
        label = "population" if by is None else f"population, {name}"
        axes.plot(at, mean, color="white", linewidth=5.0, zorder=4)
        axes.plot(
            at,
            mean,
            color=colour,
            linewidth=2.8,
            zorder=5,
            label=label,
            linestyle=DASHES[i % len(DASHES)],
        )
    axes.plot([], [], color=GREY, linewidth=0.8, label="data of each subject")
    if fit.design.terms and by is None:
        axes.plot([], [], color=PALETTE[0], linewidth=1.0, label="fitted for each subject")
    axes.set_xlabel(label_of(data, x))
    axes.set_ylabel(response_label(fit, data))
    title(axes, f"Data and fitted curves along {label_of(data, x, unit=False)}")
    if ax is None:
        legend_below(axes, by)
    return axes


def _parts(fit: Fit, data: Any, by: str | None) -> list[tuple[str, AnyArray]]:
    """Levels of the colouring column and their rows."""
    if by is None:
        return [("", np.ones(len(fit.design.y), dtype=np.bool_))]
    groups, kept = group_column(data, by), fit.design.kept
    codes = groups.codes if kept is None else groups.codes[kept]
    return [(name, codes == i) for i, name in enumerate(groups.labels) if (codes == i).any()]


def _lines(
    axes: Axes,
    x: FloatArray,
    y: FloatArray,
    codes: AnyArray,
    colour: str,
    width: float,
    alpha: float,
) -> None:
    from matplotlib.collections import LineCollection

    order = np.lexsort((x, codes))
    points = np.column_stack([x, y])[order]
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    segments = [run for run in np.split(points, ends) if len(run)]
    lines = LineCollection(segments, colors=colour, linewidths=width, alpha=alpha)
    lines.set_rasterized(len(x) > 20_000)
    axes.add_collection(lines)
    axes.autoscale_view()


__all__ = ["curves"]
