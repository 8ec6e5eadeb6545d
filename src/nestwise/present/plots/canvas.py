"""Figures and axes with the defaults that all plots share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nestwise._base.errors import MissingExtraError
from nestwise.inference.kinds import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, distinct for colour-blind readers
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
GREY = "#6B6B6B"

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
    "GREEN",
    "GREY",
    "ORANGE",
    "VERMILION",
    "new_axes",
    "point_style",
    "scaled_label",
]
