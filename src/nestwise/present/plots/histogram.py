"""Histograms of a column, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import DataError
from nestwise.present.plots.canvas import (
    BLUE,
    VERMILION,
    heading,
    legend_below,
    new_axes,
    shortened,
)
from nestwise.present.plots.columns import Groups, group_column, number_column
from nestwise.present.plots.labels import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 24
"""With more groups than this each becomes a row of a picture of counts."""


def histograms(data: Any, column: str, by: str | Sequence[str] | None = None) -> Axes:
    """Histograms with common axes and bins, one for each group, with the mean of each.

    More than 24 groups are drawn as one picture: each group a row, sorted by its mean, each bin
    coloured by its share of the group.

    Parameters
    ----------
    data : table
        Any table that models are fitted to.
    column : str
        A numeric column; rows where it is missing are left out, and how many is said.
    by : str or sequence of str, optional
        Columns whose combinations are the groups.

    Returns
    -------
    Axes
        Of the first group; ``axes.figure.axes`` has all.

    Raises
    ------
    DataError
        When a column is not in the data, holds no numbers, or all is missing.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> axes = histograms(nw.load_dataset("hlm_tutorial"), "math_score", by="intervention")
    >>> [one.get_title(loc="left") for one in axes.figure.axes]
    ['0 (n = 120)', '1 (n = 120)']
    """
    values = number_column(data, column)
    good = np.isfinite(values)
    groups = None if by is None else group_column(data, by)
    if groups is not None:
        good &= groups.codes >= 0
    if not good.any():
        raise DataError(f"column '{column}' has no values to plot")
    edges = bin_edges(values[good])
    label = label_of(data, column)
    if groups is None:
        first = _panels([("", values[good])], edges, label)
    elif len(groups.labels) <= PANELS:
        own = [(g, values[good & (groups.codes == i)]) for i, g in enumerate(groups.labels)]
        first = _panels([(f"{g} (n = {v.size})", v) for g, v in own], edges, label)
    else:
        first = _rows(values[good], groups, groups.codes[good].astype(np.int64), edges, label)
    ending = "" if groups is None else f" by {groups.name}"
    heading(first, f"Distribution of {label_of(data, column, unit=False)}{ending}")
    lost = int((~good).sum())
    note = f"{lost} row{'s' if lost > 1 else ''} without a value left out"
    legend_below(first, note if lost else None)
    return first


def bin_edges(values: FloatArray) -> FloatArray:
    """Edges of 10 to 40 bins, by the rule of Freedman and Diaconis; whole numbers are centred.

    Examples
    --------
    >>> bin_edges(np.array([0.0, 1.0, 1.0, 2.0])).tolist()
    [-0.5, 0.5, 1.5, 2.5]
    """
    low, high = float(values.min()), float(values.max())
    if high - low <= 30 and np.array_equal(values, np.round(values)):
        return np.arange(low - 0.5, high + 1.0)
    q1, q3 = np.quantile(values, [0.25, 0.75])
    width = 2.0 * (q3 - q1) / np.cbrt(values.size)
    n = 20 if width <= 0.0 else int(np.clip(np.ceil((high - low) / width), 10, 40))
    return np.linspace(low, high, n + 1)


def _panels(groups: list[tuple[str, FloatArray]], edges: FloatArray, label: str) -> Axes:
    columns = min(len(groups), 1 if len(groups) == 1 else 2 if len(groups) <= 4 else 4)
    rows = -(-len(groups) // columns)
    width = 6.4 if columns <= 2 else 9.6
    every = new_axes(width, max(4.0, 1.2 + 1.35 * rows), columns, rows)
    top = 0
    for axes, (title, values) in zip(every, groups, strict=False):
        counts = np.histogram(values, edges)[0]
        axes.bar(
            edges[:-1],
            counts,
            np.diff(edges),
            align="edge",
            color=BLUE,
            edgecolor="white",
            linewidth=0.5,
        )
        if values.size:
            axes.axvline(float(values.mean()), color=VERMILION, linewidth=1.8, label="mean")
        axes.set_title(title, loc="left", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(False, axis="x")
        top = max(top, int(np.max(counts)))
    for i, axes in enumerate(every):
        if i >= len(groups):
            axes.remove()
            continue
        axes.set_ylim(0, 1.08 * max(top, 1))
        axes.set_xlim(edges[0], edges[-1])
        lowest = i + columns >= len(groups)
        axes.tick_params(labelleft=i % columns == 0, labelbottom=lowest)
        small = label if columns == 1 else shortened(label, 24)
        axes.set_xlabel(small if lowest else "", fontsize=9)
    every[0].figure.supylabel("Rows", fontsize=10)
    return every[0]


def _rows(
    values: FloatArray, groups: Groups, codes: AnyArray, edges: FloatArray, label: str
) -> Axes:
    """Each group a row of shares, sorted by mean."""
    g = len(groups.labels)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, edges.size - 2)
    counts = np.zeros((g, edges.size - 1))
    np.add.at(counts, (codes, place), 1.0)
    n = counts.sum(axis=1)
    kept = np.flatnonzero(n)
    means = np.bincount(codes, values, g)[kept] / n[kept]
    order = kept[np.argsort(means, kind="stable")]
    (axes,) = new_axes(6.8, 6.2)
    share = counts[order] / n[order, None]
    image = axes.pcolormesh(edges, np.arange(order.size + 1), share, cmap="cividis")
    axes.plot(np.sort(means), np.arange(order.size) + 0.5, color=VERMILION, lw=2.0, label="means")
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label("Share of the group's rows")
    axes.grid(False)
    axes.set_yticks([])
    axes.set_xlabel(label)
    axes.set_ylabel(f"{groups.name} ({order.size} groups, by mean)")
    return axes


__all__ = ["bin_edges", "histograms"]
