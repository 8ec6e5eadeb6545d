"""Intervals read off profiles: where zeta meets the normal quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.table import Table
from nestwise.inference.profile import Curve, Profile, end_notes
from nestwise.inference.wald import checked_level, chosen


def profile_interval(
    found: Profile, level: float = 0.95, params: Sequence[str] | None = None
) -> Table:
    """Intervals from profiles: where zeta meets the normal quantiles.

    Parameters
    ----------
    found : Profile
        Curves that reach at least `level`.
    level : float
        Confidence level.
    params : sequence of str, optional
        Which of the profiled parameters; all by default.

    Returns
    -------
    Table
        ``term conf_low conf_high``; an end at a boundary is the boundary (and the note says so),
        an end that was not reached is NaN.

    Raises
    ------
    OptionError
        When `level` is above that of the profile.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.profile import profile
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> profile_interval(profile(m.fit, ["sigma"]), 0.9)["conf_high"].round(2).tolist()
    [64.07]
    """
    if checked_level(level) > found.level + 1e-12:
        raise OptionError(
            f"level={level!r} is above {found.level!r}, which the profile reaches; profile again "
            f"with level={level!r}"
        )
    keep = chosen([c.parameter.name for c in found.curves], params, "profiled parameter")
    z = float(ndtri(0.5 + 0.5 * level))
    ends = [(_at(found.curves[i], -z), _at(found.curves[i], z)) for i in keep]
    return Table(
        {
            "term": np.array([found.curves[i].parameter.name for i in keep], dtype=object),
            "conf_low": np.array([low for low, _ in ends]),
            "conf_high": np.array([high for _, high in ends]),
        },
        " ".join(note for i in keep for note in end_notes(found.curves[i], z)),
    )


def _at(curve: Curve, zeta: float) -> float:
    """The reported value where the curve has this zeta."""
    low, high = float(curve.zeta[0]), float(curve.zeta[-1])
    if zeta < low - 1e-9 or zeta > high + 1e-9:
        end = curve.low_end if zeta < low else curve.high_end
        edge = curve.position[0 if zeta < low else -1]
        return float(curve.scale.reported(edge)) + 0.0 if end == "boundary" else float("nan")
    i = int(np.clip(np.searchsorted(curve.zeta, zeta, side="right") - 1, 0, len(curve.zeta) - 2))
    pair = slice(i, i + 2)
    inner = hermite_root(curve.position[pair], curve.zeta[pair], curve.slope[pair], zeta)
    return float(curve.scale.reported(np.asarray(inner)))


def hermite_root(x: FloatArray, y: FloatArray, slope: FloatArray, wanted: float) -> float:
    """Where the cubic through two points with two slopes has the value `wanted`.

    Parameters
    ----------
    x, y, slope : (2,) float64
        Ends, values and derivatives; `wanted` lies between the values.

    Examples
    --------
    >>> import numpy as np
    >>> x, y, slope = np.array([[0.0, 2.0], [0.0, 8.0], [0.0, 12.0]])
    >>> round(hermite_root(x, y, slope, 1.0), 6)
    1.0
    """
    width = float(x[1] - x[0])
    low, high = 0.0, 1.0
    t = 0.5
    for _ in range(60):
        value, derivative = _cubic(t, y, slope * width)
        low, high = (t, high) if value < wanted else (low, t)
        newton = t - (value - wanted) / derivative if derivative > 0.0 else -1.0
        following = newton if low < newton < high else 0.5 * (low + high)
        if abs(following - t) < 1e-13:
            break
        t = following
    return float(x[0]) + t * width


def _cubic(t: float, y: FloatArray, d: FloatArray) -> tuple[float, float]:
    """Value and derivative at t in [0, 1] of the cubic with ends y and derivatives d."""
    y0, y1, d0, d1 = float(y[0]), float(y[1]), float(d[0]), float(d[1])
    b, c = 3.0 * (y1 - y0) - 2.0 * d0 - d1, 2.0 * (y0 - y1) + d0 + d1
    return y0 + t * (d0 + t * (b + t * c)), d0 + t * (2.0 * b + 3.0 * t * c)


def smooth_curve(curve: Curve, n: int = 20) -> tuple[FloatArray, FloatArray]:
    """Values and zeta along a profile, `n` to each piece of its interpolation.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.profile import profile
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> value, zeta = smooth_curve(profile(m.fit, ["sigma"]).curves[0])
    >>> bool((value[1:] > value[:-1]).all() and (zeta[1:] > zeta[:-1]).all())
    True
    """
    position, zeta = [], []
    for i in range(len(curve.zeta) - 1):
        pair = slice(i, i + 2)
        width = float(curve.position[i + 1] - curve.position[i])
        for t in np.arange(n) / n:
            position.append(float(curve.position[i]) + float(t) * width)
            zeta.append(_cubic(float(t), curve.zeta[pair], curve.slope[pair] * width)[0])
    inner = np.append(position, curve.position[-1])
    return curve.scale.reported(inner), np.append(zeta, curve.zeta[-1])


def profile_table(found: Profile) -> Table:
    """All points as one long table: ``term value zeta``.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.profile import profile
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> list(profile_table(profile(m.fit, ["sigma"])))
    ['term', 'value', 'zeta']
    """
    sizes = [len(c.zeta) for c in found.curves]
    names = np.array([c.parameter.name for c in found.curves], dtype=object)
    return Table(
        {
            "term": np.repeat(names, sizes),
            "value": np.concatenate([c.value for c in found.curves]),
            "zeta": np.concatenate([c.zeta for c in found.curves]),
        },
        " ".join(found.notes),
    )


__all__ = ["hermite_root", "profile_interval", "profile_table", "smooth_curve"]
