"""Residual quantiles against those of the normal distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from nestwise._base.arrays import FloatArray
from nestwise.inference.kinds import Fit
from nestwise.present.plots.canvas import BLUE, GREY, one_axes, point_style, title
from nestwise.present.plots.labels import response_label
from nestwise.present.plots.values import plotted_residuals

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def qq(fit: Fit, data: Any = None, *, ax: Axes | None = None) -> Axes:
    """Plot the ordered scaled residuals against normal quantiles.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table, optional
        What it was fitted to, for labels and units.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The line passes through the quartiles, as R's ``qqline`` does.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> qq(model.fit).get_xlabel()
    'Normal quantile'
    """
    values, words = plotted_residuals(fit)
    ordered = np.sort(values)
    expected = normal_quantiles(ordered.size)
    q1, q3 = np.quantile(ordered, [0.25, 0.75])
    slope = (q3 - q1) / (ndtri(0.75) - ndtri(0.25))
    axes = one_axes(ax, 5.2, 5.0)
    ends = expected[[0, -1]]
    axes.plot(ends, (q1 + q3) / 2 + slope * ends, color=GREY, label="through the quartiles")
    axes.scatter(expected, ordered, color=BLUE, **point_style(ordered.size))
    axes.set_xlabel("Normal quantile")
    axes.set_ylabel(words)
    label = response_label(fit, data, unit=False)
    title(axes, f"Residuals of {label}: normal Q-Q")
    axes.legend(loc="upper left", frameon=False)
    return axes


def normal_quantiles(n: int) -> FloatArray:
    """Expected normal quantiles of n ordered values, with R's plotting positions (``ppoints``).

    Examples
    --------
    >>> normal_quantiles(3).round(4).tolist()
    [-0.8694, 0.0, 0.8694]
    """
    a = 3 / 8 if n <= 10 else 1 / 2
    return np.asarray(ndtri((np.arange(1, n + 1) - a) / (n + 1 - 2 * a)), dtype=np.float64)


__all__ = ["normal_quantiles", "qq"]
