"""cauchit: mu is the Cauchy distribution function of eta."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four, Link, logarithm, mirrored


def _link(mu: FloatArray) -> FloatArray:
    return np.asarray(np.where(mu < 0.5, -1.0, 1.0) / np.tan(np.pi * np.minimum(mu, 1.0 - mu)))


def _inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    # The angle to the vertical: digits stay where the probability is near zero.
    mu = np.arctan2(1.0, -eta) / np.pi
    if order == 0:
        return (mu,)
    spread = 1.0 / (1.0 + eta * eta)
    first = spread / np.pi
    second = -2.0 * eta * spread * first
    return (mu, first, second, (6.0 * eta * eta - 2.0) * spread**2 * first)[: order + 1]


def _log_mean(eta: FloatArray) -> Four:
    mu, first, second, third = _inverse(eta, 3)
    return logarithm(mu, first, second, third)


def _log_complement(eta: FloatArray) -> Four:
    return mirrored(_log_mean(-eta))


CAUCHIT = Link(
    "cauchit", _link, _inverse, _log_mean, _log_complement, mean_lower=0.0, mean_upper=1.0
)
