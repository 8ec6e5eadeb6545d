"""Beta: proportions strictly between 0 and 1; variance mu (1 - mu) / (1 + phi).

Source: Ferrari & Cribari-Neto (2004), J. Appl. Stat. 31, 799-815, eq. 4; Loader (2000), Fast and
accurate computation of binomial probabilities, for a form that does not cancel.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, xlog1py

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.families.binomial import start_proportion
from nestwise.core.families.composition import chain
from nestwise.core.families.divergence import Pair, excess, log_ratio
from nestwise.core.families.family import Family, RowTerms, dispersion_of
from nestwise.core.families.guard import guarded
from nestwise.core.families.polygammas import polygammas
from nestwise.core.families.ranges import refuse
from nestwise.core.families.stirling import LARGE, digamma_rest, log_gamma_rest, trigamma_rest
from nestwise.core.links.link import Link, derivatives, log_complement, log_mean


def _rows(
    y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
) -> RowTerms:
    """Gamma functions are taken at 1 + a and 1 + b; log a and log b stay apart, in eta."""
    shape = dispersion_of(phi, "beta")
    m, la, lb = derivatives(link, eta), log_mean(link, eta), log_complement(link, eta)
    rest = np.exp(lb[0])
    a, b = shape * m[0], shape * rest
    won, lost = _pairs(y, m[0], rest, la[0], lb[0])
    (a1, a2), (b1, b2) = polygammas(1.0 + a), polygammas(1.0 + b)
    curve = shape * shape * (a1 + b1)
    sa, sb = _slope_after(a), _slope_after(b)
    slope = shape * _score(won, lost, a, b, sa, sb)
    bend = shape**3 * (b2 - a2)
    smooth = chain((m[0], slope, -curve, bend), m)
    d1, d2, d3 = (s + u + v for s, u, v in zip(smooth[1:], la[1:], lb[1:], strict=True))
    info = curve * m[1] ** 2 + la[1] ** 2 + lb[1] ** 2
    dinfo = 2.0 * (curve * m[1] * m[2] + la[1] * la[2] + lb[1] * lb[2]) - bend * m[1] ** 3
    away = -shape * (excess(won) + excess(lost))
    parts = _density(won, lost, shape, away), d1, d2, d3, info, dinfo
    steep = slope + shape * (_bend_after(a, a1) - _bend_after(b, b1))
    bent = 2.0 * curve + shape**2 * (a * a2 + b * b2)
    whole = _slope_after(np.array([shape])) - sa - sb
    by_phi = _by_phi(1.0 + whole + away, steep, bent, m)
    return RowTerms(*(weights * t for t in (*parts, *by_phi)))


def _pairs(
    y: FloatArray, mu: FloatArray, rest: FloatArray, log_mu: FloatArray, log_rest: FloatArray
) -> tuple[Pair, Pair]:
    """Mean and response, and what each leaves to one: their difference comes from the smaller."""
    left = 1.0 - y
    apart = np.where(mu < 0.5, mu - y, left - rest)
    won = Pair(mu, y, log_mu, np.log(y), apart)
    return won, Pair(rest, left, log_rest, np.log1p(-y), -apart)


def _density(won: Pair, lost: Pair, shape: float, away: FloatArray) -> FloatArray:
    """The log density; what is large in the Gamma functions is taken with the powers.

    log Gamma(1 + a) is a log a - a + `_after`(a), and the same for b; a + b is the shape. What
    powers and logarithms leave is minus the shape times the divergence of y from mu: `away`.
    """
    after = _after(shape * won.x) + _after(shape * lost.x)
    rest = log_gamma_rest(np.array([shape])) - after + 2.0 * np.log(shape)
    return np.asarray(rest + away + (won.log_x - won.log_y) + (lost.log_x - lost.log_y))


def _after(a: FloatArray) -> FloatArray:
    """log Gamma(1 + a) - a log a + a."""
    return log_gamma_rest(1.0 + a) + np.log1p(a) + xlog1py(a, 1.0 / a) - 1.0


def _score(
    won: Pair, lost: Pair, a: FloatArray, b: FloatArray, sa: FloatArray, sb: FloatArray
) -> FloatArray:
    """log(y / (1 - y)) - digamma(1 + a) + digamma(1 + b), log(a / b) apart where both are large.

    sa and sb are `_slope_after` of a and b."""
    direct = (won.log_y - lost.log_y) - digamma(1.0 + a) + digamma(1.0 + b)
    large = log_ratio(lost) - log_ratio(won) - sa / a + sb / b
    return np.where(np.minimum(a, b) > 1.0, large, direct)


def _slope_after(a: FloatArray) -> FloatArray:
    """a (digamma(1 + a) - log a), which tends to one half."""
    return np.asarray(xlog1py(a, 1.0 / a) - digamma_rest(1.0 + a) * a / (1.0 + a))


def _bend_after(a: FloatArray, trigamma: FloatArray) -> FloatArray:
    """1 - a trigamma(1 + a), which tends to 1 / (2 a)."""
    return np.where(a < LARGE, 1.0 - a * trigamma, trigamma - trigamma_rest(1.0 + a))


def _by_phi(
    loglik: FloatArray, steep: FloatArray, bent: FloatArray, m: tuple[FloatArray, ...]
) -> tuple[FloatArray, ...]:
    """Derivatives by log phi of loglik, d1, d2 and info."""
    info = bent * m[1] ** 2
    return loglik, steep * m[1], steep * m[2] - info, info


def _variance(mu: FloatArray, phi: float | None) -> FloatArray:
    return mu * (1.0 - mu) / (1.0 + dispersion_of(phi, "beta"))


def _response_variance(mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    return _variance(mu, phi) / weights


def _simulate(
    mu: FloatArray, weights: FloatArray, phi: float | None, rng: np.random.Generator
) -> FloatArray:
    shape = dispersion_of(phi, "beta")
    tiny = np.finfo(np.float64).tiny
    a, b = np.maximum(shape * mu, tiny), np.maximum(shape * (1.0 - mu), tiny)
    return np.clip(rng.beta(a, b), tiny, 1.0 - 1e-16)


def _deviance(y: FloatArray, mu: FloatArray, weights: FloatArray, phi: float | None) -> FloatArray:
    """Twice the distance of the log densities at means y and mu; the sign is left out."""
    shape = dispersion_of(phi, "beta")

    def at(m: FloatArray) -> FloatArray:
        won, lost = _pairs(y, m, 1.0 - m, np.log(m), np.log1p(-m))
        return _density(won, lost, shape, -shape * (excess(won) + excess(lost)))

    return np.asarray(2.0 * weights * np.abs(at(y) - at(mu)))


def _check(y: FloatArray, weights: FloatArray, rows: IntArray | None) -> tuple[Diagnostic, ...]:
    needs = "proportions strictly between 0 and 1 (for 0 and 1 themselves use binomial)"
    refuse(np.asarray(~((y > 0.0) & (y < 1.0))), y, rows, "beta", needs)
    return ()


BETA = Family(
    name="beta",
    links=("logit", "probit", "cloglog", "cauchit", "log"),
    rows=guarded(_rows, 0.0, 1.0),
    variance=_variance,
    response_variance=_response_variance,
    simulate=_simulate,
    deviance_residuals2=_deviance,
    check=_check,
    start_mu=start_proportion,
    dispersion="shape",
    mean_lower=0.0,
    mean_upper=1.0,
)
