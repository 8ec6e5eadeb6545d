"""Random effects with their intervals, sorted: the caterpillar plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nestwise._base.errors import OptionError, one_of
from nestwise.inference.kinds import Fit, LmFit
from nestwise.inference.ranef import GroupEffects, group_effects
from nestwise.present.plots.canvas import BLUE, GREY, VERMILION, heading, legend_below, new_axes
from nestwise.present.plots.labels import response_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Z = 1.96
LABELLED = 60
"""With more levels than this their names are left out: they could not be read."""


def caterpillar(fit: Fit, group: str | None = None, data: Any = None) -> Axes:
    """Plot each level's random effects with +-1.96 conditional standard deviations, sorted.

    Intervals that do not cover zero are drawn in a second colour.

    Parameters
    ----------
    fit : LmmFit
        A mixed model.
    group : str, optional
        Grouping factor; by default the one with the most levels.
    data : table, optional
        What it was fitted to, for labels.

    Returns
    -------
    Axes
        Of the factor's first effect; ``axes.figure.axes`` has those of all its effects, side by
        side.

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
    >>> [axes.get_title(loc="left") for axes in caterpillar(model.fit).figure.axes]
    ['(Intercept)', 'Days']
    """
    chosen = chosen_effects(fit, group, "caterpillar")
    n_levels, n_effects = chosen.modes.shape
    height = min(3.2 + 0.16 * n_levels, 11.0) if n_levels <= LABELLED else 6.5
    columns = min(3, n_effects)
    rows = -(-n_effects // columns)
    every = new_axes(1.6 + 3.4 * columns, height * rows, columns, rows)
    for j, axes in enumerate(every):
        if j < n_effects:
            _draw(axes, chosen, j)
        else:
            axes.remove()
    every[0].set_ylabel(f"{chosen.group} ({n_levels} levels)")
    _legend(every[0])
    label = response_label(fit, data, unit=False)
    heading(every[0], f"Random effects of {chosen.group} on {label}")
    return every[0]


def chosen_effects(fit: Fit, group: str | None, asking: str) -> GroupEffects:
    """The effects of one grouping factor with their conditional variances.

    Raises
    ------
    OptionError
        When the model has no random effects, or `group` is not one of its factors.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lmer("diameter ~ 1 + (1 | plate)", nw.load_dataset("Penicillin"))
    >>> chosen_effects(model.fit, None, "caterpillar").modes.shape
    (24, 1)
    """
    if isinstance(fit, LmFit):
        raise OptionError(f"{asking} shows random effects, and a linear model has none")
    if not fit.design.terms:
        raise OptionError(f"{asking} shows random effects, and this model has none")
    effects = group_effects(fit, cond_var=True)
    names = [e.group for e in effects]
    return effects[0 if group is None else names.index(one_of("group", group, names))]


def _legend(axes: Axes) -> None:
    """Both colours, whichever of them the first axes show."""
    for colour, label in (
        (BLUE, "interval covers zero"),
        (VERMILION, "interval does not cover zero"),
    ):
        axes.plot([], [], color=colour, linewidth=1.4, marker="o", markersize=4, label=label)
    legend_below(axes)


def _draw(axes: Axes, effects: GroupEffects, j: int) -> None:
    order = np.argsort(effects.modes[:, j], kind="stable")
    modes = effects.modes[order, j]
    half = Z * np.sqrt(effects.variances[order, j])
    place = np.arange(modes.size)
    axes.axvline(0.0, color=GREY, linewidth=1.2)
    clear = np.abs(modes) > half
    few = modes.size <= LABELLED
    for chosen, colour in ((~clear, BLUE), (clear, VERMILION)):
        if chosen.any():
            ends = (modes[chosen] - half[chosen], modes[chosen] + half[chosen])
            width, size, alpha = _weight(modes.size)
            axes.hlines(place[chosen], *ends, color=colour, lw=width, alpha=alpha)
            dot = colour if alpha == 1.0 else "black"
            axes.scatter(modes[chosen], place[chosen], color=dot, s=size, lw=0, zorder=3)
    if few:
        axes.set_yticks(place, [str(effects.levels[i]) for i in order])
        axes.tick_params(axis="y", labelsize=8, length=0)
    else:
        axes.set_yticks([])
    axes.set_ylim(-1, modes.size)
    axes.set_title(effects.columns[j], loc="left")
    axes.set_xlabel("Conditional mode ± 1.96 sd")


def _weight(n_levels: int) -> tuple[float, float, float]:
    """Line width, dot size and opacity: the more levels, the lighter."""
    if n_levels <= LABELLED:
        return 1.4, 22.0, 1.0
    return (0.9, 8.0, 1.0) if n_levels <= 300 else (0.4, 2.0, 0.35)


__all__ = ["caterpillar", "chosen_effects"]
