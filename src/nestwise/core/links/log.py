"""log: eta = log(mu)."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four, Link

_LARGEST = 700.0


def _link(mu: FloatArray) -> FloatArray:
    return np.asarray(np.log(mu), dtype=np.float64)


def _inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    mu = np.exp(np.minimum(eta, _LARGEST))
    return (mu,) * (order + 1)


def _log_mean(eta: FloatArray) -> Four:
    zero = np.zeros_like(eta)
    return eta, np.ones_like(eta), zero, zero


def _log_complement(eta: FloatArray) -> Four:
    """log(1 - exp(eta)), for eta below zero: a relative risk model."""
    rest = -np.expm1(eta)
    odds = np.exp(eta) / rest
    second = -odds / rest
    return np.log(rest), -odds, second, second * (1.0 + 2.0 * odds)


LOG = Link("log", _link, _inverse, _log_mean, _log_complement, mean_lower=0.0)
