"""The mean of a response over the random effects: E h(eta + s t), t standard normal.

However many random effects there are, they enter a row's linear predictor as one normal variable,
so that the integral has one dimension. The trapezoid rule on the normal density converges faster
than any power of its step.

Source: Zeger, Liang & Albert (1988), Biometrics 44, 1049-1060, eq. 2.3; Trefethen & Weideman
(2014), SIAM Review 56, 385-458 (the trapezoid rule).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise.core.links.link import Link

REACH = 9.0
"""Standard deviations at which the normal density is cut: 1e-18 of it lies beyond."""

NODES = 241
"""Nodes of the trapezoid rule."""

FEW = 61
"""Nodes that do as well for random effects of a moderate size and links without near poles: with
the poles of the logistic function at distance pi, the error is exp(-2 pi^2 / (s h))."""

MODERATE = 1.5
"""Standard deviation (link scale) up to which few nodes are taken."""

CHUNK = 4096
"""Rows at a time, which bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class MarginalMean:
    """Means over the random effects with their derivatives, all (r,).

    Parameters
    ----------
    mean : (r,) float64
        E h(eta + s t).
    by_eta : (r,) float64
        Derivative by eta.
    by_variance : (r,) float64
        Derivative by s^2.
    outside : (r,) float64
        Probability of linear predictors without a possible mean; they are left out.
    """

    mean: FloatArray
    by_eta: FloatArray
    by_variance: FloatArray
    outside: FloatArray


def marginal_mean(
    link: Link,
    eta: FloatArray,
    variance: FloatArray,
    possible: Callable[[FloatArray], BoolArray] | None = None,
) -> MarginalMean:
    """The mean of the response when the linear predictor is normal.

    Parameters
    ----------
    link : Link
        The link function.
    eta : (r,) float64
        Mean of the linear predictor.
    variance : (r,) float64
        Its variance.
    possible : callable, optional
        Which linear predictors have a mean that the family can have; all when None.

    Returns
    -------
    MarginalMean

    Source
    ------
    Zeger, Liang & Albert (1988), Biometrics 44, eq. 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> from nestwise.core.links.registry import LINKS
    >>> m = marginal_mean(LINKS["log"], np.array([0.0]), np.array([1.0]))
    >>> round(float(m.mean[0]), 12) == round(float(np.exp(0.5)), 12)
    True
    """
    easy = link.name in ("logit", "probit", "cloglog", "log") and possible is None
    few = easy and float(variance.max(initial=0.0)) <= MODERATE**2
    t = np.linspace(-REACH, REACH, FEW if few else NODES)
    weight = np.exp(-0.5 * t * t)
    weight /= weight.sum()
    parts = [
        _integrals(link, eta[i : i + CHUNK], variance[i : i + CHUNK], t, weight, possible)
        for i in range(0, len(eta), CHUNK)
    ]
    if not parts:
        return MarginalMean(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
    return MarginalMean(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _integrals(
    link: Link,
    eta: FloatArray,
    variance: FloatArray,
    t: FloatArray,
    weight: FloatArray,
    possible: Callable[[FloatArray], BoolArray] | None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    grid = eta[:, None] + np.sqrt(variance)[:, None] * t
    shape = grid.shape
    if possible is not None:
        inside = possible(grid)
        held = np.where(inside, grid, eta[:, None])
        mu, first, second = (v.reshape(shape) for v in link.inverse(held.ravel(), 2))
        share = inside * weight
        total = share.sum(axis=1)
        share /= np.maximum(total, 1e-300)[:, None]
        at, slope, bend = ((v * share).sum(axis=1) for v in (mu, first, 0.5 * second))
        return at, slope, bend, 1.0 - total
    mu, first, second = (v.reshape(shape) for v in link.inverse(grid.ravel(), 2))
    # d E h / d s^2 = E h'' / 2, the heat equation.
    return mu @ weight, first @ weight, 0.5 * (second @ weight), np.zeros(len(eta))
