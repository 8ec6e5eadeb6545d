"""identity, inverse, sqrt and 1/mu^2: the mean is a power of eta."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four, Link


def _identity(mu: FloatArray) -> FloatArray:
    return mu


def _identity_inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    zero = np.zeros_like(eta)
    return (eta, np.ones_like(eta), zero, zero)[: order + 1]


def _identity_log(eta: FloatArray) -> Four:
    return _power_log(eta, 1.0)


def _power_log(eta: FloatArray, power: float) -> Four:
    """log mu = power * log eta and its derivatives."""
    first = power / eta
    return power * np.log(eta), first, -first / eta, 2.0 * first / (eta * eta)


def _inverse(mu: FloatArray) -> FloatArray:
    return np.asarray(1.0 / mu)


def _inverse_inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    mu = 1.0 / eta
    return (mu, -(mu**2), 2.0 * mu**3, -6.0 * mu**4)[: order + 1]


def _inverse_log(eta: FloatArray) -> Four:
    return _power_log(eta, -1.0)


def _sqrt(mu: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(mu))


def _sqrt_inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    return (eta * eta, 2.0 * eta, np.full_like(eta, 2.0), np.zeros_like(eta))[: order + 1]


def _sqrt_log(eta: FloatArray) -> Four:
    return _power_log(eta, 2.0)


def _inverse_square(mu: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (mu * mu))


def _inverse_square_inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    mu = 1.0 / np.sqrt(eta)
    first = -0.5 * mu / eta
    second = -1.5 * first / eta
    return (mu, first, second, -2.5 * second / eta)[: order + 1]


def _inverse_square_log(eta: FloatArray) -> Four:
    return _power_log(eta, -0.5)


IDENTITY = Link("identity", _identity, _identity_inverse, _identity_log)
INVERSE = Link("inverse", _inverse, _inverse_inverse, _inverse_log)
SQRT = Link("sqrt", _sqrt, _sqrt_inverse, _sqrt_log, lower=0.0, mean_lower=0.0)
INVERSE_SQUARE = Link(
    "1/mu^2",
    _inverse_square,
    _inverse_square_inverse,
    _inverse_square_log,
    lower=0.0,
    mean_lower=0.0,
)
