"""Profiles of the likelihood: zeta against each parameter, with the intervals it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from nestwise._base.errors import OptionError
from nestwise.inference.kinds import Fit, LmFit
from nestwise.inference.profile import Curve, Profile
from nestwise.inference.profile import profile as profile_of
from nestwise.inference.profile_interval import profile_interval, smooth_curve
from nestwise.present.plots.canvas import BLUE, GREY, VERMILION, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3


def profile(
    source: Fit | Profile, params: Sequence[str] | None = None, level: float = 0.95
) -> Axes:
    """Plot zeta, the signed root of the deviance's rise, against each parameter.

    A straight line means that the estimate is as good as normal; a bent one that a symmetric
    interval would mislead. The interval of `level` is marked where the curve meets the quantiles;
    an open end lies at a boundary.

    Parameters
    ----------
    source : LmmFit or Profile
        A mixed model, or a profile at hand.
    params : sequence of str, optional
        Which parameters; all by default.
    level : float
        Of the interval that is marked.

    Returns
    -------
    Axes
        Of the first parameter; ``axes.figure.axes`` has all.

    Raises
    ------
    OptionError
        When the model has no random effects.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> [axes.get_title(loc="left") for axes in profile(m.fit).figure.axes]
    ['sd_(Intercept)|Batch', 'sigma', '(Intercept)']
    """
    if isinstance(source, Profile):
        found = source
    elif not isinstance(source, LmFit):
        found = profile_of(source, params, max(level, 0.99))
    else:
        raise OptionError("profile shows mixed models, and a linear model has no profile here")
    table = profile_interval(found, level, params)
    kept = {str(term): i for i, term in enumerate(table["term"])}
    curves = [c for c in found.curves if c.parameter.name in kept]
    columns = min(COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    every = new_axes(3.1 * columns + 0.5, 2.5 * rows + 0.5, columns, rows)
    for axes, curve in zip(every, curves, strict=False):
        i = kept[curve.parameter.name]
        _draw(axes, curve, (float(table["conf_low"][i]), float(table["conf_high"][i])), level)
    for axes in every[len(curves) :]:
        axes.remove()
    for axes in every[::columns]:
        axes.set_ylabel("zeta")
    title = f"Profile likelihood, {100.0 * level:g} % intervals"
    every[0].figure.suptitle(title, x=0.01, ha="left")
    return every[0]


def _draw(axes: Axes, curve: Curve, ends: tuple[float, float], level: float) -> None:
    z = float(ndtri(0.5 + 0.5 * level))
    value, zeta = smooth_curve(curve)
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    for sign in (-1.0, 1.0):
        axes.axhline(sign * z, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.plot(value, zeta, color=BLUE, linewidth=1.6)
    axes.plot([curve.estimate], [0.0], "o", color=BLUE, markersize=4)
    for end, sign in zip(ends, (-1.0, 1.0), strict=True):
        reached = curve.zeta[0] <= -z + 1e-6 if sign < 0.0 else curve.zeta[-1] >= z - 1e-6
        if np.isfinite(end) and reached:
            axes.plot([end, end], [0.0, sign * z], color=VERMILION, linewidth=1.2)
        elif np.isfinite(end):
            height = float(curve.zeta[0 if sign < 0.0 else -1])
            axes.plot([end], [height], "o", mfc="white", mec=VERMILION, markersize=5)
    if np.isfinite(ends).all():
        axes.plot(ends, [0.0, 0.0], color=VERMILION, linewidth=1.2)
    axes.set_title(curve.parameter.name, loc="left", fontsize=9)
    axes.tick_params(labelsize=8)


__all__ = ["profile"]
