"""Inverse Gaussian: positive, skewed responses with variance phi mu^3."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.composition import power_of_mean
from nestwise.core.families.family import Family, RowTerms, dispersion_of
from nestwise.core.families.guard import guarded
from nestwise.core.families.ranges import refuse
from nestwise.core.links.link import Link, log_mean


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    """log density -(y - mu)^2 / (2 phi y mu^2) and constants, in powers of 1 / mu."""
    precision = weights / dispersion_of(phi, "inverse gaussian")
    r = log_mean(link, eta)
    q, q2 = power_of_mean(r, -1.0), power_of_mean(r, -2.0)
    half = 0.5 * precision * (y * q[0] - 1.0) ** 2 / y
    loglik = 0.5 * np.log(precision / (2.0 * np.pi * y**3)) - half
    d1, d2, d3 = (precision * (a - 0.5 * y * b) for a, b in zip(q[1:], q2[1:], strict=True))
    info = precision * r[1] ** 2 * q[0]
    dinfo = precision * (2.0 * r[1] * r[2] * q[0] + r[1] ** 2 * q[1])
    return RowTerms(loglik, d1, d2, d3, info, dinfo, half - 0.5, -d1, -d2, -info)


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    with np.errstate(over="ignore"):  # of a fit that ran away
        return dispersion_of(phi, "inverse gaussian") * mu**3


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return _variance(mu, phi) / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    mean = np.clip(mu, np.finfo(np.float64).tiny, 1e300)
    return np.asarray(rng.wald(mean, weights / dispersion_of(phi, "inverse gaussian")))


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return weights * (y - mu) ** 2 / (y * mu * mu)


def _check(y: FloatArray, weights: FloatArray, rows: IntArray | None) -> tuple[Diagnostic, ...]:
    refuse(np.asarray(~(y > 0.0)), y, rows, "inverse gaussian", "numbers above zero")
    return ()


def _start(y: FloatArray, weights: FloatArray) -> FloatArray:
    """Half way to the mean: responses near zero are no place to begin."""
    return 0.5 * (y + float(np.mean(y)))


INVERSE_GAUSSIAN = Family(
    name="inverse gaussian",
    links=("1/mu^2", "inverse", "identity", "log"),
    rows=guarded(_rows, 0.0),
    variance=_variance,
    response_variance=_response_variance,
    simulate=_simulate,
    deviance_residuals2=_deviance,
    check=_check,
    start_mu=_start,
    dispersion="scale",
    mean_lower=0.0,
)
