"""Residuals against fitted values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.inference.emmeans.values import column_numbers
from nestwise.inference.kinds import Fit
from nestwise.inference.residuals import fitted
from nestwise.present.plots.canvas import BLUE, GREY, VERMILION, one_axes, point_style
from nestwise.present.plots.labels import label_of, response_label
from nestwise.present.plots.values import plotted_residuals

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def residuals(fit: Fit, data: Any = None, x: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Scatter scaled residuals against fitted values or a column, with local means.

    A level band around zero is what the model expects; a bend tells of a missing term, a funnel
    of a variance that grows.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table, optional
        What it was fitted to, for `x`, labels and units.
    x : str, optional
        A numeric column of the data, in the model or not; fitted values by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        When `x` is not in the data or holds no numbers.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> residuals(model.fit).get_xlabel()
    'Fitted Reaction'
    """
    across = fitted(fit) if x is None else column_numbers(fit, data, x)
    y, words = plotted_residuals(fit)
    good = np.isfinite(across)
    across, y = across[good], y[good]
    axes = one_axes(ax)
    axes.axhline(0.0, color=GREY, linewidth=1.2)
    axes.scatter(across, y, color=BLUE, **point_style(y.size))
    centre, mean = binned_means(across, y)
    axes.plot(centre, mean, color=VERMILION, linewidth=1.8, label="mean of neighbours")
    axes.set_xlabel(f"Fitted {response_label(fit, data)}" if x is None else label_of(data, x))
    axes.set_ylabel(words)
    about = "fitted values" if x is None else label_of(data, x, unit=False)
    axes.set_title(f"Residuals and {about}", loc="left")
    axes.legend(loc="best", frameon=False)
    return axes


def binned_means(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means of x and y over about the square root of n runs of equal count, at most thirty.

    Examples
    --------
    >>> import numpy as np
    >>> binned_means(np.arange(4.0), np.array([0.0, 2.0, 4.0, 6.0]))
    (array([0.5, 2.5]), array([1., 5.]))
    """
    order = np.argsort(x, kind="stable")
    n_bins = max(1, min(30, int(np.sqrt(x.size))))
    runs = np.array_split(order, n_bins)
    centre = np.array([x[run].mean() for run in runs])
    return centre, np.array([y[run].mean() for run in runs])


__all__ = ["binned_means", "residuals"]
