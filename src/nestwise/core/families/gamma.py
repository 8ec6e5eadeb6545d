"""Gamma: positive responses with variance phi mu^2; the shape is weights / phi."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.composition import power_of_mean
from nestwise.core.families.family import Family, RowTerms, dispersion_of
from nestwise.core.families.guard import guarded
from nestwise.core.families.ranges import refuse
from nestwise.core.families.stirling import digamma_rest, log_gamma_rest
from nestwise.core.links.link import Link, log_mean


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    """log density -shape (y / mu + log mu) and constants."""
    shape = weights / dispersion_of(phi, "gamma")
    r = log_mean(link, eta)
    q = power_of_mean(r, -1.0)
    log_ratio = np.log(y) - r[0]
    away = np.expm1(log_ratio) - log_ratio  # y / mu - 1 - log(y / mu), above zero
    loglik = -shape * away - log_gamma_rest(shape) - np.log(y)
    d2, d3 = (-shape * (y * a + b) for a, b in zip(q[2:], r[2:], strict=True))
    d1 = shape * np.expm1(log_ratio) * r[1]
    info, dinfo = shape * r[1] ** 2, 2.0 * shape * r[1] * r[2]
    by_phi = shape * away - digamma_rest(shape)
    return RowTerms(loglik, d1, d2, d3, info, dinfo, by_phi, -d1, -d2, -info)


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    with np.errstate(over="ignore"):  # of a fit that ran away
        return dispersion_of(phi, "gamma") * mu * mu


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return _variance(mu, phi) / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    shape = weights / dispersion_of(phi, "gamma")
    scale = np.minimum(mu, 1e300) * (1.0 / shape)
    return np.maximum(rng.gamma(shape, scale), np.finfo(np.float64).tiny)


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return np.maximum(2.0 * weights * ((y - mu) / mu - np.log(y / mu)), 0.0)


def _check(y: FloatArray, weights: FloatArray, rows: IntArray | None) -> tuple[Diagnostic, ...]:
    refuse(np.asarray(~(y > 0.0)), y, rows, "gamma", "numbers above zero")
    return ()


def _start(y: FloatArray, weights: FloatArray) -> FloatArray:
    """Half way to the mean: responses near zero are no place to begin."""
    return 0.5 * (y + float(np.mean(y)))


GAMMA = Family(
    name="gamma",
    links=("inverse", "identity", "log"),
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
