"""The random effects of a grouping factor against each other, with the estimated correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise.inference.kinds import Fit
from nestwise.inference.ranef import GroupEffects
from nestwise.inference.varcorr import term_covariances
from nestwise.present.plots.canvas import BLUE, GREY, VERMILION, heading, new_axes
from nestwise.present.plots.caterpillar import chosen_effects

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RADIUS = 2.4477
"""Square root of the 95 % quantile of chi-squared on 2 degrees of freedom."""


def ranef_correlation(fit: Fit, group: str | None = None) -> Axes:
    """Scatter the conditional modes pairwise, with the ellipse that the model expects.

    The ellipse holds 95 % of the groups' true effects under the estimated covariance matrix. The
    modes are shrunken and fill it less. A correlation near plus or minus one draws it as a line.

    Parameters
    ----------
    fit : LmmFit
        A mixed model.
    group : str, optional
        Grouping factor with at least two effects; by default the first such.

    Returns
    -------
    Axes
        Of the first pair; ``axes.figure.axes`` has all pairs below the diagonal.

    Raises
    ------
    OptionError
        When the model has no random effects, or the factor has one only.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> ranef_correlation(model.fit).get_title(loc="left")
    'correlation 0.07'
    """
    effects = _of_several(fit, group)
    covariance = _covariance(fit, effects)
    k = len(effects.columns)
    size = 5.2 if k == 2 else 2.5 * (k - 1) + 0.6
    every = new_axes(size, size, k - 1, k - 1)
    for row in range(1, k):
        for column in range(k - 1):
            axes = every[(row - 1) * (k - 1) + column]
            if column < row:
                _draw(axes, effects, covariance, row, column)
                axes.set_xlabel(effects.columns[column] if row == k - 1 else "")
                axes.set_ylabel(effects.columns[row] if column == 0 else "")
            else:
                axes.remove()
    heading(every[0], f"Random effects of {effects.group} ({len(effects.levels)} levels)")
    return every[0]


def _of_several(fit: Fit, group: str | None) -> GroupEffects:
    asked = chosen_effects(fit, group, "ranef_correlation")
    if group is None and len(asked.columns) < 2:
        factors = [f.name for f in fit.design.factors]
        every = [chosen_effects(fit, name, "ranef_correlation") for name in factors]
        asked = next((e for e in every if len(e.columns) > 1), asked)
    if len(asked.columns) < 2:
        raise OptionError(
            f"ranef_correlation: {asked.group!r} has one random effect only, {asked.columns[0]!r}; "
            "a correlation needs two, such as (1 + x | g)"
        )
    return asked


def _covariance(fit: Fit, effects: GroupEffects) -> FloatArray:
    """Of all effects of the factor, block by block over its terms."""
    names = [f.name for f in fit.design.factors]
    found: FloatArray = np.zeros((len(effects.columns), len(effects.columns)))
    start = 0
    for term, block in zip(fit.design.terms, term_covariances(fit), strict=True):
        if names[term.factor] != effects.group:
            continue
        k = len(term.columns)
        found[start : start + k, start : start + k] = block.covariance
        start += k
    return found


def _draw(axes: Axes, effects: GroupEffects, covariance: FloatArray, row: int, column: int) -> None:
    across, up = effects.modes[:, column], effects.modes[:, row]
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    pair = covariance[np.ix_([column, row], [column, row])]
    values, vectors = np.linalg.eigh(pair)
    angle = np.linspace(0.0, 2.0 * np.pi, 181)
    circle = np.vstack([np.cos(angle), np.sin(angle)])
    ellipse = RADIUS * vectors @ (np.sqrt(np.maximum(values, 0.0))[:, None] * circle)
    axes.plot(*ellipse, color=VERMILION, linewidth=1.6)
    n = across.size
    size, alpha = (26, 0.9) if n <= 300 else (6, 0.35)
    axes.scatter(across, up, color=BLUE, s=size, alpha=alpha, linewidths=0, zorder=3)
    sds = np.sqrt(np.diag(pair))
    if sds.min() > 0.0:
        words = f"correlation {pair[0, 1] / (sds[0] * sds[1]):.2f}"
    else:
        words = "no variance, no correlation"
    axes.set_title(words, loc="left", fontsize=10)


__all__ = ["ranef_correlation"]
