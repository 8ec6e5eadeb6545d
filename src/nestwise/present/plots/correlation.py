"""Correlations between visits: of the residuals, and of the fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.inference.kinds import Fit
from nestwise.inference.serial import empirical_correlation, serial_pairs
from nestwise.present.plots.canvas import heading, new_axes
from nestwise.present.plots.visits import VisitAxis, visit_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NUMBERED = 10
"""Up to so many visits the correlations are written into the cells."""

FEWEST = 4
"""Subjects seen at both visits below which a correlation is left blank."""

COLOURS = "PuOr_r"
"""From purple (-1) through white to orange (+1): told apart by colour-blind readers."""


def residual_correlation(
    fit: Fit, data: Any, x: str | None = None, group: str | None = None
) -> Axes:
    """Draw two matrices side by side: what the residuals show, and what the fit has.

    Where the two differ by a pattern (along the diagonal, in a corner) another structure is worth
    trying. Random effects are part of the fit's correlation. Cells are grey where fewer than four
    subjects were seen at both visits.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit.
    data : table
        What it was fitted to.
    x : str, optional
        The column of the visits; that of the residual structure by default.
    group : str, optional
        The subjects; those of the residual structure, or the first grouping factor, by default.

    Returns
    -------
    Axes
        That of the residuals; the other one is ``axes.figure.axes[1]``.

    Raises
    ------
    OptionError
        When the fit has no groups or no visits.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> residual_correlation(m.fit, data, "Days").get_title(loc="left")
    'Residuals'
    """
    visits = visit_axis(fit, data, x)
    observed, fitted, count = empirical_correlation(
        serial_pairs(fit, group), visits.codes, len(visits.labels)
    )
    few = (count < FEWEST) & ~np.eye(len(count), dtype=np.bool_)
    observed = np.where(few, np.nan, observed)
    axes = new_axes(8.6, 4.6, n_columns=2)
    for one, matrix, words in zip(axes, (observed, fitted), ("Residuals", "Fit"), strict=True):
        _matrix(one, matrix, visits)
        one.set_title(words, loc="left")
    axes[1].set_yticklabels([])
    axes[0].set_ylabel(visits.name)
    shades = axes[0].images[0]
    bar = axes[0].figure.colorbar(shades, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label("Correlation")
    heading(axes[0], f"Correlation between visits ({visits.name})")
    return axes[0]


def _matrix(axes: Axes, matrix: FloatArray, visits: VisitAxis) -> None:
    v = len(matrix)
    axes.grid(False)
    axes.set_facecolor("0.85")
    axes.imshow(matrix, cmap=COLOURS, vmin=-1.0, vmax=1.0)
    step = max(1, int(np.ceil(v / 12)))
    at = np.arange(0, v, step)
    words = [visits.labels[i] for i in at]
    turned = 90 if max(map(len, words)) > 3 else 0
    axes.set_xticks(at, words, rotation=turned)
    axes.set_yticks(at, words)
    axes.set_xlabel(visits.name)
    if v > NUMBERED:
        return
    size = 9 if v <= 6 else 7
    for i in range(v):
        for j in range(v):
            if np.isfinite(matrix[i, j]) and i != j:
                dark = abs(matrix[i, j]) > 0.75
                axes.text(
                    j,
                    i,
                    f"{matrix[i, j]:.2f}",
                    ha="center",
                    va="center",
                    fontsize=size,
                    color="white" if dark else "black",
                )


__all__ = ["residual_correlation"]
