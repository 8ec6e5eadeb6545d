"""logit: eta = log(mu / (1 - mu))."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit
from scipy.special import logit as log_odds

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four, Link, mirrored


def _inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    mu = expit(eta)
    if order == 0:
        return (mu,)
    # Not mu * (1 - mu): 1 - mu rounds to zero where eta is large.
    first = mu * expit(-eta)
    tilt = -np.tanh(0.5 * eta)
    return (mu, first, first * tilt, first * (tilt * tilt - 2.0 * first))[: order + 1]


def _log_mean(eta: FloatArray) -> Four:
    first = expit(-eta)
    second = -first * expit(eta)
    return log_expit(eta), first, second, -second * np.tanh(0.5 * eta)


def _log_complement(eta: FloatArray) -> Four:
    return mirrored(_log_mean(-eta))


LOGIT = Link(
    "logit", log_odds, _inverse, _log_mean, _log_complement, mean_lower=0.0, mean_upper=1.0
)
