"""Negative binomial: counts with variance mu + mu^2 / phi; phi is R's theta ("nbinom2")."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, gammaln, xlogy

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.family import Family, RowTerms, dispersion_of
from nestwise.core.families.guard import guarded
from nestwise.core.families.ranges import not_whole, refuse
from nestwise.core.families.rising import log_rising, rising_slope
from nestwise.core.links.link import Link, log_mean


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    """In s = log(mu / phi) the density is a logistic one: p = mu / (mu + phi) = expit(s)."""
    shape = dispersion_of(phi, "negative binomial")
    r, r1, r2, r3 = log_mean(link, eta)
    s = r - np.log(shape)
    p, q = expit(s), expit(-s)
    total = (y + shape) * p * q
    g = y * q - shape * p
    tilt = -np.tanh(0.5 * s)
    grown = np.logaddexp(0.0, s)
    loglik = log_rising(shape, y) - gammaln(y + 1.0) + y * r - (y + shape) * grown
    d1 = r1 * g
    d2 = r2 * g - total * r1 * r1
    d3 = r3 * g - total * (3.0 * r1 * r2 + tilt * r1**3)
    info = shape * p * r1 * r1
    dinfo = shape * (2.0 * r1 * r2 * p + r1**3 * p * q)
    phi_loglik = rising_slope(shape, y) - shape * grown + (y + shape) * p
    phi_d1 = r1 * p * g
    phi_d2 = r2 * p * g - r1 * r1 * (shape * p * q - total * tilt)
    terms = (loglik, d1, d2, d3, info, dinfo, phi_loglik, phi_d1, phi_d2, info * p)
    return RowTerms(*(weights * t for t in terms))


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    return mu + mu * mu / dispersion_of(phi, "negative binomial")


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return _variance(mu, phi) / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    shape = dispersion_of(phi, "negative binomial")
    return np.asarray(rng.poisson(rng.gamma(shape, mu / shape)), dtype=np.float64)


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    shape = dispersion_of(phi, "negative binomial")
    both = y + shape
    parts = xlogy(y, y) - xlogy(y, mu) - both * np.log(both / (mu + shape))
    return np.maximum(2.0 * weights * parts, 0.0)


def _check(y: FloatArray, weights: FloatArray, rows: IntArray | None) -> tuple[Diagnostic, ...]:
    refuse(np.asarray(~(y >= 0.0)), y, rows, "negative binomial", "counts of zero or more")
    return not_whole(y, rows, "counts")


def _start(y: FloatArray, weights: FloatArray) -> FloatArray:
    return np.where(y == 0.0, 1.0 / 6.0, y)


NEGATIVE_BINOMIAL = Family(
    name="negative binomial",
    links=("log", "sqrt", "identity"),
    rows=guarded(_rows, 0.0),
    variance=_variance,
    response_variance=_response_variance,
    simulate=_simulate,
    deviance_residuals2=_deviance,
    check=_check,
    start_mu=_start,
    dispersion="shape",
    discrete=True,
    mean_lower=0.0,
)
