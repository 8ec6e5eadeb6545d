"""probit: mu is the standard normal distribution function of eta.

Source: the continued fraction of Mills' ratio, Abramowitz & Stegun (1964), 26.2.14.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr, ndtri

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four, Link, mirrored

_TAIL = -3.0
_TERMS = 40
_LARGEST = 700.0


def _inverse(eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
    mu = ndtr(eta)
    if order == 0:
        return (mu,)
    near = np.clip(eta, -_LARGEST, _LARGEST)
    first = np.exp(-0.5 * near * near) / np.sqrt(2.0 * np.pi)
    return (mu, first, -near * first, (near * near - 1.0) * first)[: order + 1]


def _log_mean(eta: FloatArray) -> Four:
    """log Phi: its derivative h is the inverse of Mills' ratio, and h' = -h (eta + h)."""
    hazard = np.sqrt(2.0 / np.pi) / erfcx(np.minimum(-eta, 1e150) / np.sqrt(2.0))
    excess = eta + hazard
    second = -hazard * excess
    third = -second * excess - hazard * (1.0 + second)
    far = eta < _TAIL
    if far.any():
        hazard[far], second[far], third[far] = _tail(-eta[far])
    return log_ndtr(eta), hazard, second, third


def _tail(t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Derivatives of log Phi(-t) for large t, from differences that do not cancel.

    h = t + d with d = 1/(t + c), c = 2/(t + e), e = 3/(t + 4/(t + ...)).
    """
    e = np.zeros_like(t)
    for k in range(_TERMS, 2, -1):
        e = k / (t + e)
    c = 2.0 / (t + e)
    d = 1.0 / (t + c)
    hazard = t + d
    third = 2.0 * hazard * d * (e - c) / ((t + c) * (t + e))
    return hazard, -hazard * d, third


def _log_complement(eta: FloatArray) -> Four:
    return mirrored(_log_mean(-eta))


PROBIT = Link("probit", ndtri, _inverse, _log_mean, _log_complement, mean_lower=0.0, mean_upper=1.0)
