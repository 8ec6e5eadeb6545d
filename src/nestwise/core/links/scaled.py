"""A link whose linear predictor is measured in another unit.

Where the linear predictor is a power of the mean it has the response's unit, or its inverse, or the
inverse of its square: coefficients of 10^5 or of 10^-10. In a unit of its own they are near one,
as an optimiser needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four, Link

POWERS = ("identity", "inverse", "sqrt", "1/mu^2")
"""Links whose linear predictor is a power of the mean."""


def scaled_link(link: Link, unit: float) -> Link:
    """The same link for linear predictors counted in `unit`.

    Parameters
    ----------
    link : Link
        g with eta = g(mu).
    unit : float
        Above zero.

    Returns
    -------
    Link
        g / unit; the link itself when the unit is one.

    Examples
    --------
    >>> from nestwise.core.links.registry import LINKS
    >>> kilo = scaled_link(LINKS["identity"], 1000.0)
    >>> kilo.link(np.array([2500.0])).tolist(), kilo.inverse(np.array([2.5]), 1)[1].tolist()
    ([2.5], [1000.0])
    """
    if unit == 1.0:
        return link

    def inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
        found = link.inverse(eta * unit, order)
        return tuple(value * unit**i for i, value in enumerate(found))

    return replace(
        link,
        link=lambda mu: link.link(mu) / unit,
        inverse=inverse,
        log_mean=_scaled(link.log_mean, unit),
        log_complement=_scaled(link.log_complement, unit),
        lower=link.lower / unit,
        upper=link.upper / unit,
    )


def _scaled(
    function: Callable[[FloatArray], Four] | None, unit: float
) -> Callable[[FloatArray], Four] | None:
    if function is None:
        return None

    def scaled(eta: FloatArray) -> Four:
        f, f1, f2, f3 = function(eta * unit)
        return f, f1 * unit, f2 * unit**2, f3 * unit**3

    return scaled


def unit_of_response(link: Link, y: FloatArray) -> float:
    """By how much linear predictors differ whose means differ as responses do, a power of two.

    Parameters
    ----------
    link : Link
        A link of `POWERS`; others have no unit.
    y : (n,) float64
        The response.

    Returns
    -------
    float
        One for other links, and where the response does not tell.

    Examples
    --------
    >>> from nestwise.core.links.registry import LINKS
    >>> y = 1000.0 + 100.0 * np.array([-1.0, 1.0])
    >>> unit_of_response(LINKS["identity"], y), unit_of_response(LINKS["inverse"], y) * 2**13
    (128.0, 1.0)
    """
    if link.name not in POWERS:
        return 1.0
    with np.errstate(all="ignore"):
        middle = link.link(np.array([y.mean()]))
        unit = float(y.std() / np.abs(link.inverse(middle, 1)[1][0]))
    return float(2.0 ** np.round(np.log2(unit))) if 0.0 < unit < np.inf else 1.0
