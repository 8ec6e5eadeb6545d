"""How the likeness of residuals falls with distance: the semivariogram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise.inference.kinds import Fit
from nestwise.inference.serial import semivariances, serial_pairs
from nestwise.present.plots.canvas import BLUE, GREY, VERMILION, one_axes, title
from nestwise.present.plots.visits import times_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def semivariogram(
    fit: Fit,
    data: Any,
    x: str | None = None,
    group: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw half the mean squared difference of residuals against their distance, and the fit's.

    Points that rise with distance show correlation that falls with it; a jump at the smallest
    distances is measurement error (a nugget). The dashed line at 1, left out
    where all values are small, is no correlation at all.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit.
    data : table
        What it was fitted to.
    x : str, optional
        The numeric column of the times; those of the residual structure by default.
    group : str, optional
        The subjects; those of the residual structure, or the first grouping factor, by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        When the fit has no groups or no times.

    Source
    ------
    Diggle, Heagerty, Liang & Zeger (2002), Analysis of Longitudinal Data, section 3.4.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="car1(Days | Subject)")
    >>> semivariogram(m.fit, data).get_xlabel()
    'Distance in Days'
    """
    time, words = times_of(fit, data, x)
    distance, observed, fitted, count = semivariances(serial_pairs(fit, group), time)
    axes = one_axes(ax)
    axes.axhline(1.0, color=GREY, linewidth=1.0, linestyle=(0, (5, 3)))
    axes.plot(distance, fitted, color=VERMILION, linewidth=2.2, label="fit")
    size = 20.0 + 100.0 * np.sqrt(count / count.max())
    axes.scatter(
        distance, observed, s=size, color=BLUE, alpha=0.8, linewidths=0, label="residuals", zorder=3
    )
    highest = float(max(observed.max(), fitted.max()))
    axes.set_ylim(0.0, max(1.15, 1.1 * highest) if highest > 0.4 else 1.4 * highest)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(words)
    axes.set_ylabel("Semivariance / variance")
    title(axes, "Semivariogram: size of the points tells the number of pairs")
    axes.legend(loc="best", frameon=False)
    return axes


__all__ = ["semivariogram"]
