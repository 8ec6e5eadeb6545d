"""Intervals from bootstrap replicates: percentile, basic, BCa.

Source: Davison & Hinkley (1997), Bootstrap Methods and their Application, sections 5.2-5.3; Efron
(1987), J. Amer. Statist. Assoc. 82, 171-185 (BCa).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.memo import memo
from nestwise._base.table import Table
from nestwise.inference.bootstrap import Bootstrap
from nestwise.inference.kinds import EquationsFit, MixedFit, StructuredFit
from nestwise.inference.parameters import fit_parameters
from nestwise.inference.resampling import leave_one_out
from nestwise.inference.wald import checked_level, chosen

KINDS = ("percentile", "basic", "bca")


def bootstrap_interval(
    found: Bootstrap,
    level: float = 0.95,
    kind: str = "percentile",
    params: Sequence[str] | None = None,
) -> Table:
    """Intervals for standard deviations, correlations, sigma and fixed effects.

    Parameters
    ----------
    found : Bootstrap
        The replicates.
    level : float
        Confidence level.
    kind : str
        ``"percentile"``; ``"basic"`` (estimates minus deviations of the replicates, kept within
        the parameter's range); ``"bca"`` (bias-corrected and accelerated; the acceleration comes
        from leaving out each level of the factor with the fewest levels).
    params : sequence of str, optional
        Which parameters; all by default.

    Returns
    -------
    Table
        ``term conf_low conf_high``; NaN where fewer than two replicates are usable.

    Raises
    ------
    OptionError
        When an argument is out of range, or the replicates are too few for the level.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.bootstrap import bootstrap
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> t = bootstrap_interval(bootstrap(m.fit, 50, seed=1), 0.9)
    >>> bool((t["conf_low"] < t["conf_high"]).all())
    True
    """
    one_of("kind", kind, KINDS)
    alpha = 0.5 * (1.0 - checked_level(level))
    keep = chosen(found.terms, params, "parameter")
    needed = int(np.ceil(1.0 / alpha)) - 1
    usable = found.n_done - found.n_failed
    if usable < needed:
        raise OptionError(
            f"{usable} usable replicates are too few for level={level!r}; take at least {needed}, "
            "better 1000"
        )
    acceleration = np.zeros(len(found.terms))
    if kind == "bca":
        acceleration = accelerations(_by_groups(found.fit))
    ends = np.array(
        [
            _ends(
                found.replicates[:, i],
                float(found.estimate[i]),
                float(acceleration[i]),
                alpha,
                kind,
            )
            for i in keep
        ]
    )
    if kind == "basic":
        low, high = _ranges(found.fit)
        ends = np.clip(ends, low[keep, None], high[keep, None])
    return Table(
        {
            "term": np.array(found.terms, dtype=object)[keep],
            "conf_low": ends[:, 0],
            "conf_high": ends[:, 1],
        },
        " ".join(found.notes),
    )


def _ends(
    values: FloatArray, estimate: float, acceleration: float, alpha: float, kind: str
) -> tuple[float, float]:
    usable = values[np.isfinite(values)]
    if len(usable) < 2 or not np.isfinite(estimate):
        return float("nan"), float("nan")
    at = np.array([alpha, 1.0 - alpha])
    if kind == "bca":
        at = bca_levels(usable, estimate, acceleration, at)
    low, high = np.quantile(usable, at, method="weibull")
    if kind == "basic":
        low, high = 2.0 * estimate - high, 2.0 * estimate - low
    return float(low), float(high)


def bca_levels(
    values: FloatArray, estimate: float, acceleration: float, at: FloatArray
) -> FloatArray:
    """The quantiles that BCa takes in place of `at`.

    Parameters
    ----------
    values : (n,) float64
        Replicates.
    estimate, acceleration : float
        The estimate, and the skewness of its influence values over six.
    at : (2,) float64
        Nominal levels.

    Source
    ------
    Efron (1987), eq. 2.3; ties with the estimate count half.

    Examples
    --------
    >>> import numpy as np
    >>> bca_levels(np.array([1.0, 2.0, 3.0]), 2.0, 0.0, np.array([0.05, 0.95])).round(2).tolist()
    [0.05, 0.95]
    """
    n = len(values)
    below = float((values < estimate).sum() + 0.5 * (values == estimate).sum()) / n
    z0 = float(ndtri(min(max(below, 0.5 / n), 1.0 - 0.5 / n)))
    shifted = z0 + ndtri(at)
    return np.asarray(ndtr(z0 + shifted / (1.0 - acceleration * shifted)))


@memo
def accelerations(fit: EquationsFit) -> FloatArray:
    """(q,) BCa accelerations, by the jackknife over groups; 0 where nothing varies.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> accelerations(m.fit).shape
    (3,)
    """
    values = leave_one_out(fit)
    if len(values) < 3:
        return np.zeros(values.shape[1])
    usable = np.isfinite(values)
    count = np.maximum(usable.sum(axis=0), 1)
    mean = np.where(usable, values, 0.0).sum(axis=0) / count
    away = np.where(usable, mean - values, 0.0)
    squares = (away**2).sum(axis=0)
    out = np.zeros(values.shape[1])
    np.divide((away**3).sum(axis=0), 6.0 * squares**1.5, out=out, where=squares > 0.0)
    return out


def _by_groups(fit: MixedFit) -> EquationsFit:
    if isinstance(fit, StructuredFit):
        raise OptionError(
            "kind='bca' leaves out each group in turn, which fits with structured residuals do "
            "not offer; use kind='percentile' or 'basic'"
        )
    return fit


def _ranges(fit: MixedFit) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest possible value of each parameter."""
    kinds = [p.kind for p in fit_parameters(fit)]
    low = {"cor": -1.0, "rho": -1.0, "beta": -np.inf, "rate": -np.inf}
    return (
        np.array([low.get(kind, 0.0) for kind in kinds]),
        np.array([1.0 if kind in ("cor", "rho", "share") else np.inf for kind in kinds]),
    )


__all__ = ["accelerations", "bca_levels", "bootstrap_interval"]
