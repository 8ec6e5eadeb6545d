"""Beta-binomial: trials whose probability varies as a beta distribution with mean mu and phi.

The information is that of the quasi-likelihood, mu'^2 over the variance: the exact expectation is
a sum over all counts, which would cost as much as the trials.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.families.binomial import check_proportion, log_choose, start_proportion
from nestwise.core.families.composition import chain
from nestwise.core.families.family import Family, RowTerms, dispersion_of
from nestwise.core.families.guard import guarded
from nestwise.core.families.polygammas import polygamma_differences
from nestwise.core.families.stirling import digamma_difference, log_gamma_ratio
from nestwise.core.links.link import Link, derivatives, log_complement, log_mean


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    """log Gamma(k + a) - log Gamma(a) is log a + log Gamma(k + a) - log Gamma(1 + a) for k > 0."""
    shape = dispersion_of(phi, "beta-binomial")
    m, la, lb = derivatives(link, eta), log_mean(link, eta), log_complement(link, eta)
    a, b = shape * m[0], shape * np.exp(lb[0])
    k = y * weights
    up, down = _sides(k, a), _sides(weights - k, b)
    by_mu = [shape**j * (up[j] + (-1) ** j * down[j]) for j in range(4)]
    won, lost = k > 0.0, weights - k > 0.0
    smooth = chain((by_mu[0], by_mu[1], by_mu[2], by_mu[3]), m)
    loglik, d1, d2, d3 = (s + won * u + lost * v for s, u, v in zip(smooth, la, lb, strict=True))
    loglik += log_choose(y, weights) + _total(weights, shape) + (won * 1.0 + lost) * np.log(shape)
    inflation = 1.0 + (weights - 1.0) / (shape + 1.0)
    info = -weights * la[1] * lb[1] / inflation
    dinfo = -weights * (la[2] * lb[1] + la[1] * lb[2]) / inflation
    ease = (weights - 1.0) * shape / ((shape + 1.0) ** 2 * inflation)
    phi_terms = _by_phi(by_mu, up, down, a, b, m, weights, shape)
    phi_loglik = phi_terms[0] + won + lost
    return RowTerms(
        loglik, d1, d2, d3, info, dinfo, phi_loglik, phi_terms[1], phi_terms[2], info * ease
    )


def _sides(k: FloatArray, a: FloatArray) -> list[FloatArray]:
    """log Gamma(k + a) - log Gamma(1 + a) and its derivatives by a; zero where k is zero."""
    some = k > 0.0
    bottom, more = 1.0 + a, np.where(some, k - 1.0, 0.0)
    sides = log_gamma_ratio(bottom, more), digamma_difference(bottom, more)
    return [*sides, *polygamma_differences(bottom, more)]


def _total(trials: FloatArray, shape: float) -> FloatArray:
    return -log_gamma_ratio(np.full_like(trials, shape), trials)


def _by_phi(
    by_mu: list[FloatArray],
    up: list[FloatArray],
    down: list[FloatArray],
    a: FloatArray,
    b: FloatArray,
    m: tuple[FloatArray, ...],
    trials: FloatArray,
    shape: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Derivatives by log phi of loglik (without log a and log b), d1 and d2."""
    total = digamma_difference(np.full_like(trials, shape), trials)
    loglik = a * up[1] + b * down[1] - shape * total
    steep = by_mu[1] + shape * (a * up[2] - b * down[2])
    bent = 2.0 * by_mu[2] + shape**2 * (a * up[3] + b * down[3])
    return loglik, steep * m[1], bent * m[1] ** 2 + steep * m[2]


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    return mu * (1.0 - mu)


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    shape = dispersion_of(phi, "beta-binomial")
    return mu * (1.0 - mu) * (1.0 + (weights - 1.0) / (shape + 1.0)) / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    shape = dispersion_of(phi, "beta-binomial")
    tiny = np.finfo(np.float64).tiny
    chance = rng.beta(np.maximum(shape * mu, tiny), np.maximum(shape * (1.0 - mu), tiny))
    trials = np.maximum(np.round(weights), 1.0)
    return np.asarray(rng.binomial(trials.astype(np.int64), chance) / trials)


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    """Twice the distance of the log densities at means y and mu; the sign is left out."""
    shape = dispersion_of(phi, "beta-binomial")
    k = y * weights

    def at(mean: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            won = _sides(k, shape * mean)[0] + np.log(shape * mean)
            lost = _sides(weights - k, shape * (1.0 - mean))[0] + np.log(shape * (1.0 - mean))
        return np.where(k > 0.0, won, 0.0) + np.where(weights - k > 0.0, lost, 0.0)

    return np.asarray(2.0 * np.abs(at(y) - at(mu)))


BETA_BINOMIAL = Family(
    name="beta-binomial",
    links=("logit", "probit", "cloglog", "cauchit", "log"),
    rows=guarded(_rows, 0.0, 1.0),
    variance=_variance,
    response_variance=_response_variance,
    simulate=_simulate,
    deviance_residuals2=_deviance,
    check=check_proportion,
    start_mu=start_proportion,
    dispersion="shape",
    discrete=True,
    trials=True,
    mean_lower=0.0,
    mean_upper=1.0,
)
