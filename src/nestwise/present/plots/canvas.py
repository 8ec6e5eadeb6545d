"""Figures and axes with the defaults that all plots share."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from nestwise._base.errors import MissingExtraError
from nestwise.inference.kinds import Fit

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

# Okabe and Ito's colours, distinct for colour-blind readers
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
GREY = "#6B6B6B"
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, GREY)
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Colours never stand alone: curves also differ in dash, points in marker."""

MANY = 20_000
"""More points than this are drawn as pixels without outline, so that the file stays small."""


def new_axes(
    width: float = 6.4, height: float = 4.4, n_columns: int = 1, n_rows: int = 1
) -> list[Axes]:
    """Make a figure of its own, without the global state of ``pyplot``.

    Parameters
    ----------
    width, height : float
        Inches.
    n_columns, n_rows : int
        Numbers of axes side by side and below each other.

    Returns
    -------
    list of Axes
        Row by row.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> len(new_axes(n_columns=2))
    2
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            "plots need matplotlib, which is not installed; run: pip install 'nestwise[plot]'"
        ) from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(True, color="0.92", linewidth=0.8)
        one.set_axisbelow(True)
    return list(axes)


def one_axes(ax: Axes | None, width: float = 6.4, height: float = 4.4) -> Axes:
    """The caller's axes when there are some, else those of a new figure.

    Examples
    --------
    >>> mine = new_axes()[0]
    >>> one_axes(mine) is mine
    True
    """
    return new_axes(width, height)[0] if ax is None else ax


def heading(axes: Axes, title: str) -> None:
    """A title over all axes of a figure, at the left.

    Examples
    --------
    >>> axes = new_axes()[0]
    >>> heading(axes, "All")
    >>> axes.figure.get_suptitle()
    'All'
    """
    axes.figure.suptitle(_wrapped(title, _inches(axes)), x=0.01, ha="left", fontsize=12)


def title(axes: Axes, words: str) -> None:
    """The title of the only axes of a figure, broken where it is longer than the axes.

    Examples
    --------
    >>> axes = new_axes(3.0, 3.0)[0]
    >>> title(axes, "Effect of a long name on another name, 95% interval")
    >>> axes.get_title(loc="left").count(chr(10)) > 0
    True
    """
    axes.set_title(_wrapped(words, 0.97 * _inches(axes)), loc="left")


def shortened(words: str, most: int = 26) -> str:
    """Words for a small panel: the middle of long ones is left out.

    Examples
    --------
    >>> shortened("prior_math"), shortened("a" * 20 + "_of_the_year_2024")
    ('prior_math', 'aaaaaaaaaaaaa…he_year_2024')
    """
    if len(words) <= most:
        return words
    return f"{words[: most // 2]}…{words[-(most - most // 2 - 1) :]}"


def _inches(axes: Axes) -> float:
    return float(axes.figure.bbox.width / axes.figure.dpi)


def _wrapped(words: str, width: float) -> str:
    """Lines that fit into a width in inches, at twelve points."""
    return textwrap.fill(words, max(20, int(9.5 * width)))


def legend_below(axes: Axes, title: str | None = None, columns: int = 4) -> Legend | None:
    """A legend of all axes under the figure, where it hides nothing.

    Examples
    --------
    >>> axes = new_axes()[0]
    >>> legend_below(axes) is None
    True
    """
    found: dict[str, Artist] = {}
    for one in axes.figure.axes:
        handles, labels = one.get_legend_handles_labels()
        found = dict(zip(labels, handles, strict=True)) | found
    if not found:
        return None
    longest = 0.55 + 0.075 * max(map(len, found))
    legend = axes.figure.legend(
        list(found.values()),
        list(found),
        loc="outside lower center",
        ncols=max(1, min(columns, len(found), int(_inches(axes) / longest))),
        frameon=False,
        fontsize=9,
        title=title,
    )
    legend.get_title().set(fontsize=8, color=GREY)
    return legend


def point_style(n: int) -> dict[str, Any]:
    """Size and transparency of `n` points, so that many do not become one blot.

    Examples
    --------
    >>> point_style(180)["s"] > point_style(100_000)["s"]
    True
    """
    size = 18.0 if n <= 500 else 8.0 if n <= 5000 else 3.0
    alpha = 0.75 if n <= 500 else 0.4 if n <= 5000 else 0.15
    return {"s": size, "alpha": alpha, "linewidths": 0, "rasterized": n > MANY}


def scaled_label(fit: Fit) -> str:
    """Axis label of scaled residuals.

    Examples
    --------
    >>> from types import SimpleNamespace as S
    >>> scaled_label(S(design=S(weights=None)))
    'Residual / residual sd'
    """
    return ("Residual" if fit.design.weights is None else "Weighted residual") + " / residual sd"


__all__ = [
    "BLUE",
    "DASHES",
    "GREEN",
    "GREY",
    "MARKERS",
    "ORANGE",
    "PALETTE",
    "PURPLE",
    "SKY",
    "VERMILION",
    "heading",
    "legend_below",
    "new_axes",
    "one_axes",
    "point_style",
    "scaled_label",
    "shortened",
    "title",
]
