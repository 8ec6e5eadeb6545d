"""Observed against predicted values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nestwise.inference.kinds import Fit
from nestwise.inference.residuals import fitted
from nestwise.present.plots.canvas import BLUE, GREY, one_axes, point_style
from nestwise.present.plots.labels import response_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def observed_vs_predicted(fit: Fit, data: Any = None, *, ax: Axes | None = None) -> Axes:
    """Scatter the response against the fitted values, with the line where they agree.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit; fitted values include the random effects.
    data : table, optional
        What it was fitted to, for labels and units.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Units of the (transformed) response on both.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> observed_vs_predicted(model.fit).get_ylabel()
    'Observed Reaction'
    """
    predicted, observed = fitted(fit), fit.design.y
    label = response_label(fit, data)
    axes = one_axes(ax, 5.2, 5.0)
    low = float(min(predicted.min(), observed.min()))
    high = float(max(predicted.max(), observed.max()))
    axes.plot([low, high], [low, high], color=GREY, linewidth=1.2, label="observed = predicted")
    axes.scatter(predicted, observed, color=BLUE, **point_style(observed.size))
    axes.set_xlabel(f"Predicted {label}")
    axes.set_ylabel(f"Observed {label}")
    axes.set_title("Observed and predicted values", loc="left")
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(loc="upper left", frameon=False)
    return axes


__all__ = ["observed_vs_predicted"]
