"""cloglog: eta = log(-log(1 - mu)), asymmetric; an exposure's logarithm may be its offset."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four, Link

_LARGEST = 700.0
_SMALL = 0.1


def _link(mu: FloatArray) -> FloatArray:
    return np.asarray(np.log(-np.log1p(-mu)), dtype=np.float64)


def _hazard(eta: FloatArray) -> FloatArray:
    return np.asarray(np.exp(np.clip(eta, -_LARGEST, _LARGEST)), dtype=np.float64)


def _inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    z = _hazard(eta)
    mu = -np.expm1(-z)
    if order == 0:
        return (mu,)
    z = np.minimum(z, 800.0)  # beyond, all derivatives are zero
    first = z * np.exp(-z)
    return (mu, first, first * (1.0 - z), first * (1.0 - 3.0 * z + z * z))[: order + 1]


def _log_mean(eta: FloatArray) -> Four:
    """With z = exp(eta), the derivative is z / (exp(z) - 1), near 1 - z/2 for small z."""
    z = _hazard(eta)
    near = np.minimum(z, 700.0)
    first = near / np.expm1(near)
    slope = 1.0 - near - first
    second = first * slope
    third = second * slope - first * (near + second)
    small = z < _SMALL
    if small.any():
        first[small], second[small], third[small] = _series(z[small])
    value = np.where(z < 0.5, np.log(-np.expm1(-z)), np.log1p(-np.exp(-np.clip(z, 0.5, 800.0))))
    return np.where(eta < -40.0, eta, value), first, second, third


def _series(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """z / (exp(z) - 1) by Bernoulli numbers; each derivative by eta multiplies with the power."""
    powers = (1, 2, 4, 6, 8)
    bernoulli = (-1 / 2, 1 / 12, -1 / 720, 1 / 30240, -1 / 1209600)
    terms = [b * z**k for k, b in zip(powers, bernoulli, strict=True)]
    first = 1.0 + sum(terms)
    second = sum(k * t for k, t in zip(powers, terms, strict=True))
    third = sum(k * k * t for k, t in zip(powers, terms, strict=True))
    return np.asarray(first), np.asarray(second), np.asarray(third)


def _log_complement(eta: FloatArray) -> Four:
    minus = -_hazard(eta)
    return minus, minus, minus, minus


CLOGLOG = Link(
    "cloglog", _link, _inverse, _log_mean, _log_complement, mean_lower=0.0, mean_upper=1.0
)
