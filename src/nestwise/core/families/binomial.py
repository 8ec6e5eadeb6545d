"""Binomial: successes in a number of trials. y is the proportion, weights are the trials."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, xlogy

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.family import Family, RowTerms
from nestwise.core.families.guard import guarded
from nestwise.core.families.ranges import not_whole, refuse
from nestwise.core.links.link import Link, log_complement, log_mean


def log_choose(y: FloatArray, trials: FloatArray) -> FloatArray:
    """log of the binomial coefficient for `y` a proportion of `trials`.

    Examples
    --------
    >>> float(np.exp(log_choose(np.array([0.5]), np.array([4.0])))[0].round(10))
    6.0
    """
    k = y * trials
    if (trials == 1.0).all():
        return np.zeros_like(y)
    return np.asarray(gammaln(trials + 1.0) - gammaln(k + 1.0) - gammaln(trials - k + 1.0))


def _logit_rows(y: FloatArray, eta: FloatArray, weights: FloatArray) -> RowTerms:
    """The canonical link: observed and expected information agree."""
    # One exponential serves all, of minus |eta|: nothing overflows, and neither tail cancels.
    small = np.exp(-np.abs(eta))
    near, far = 1.0 / (1.0 + small), small / (1.0 + small)
    up = eta >= 0.0
    mu, rest = np.where(up, near, far), np.where(up, far, near)
    info = weights * near * far
    dinfo = info * (rest - mu)
    loglik = y * eta - np.maximum(eta, 0.0) - np.log1p(small)
    d1 = weights * (y * rest - (1.0 - y) * mu)
    return RowTerms(log_choose(y, weights) + weights * loglik, d1, -info, -dinfo, info, dinfo)


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    if link.name == "logit":
        return _logit_rows(y, eta, weights)
    a, b = log_mean(link, eta), log_complement(link, eta)
    loglik, d1, d2, d3 = (
        weights * (share_of(y, s) + share_of(1.0 - y, f)) for s, f in zip(a, b, strict=True)
    )
    # mu'^2 / (mu (1 - mu)) is minus the product of the slopes of the two logarithms.
    info = -weights * a[1] * b[1]
    dinfo = -weights * (a[2] * b[1] + a[1] * b[2])
    return RowTerms(log_choose(y, weights) + loglik, d1, d2, d3, info, dinfo)


def share_of(share: FloatArray, value: FloatArray) -> FloatArray:
    """share * value, zero where share is zero whatever the value.

    Examples
    --------
    >>> share_of(np.zeros(1), np.array([-np.inf])).tolist()
    [0.0]
    """
    return np.multiply(share, value, out=np.zeros_like(share), where=share != 0.0)


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    return mu * (1.0 - mu)


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return mu * (1.0 - mu) / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    trials = np.maximum(np.round(weights), 1.0)
    return np.asarray(rng.binomial(trials.astype(np.int64), mu) / trials)


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    rest = 1.0 - y
    parts = xlogy(y, y) - xlogy(y, mu) + xlogy(rest, rest) - xlogy(rest, 1.0 - mu)
    return np.maximum(2.0 * weights * parts, 0.0)


def check_proportion(
    y: FloatArray, weights: FloatArray, rows: IntArray | None
) -> tuple[Diagnostic, ...]:
    """Proportions from 0 to 1, whole numbers of successes and trials."""
    bad = np.asarray(~((y >= 0.0) & (y <= 1.0)))
    needs = (
        "0 and 1, TRUE and FALSE, a factor of two levels, cbind(successes, failures), or "
        "proportions from 0 to 1 with weights= the numbers of trials"
    )
    refuse(bad, y, rows, "binomial", needs)
    return not_whole(weights, rows, "numbers of trials") or not_whole(
        y * weights, rows, "numbers of successes"
    )


def start_proportion(y: FloatArray, weights: FloatArray) -> FloatArray:
    """Proportions drawn towards one half, away from 0 and 1."""
    return (weights * y + 0.5) / (weights + 1.0)


BINOMIAL = Family(
    name="binomial",
    links=("logit", "probit", "cloglog", "cauchit", "log", "identity"),
    rows=guarded(_rows, 0.0, 1.0),
    variance=_variance,
    response_variance=_response_variance,
    simulate=_simulate,
    deviance_residuals2=_deviance,
    check=check_proportion,
    start_mu=start_proportion,
    discrete=True,
    trials=True,
    mean_lower=0.0,
    mean_upper=1.0,
)
