"""Residuals against fitted values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.inference.kinds import Fit
from nestwise.inference.residuals import fitted
from nestwise.inference.residuals import residuals as residual_values
from nestwise.present.plots.canvas import BLUE, GREY, VERMILION, new_axes, point_style, scaled_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def residuals(fit: Fit) -> Axes:
    """Scatter scaled residuals against fitted values, with the mean over neighbouring points.

    A level band around zero is what the model expects; a bend tells of a missing term, a funnel
    of a variance that grows.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    Axes

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> residuals(model.fit).get_xlabel()
    'Fitted Reaction'
    """
    x, y = fitted(fit), residual_values(fit, "scaled")
    (axes,) = new_axes()
    axes.axhline(0.0, color=GREY, linewidth=1.2)
    axes.scatter(x, y, color=BLUE, **point_style(x.size))
    centre, mean = binned_means(x, y)
    axes.plot(centre, mean, color=VERMILION, linewidth=1.8, label="mean of neighbours")
    axes.set_xlabel(f"Fitted {fit.design.formula.response_label}")
    axes.set_ylabel(scaled_label(fit))
    axes.set_title("Residuals and fitted values", loc="left")
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
