"""Tails of the largest of several statistics: studentized range and multivariate t.

Source: Tukey (1953); Copenhaver & Holland (1988), J. Stat. Comput. Simul. 30, 1-15, for the double
integral; Deak (1980), Numer. Math. 35, 369-380, for the integration over directions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.special import fdtrc, gammaln, log_ndtr, ndtri

from nestwise._base.arrays import FloatArray

NORMAL = 1e6
"""Degrees of freedom beyond which Student's t is the normal."""

POINTS = 1 << 14
"""Directions of the quasi-Monte-Carlo rule."""

BINS = 1 << 10
"""Quantiles of the extremes over the directions that are kept."""


@lru_cache(maxsize=4)
def _legendre(n: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return nodes, weights


def _panel(low: float, high: float, n: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = _legendre(n)
    half = 0.5 * (high - low)
    return low + half * (nodes + 1.0), half * weights


def range_tail(w: FloatArray, k: int) -> FloatArray:
    """P(range of k standard normals > w), accurate in relative terms far into the tail.

    Examples
    --------
    >>> range_tail(np.array([3.314]), 3).round(3).tolist()
    [0.05]
    """
    z, weight = _panel(-8.5, 8.5, 160)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi) * weight
    below = np.exp((k - 1) * log_ndtr(z))
    share = np.exp(log_ndtr(z - np.atleast_1d(w)[:, None]) - log_ndtr(z))
    with np.errstate(divide="ignore"):
        missed = -np.expm1((k - 1) * np.log1p(-np.minimum(share, 1.0)))
    return np.asarray(k * (missed * below) @ density, dtype=np.float64)


def tukey_tail(q: FloatArray, k: int, df: FloatArray) -> FloatArray:
    """P(Q > q) of the studentized range of k means.

    Parameters
    ----------
    q : (r,) float64
        Studentized ranges, at least zero.
    k : int
        Number of means.
    df : (r,) float64
        Degrees of freedom of the standard error; may be infinite.

    Returns
    -------
    (r,) float64

    Examples
    --------
    >>> tukey_tail(np.array([3.8767767]), 3, np.array([10.0])).round(6).tolist()
    [0.05]
    """
    out = np.full(len(q), np.nan)
    for i, (value, nu) in enumerate(zip(q, df, strict=True)):
        if np.isfinite(value) and nu > NORMAL:
            out[i] = range_tail(np.array([value]), k)[0]
        elif np.isfinite(value) and nu > 0.0:
            u, weight = _log_scale(float(nu))
            out[i] = float(range_tail(value * np.exp(u), k) @ weight)
    return np.asarray(np.clip(out, 0.0, 1.0), dtype=np.float64)


@lru_cache(maxsize=64)
def _log_scale(df: float) -> tuple[FloatArray, FloatArray]:
    """Nodes of log s and weights times its density, s^2 being chi-squared over df."""
    spread = 1.0 / np.sqrt(2.0 * df)
    low, high = -37.0 / df - 8.0 * spread, 0.5 * np.log(3.0 + 90.0 / df)
    cuts = np.array([low, -6.0 * spread, 0.0, min(6.0 * spread, 0.7 * high), high])
    panels = [_panel(a, b, 48) for a, b in pairwise(cuts.tolist()) if b > a]
    u = np.concatenate([p[0] for p in panels])
    log_density = np.asarray(
        np.log(2.0)
        + 0.5 * df * np.log(0.5 * df)
        - gammaln(0.5 * df)
        + df * u
        - 0.5 * df * np.exp(2.0 * u)
    )
    return u, np.concatenate([p[1] for p in panels]) * np.exp(log_density).astype(np.float64)


def extremes(correlation: FloatArray) -> FloatArray:
    """Quantiles, over directions d, of the largest of |A d|, A A' the correlation of n statistics.

    Parameters
    ----------
    correlation : (n, n) float64
        May be singular.

    Returns
    -------
    (bins,) float64
        Ascending; the same at every call.

    Examples
    --------
    >>> extremes(np.eye(1)).tolist()
    [1.0]
    """
    values, vectors = np.linalg.eigh(correlation)
    keep = values > 1e-10 * values[-1]
    return _extremes(vectors[:, keep] * np.sqrt(values[keep]), int(keep.sum()))


def maximum_tail(t: FloatArray, correlation: FloatArray, df: FloatArray) -> FloatArray:
    """P(max |T_i| > t) of a multivariate t, by a fixed quasi-Monte-Carlo rule.

    With Z = A d r, d a direction and r its length, r^2 / (rank s^2) is F distributed, so that only
    the direction is left to average over.

    Parameters
    ----------
    t : (r,) float64
        Absolute statistics.
    correlation : (n, n) float64
        Of the n statistics; may be singular.
    df : (r,) float64
        Degrees of freedom; may be infinite.

    Returns
    -------
    (r,) float64
        Good to about four digits; the same at every call.

    Examples
    --------
    >>> maximum_tail(np.array([2.0]), np.eye(1), np.array([np.inf])).round(4).tolist()
    [0.0455]
    """
    return tail_of(extremes(correlation), int(np.linalg.matrix_rank(correlation)), t, df)


def tail_of(extreme: FloatArray, rank: int, t: FloatArray, df: FloatArray) -> FloatArray:
    """`maximum_tail` with the extremes at hand."""
    out = np.full(len(t), np.nan)
    for i, (value, nu) in enumerate(zip(t, df, strict=True)):
        if np.isfinite(value):
            large = nu if np.isfinite(nu) else 1e12
            with np.errstate(divide="ignore"):
                ratio = value**2 / (rank * extreme**2)
            out[i] = float(np.mean(fdtrc(rank, large, np.minimum(ratio, 1e300))))
    return np.asarray(np.clip(out, 0.0, 1.0), dtype=np.float64)


def _extremes(A: FloatArray, rank: int) -> FloatArray:
    """Largest absolute entry of A d over a spread-out set of directions d, in quantiles."""
    if rank == 1:
        return np.array([float(np.abs(A).max())])
    roots = np.sqrt(np.array(_primes(rank), dtype=np.float64))
    index = np.arange(1, POINTS + 1, dtype=np.float64)[:, None]
    uniform = np.mod(index * roots, 1.0)
    normal = ndtri(np.clip(uniform, 1e-12, 1.0 - 1e-12))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    largest = np.sort(np.abs(normal @ A.T).max(axis=1))
    return np.asarray(largest.reshape(-1, POINTS // BINS).mean(axis=1), dtype=np.float64)


@lru_cache(maxsize=16)
def _primes(n: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < n:
        if all(number % p for p in found):
            found.append(number)
        number += 1
    return found


def critical(tail: Callable[[float], float], alpha: float) -> float:
    """The statistic whose tail probability is `alpha`: regula falsi on the logarithm of the tail.

    Source: Dowell & Jarratt (1971), BIT 11, 168-174 (the Illinois method).

    Examples
    --------
    >>> round(critical(lambda t: float(np.exp(-t)), 0.05), 6)
    2.995732
    """

    def gap(t: float) -> float:
        return float(np.log(max(tail(t), 1e-300)) - np.log(alpha))

    low, high = 0.0, 3.0
    below, above = gap(low), gap(high)
    while above > 0.0 and high < 1e8:
        low, below, high = high, above, 2.0 * high
        above = gap(high)
    for _ in range(80):
        middle = low + (high - low) * below / (below - above)
        here = gap(middle)
        if abs(here) < 1e-11 or high - low < 1e-12 * high:
            break
        if here > 0.0:
            low, below, above = middle, here, 0.5 * above
        else:
            high, above, below = middle, here, 0.5 * below
    return middle


__all__ = ["critical", "extremes", "maximum_tail", "range_tail", "tail_of", "tukey_tail"]
