"""Gaussian with any link: phi is the variance of a response of weight one."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.family import Family, RowTerms, dispersion_of
from nestwise.core.families.guard import guarded
from nestwise.core.links.link import Link, derivatives


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    precision = weights / dispersion_of(phi, "gaussian")
    mu, m1, m2, m3 = derivatives(link, eta)
    e = y - mu
    half = 0.5 * precision * e * e
    loglik = 0.5 * np.log(precision / (2.0 * np.pi)) - half
    d1 = precision * e * m1
    d2 = precision * (e * m2 - m1 * m1)
    d3 = precision * (e * m3 - 3.0 * m1 * m2)
    info, dinfo = precision * m1 * m1, 2.0 * precision * m1 * m2
    return RowTerms(loglik, d1, d2, d3, info, dinfo, half - 0.5, -d1, -d2, -info)


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    return np.full_like(mu, dispersion_of(phi, "gaussian"))


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return _variance(mu, phi) / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    return mu + np.sqrt(_response_variance(mu, weights, phi)) * rng.standard_normal(mu.shape)


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return weights * (y - mu) ** 2


def _check(y: FloatArray, weights: FloatArray, rows: IntArray | None) -> tuple[Diagnostic, ...]:
    return ()


def _start(y: FloatArray, weights: FloatArray) -> FloatArray:
    return y.copy()


GAUSSIAN = Family(
    name="gaussian",
    links=("identity", "log", "inverse"),
    rows=guarded(_rows),
    variance=_variance,
    response_variance=_response_variance,
    simulate=_simulate,
    deviance_residuals2=_deviance,
    check=_check,
    start_mu=_start,
    dispersion="scale",
)
