"""Poisson: counts; the variance is the mean."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, xlogy

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.family import Family, RowTerms
from nestwise.core.families.guard import guarded
from nestwise.core.families.ranges import not_whole, refuse
from nestwise.core.links.link import Link, derivatives, log_mean


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    """log density y log mu - mu - log y!, each part with its own derivatives."""
    constant = gammaln(y + 1.0)
    if link.name == "log":
        mu = link.inverse(eta, 0)[0]
        info = weights * mu
        return RowTerms(
            weights * (y * eta - mu - constant), weights * (y - mu), -info, -info, info, info
        )
    m, r = derivatives(link, eta), log_mean(link, eta)
    value, d1, d2, d3 = (weights * (y * a - b) for a, b in zip(r, m, strict=True))
    info = weights * m[1] * r[1]
    dinfo = weights * (m[2] * r[1] + m[1] * r[2])
    return RowTerms(value - weights * constant, d1, d2, d3, info, dinfo)


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    return mu


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return mu / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    return np.asarray(rng.poisson(mu), dtype=np.float64)


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    parts = xlogy(y, y) - xlogy(y, mu) - (y - mu)
    return np.maximum(2.0 * weights * parts, 0.0)


def check_counts(
    y: FloatArray, weights: FloatArray, rows: IntArray | None
) -> tuple[Diagnostic, ...]:
    """Counts of zero or more."""
    refuse(np.asarray(~(y >= 0.0)), y, rows, "poisson", "counts of zero or more")
    return not_whole(y, rows, "counts")


def _start(y: FloatArray, weights: FloatArray) -> FloatArray:
    return y + 0.1


POISSON = Family(
    name="poisson",
    links=("log", "identity", "sqrt"),
    rows=guarded(_rows, 0.0),
    variance=_variance,
    response_variance=_response_variance,
    simulate=_simulate,
    deviance_residuals2=_deviance,
    check=check_counts,
    start_mu=_start,
    discrete=True,
    mean_lower=0.0,
)
