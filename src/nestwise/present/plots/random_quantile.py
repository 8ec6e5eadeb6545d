"""Random effects against normal quantiles, with their conditional intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from nestwise.inference.kinds import Fit
from nestwise.inference.ranef import GroupEffects
from nestwise.present.plots.canvas import BLUE, GREY, heading, new_axes
from nestwise.present.plots.caterpillar import Z, chosen_effects
from nestwise.present.plots.quantile import normal_quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def ranef_qq(fit: Fit, group: str | None = None) -> Axes:
    """Plot the ordered conditional modes of each effect against normal quantiles.

    Points on the line suit the assumption of normal random effects. The modes are shrunken, so
    that they look more normal than the effects are: read a bend, not its absence.

    Parameters
    ----------
    fit : LmmFit
        A mixed model.
    group : str, optional
        Grouping factor; by default the one with the most levels.

    Returns
    -------
    Axes
        Of the first effect; ``axes.figure.axes`` has all.

    Raises
    ------
    OptionError
        When the model has no random effects, or `group` is not one of its factors.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> [axes.get_title(loc="left") for axes in ranef_qq(model.fit).figure.axes]
    ['(Intercept)', 'Days']
    """
    chosen = chosen_effects(fit, group, "ranef_qq")
    k = len(chosen.columns)
    columns = min(3, k)
    rows = -(-k // columns)
    every = new_axes(max(4.8, 3.8 * columns), 3.9 * rows + 0.4, columns, rows)
    for j, axes in enumerate(every):
        if j < k:
            _draw(axes, chosen, j)
        else:
            axes.remove()
    for axes in every[::columns]:
        axes.set_ylabel("Conditional mode ± 1.96 sd")
    heading(every[0], f"Random effects of {chosen.group}: normal Q-Q")
    return every[0]


def _draw(axes: Axes, effects: GroupEffects, j: int) -> None:
    order = np.argsort(effects.modes[:, j], kind="stable")
    modes = effects.modes[order, j]
    half = Z * np.sqrt(effects.variances[order, j])
    expected = normal_quantiles(modes.size)
    q1, q3 = np.quantile(modes, [0.25, 0.75])
    slope = (q3 - q1) / (ndtri(0.75) - ndtri(0.25))
    ends = expected[[0, -1]]
    axes.plot(ends, (q1 + q3) / 2 + slope * ends, color=GREY, linewidth=1.2)
    alpha = 0.55 if modes.size <= 300 else 0.15
    axes.vlines(expected, modes - half, modes + half, color=BLUE, linewidth=0.9, alpha=alpha)
    axes.scatter(expected, modes, color=BLUE, s=20 if modes.size <= 300 else 6, zorder=3)
    axes.set_xlabel("Normal quantile")
    axes.set_title(effects.columns[j], loc="left")


__all__ = ["ranef_qq"]
