"""p values and intervals for several tests at once.

Source: Tukey (1953); Holm (1979), Scand. J. Stat. 6, 65-70; Sidak (1967), JASA 62, 626-633;
Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise.inference.emmeans.studentized import (
    critical,
    extremes,
    maximum_tail,
    tail_of,
    tukey_tail,
)
from nestwise.inference.wald import quantile, two_sided_p

METHODS = ("tukey", "holm", "bonferroni", "sidak", "fdr", "mvt", "none")

OF_INTERVALS = {"holm": "bonferroni", "fdr": "bonferroni"}
"""Step-wise methods have no intervals of their own; these stand in."""


def check_adjust(adjust: str, all_pairs: bool) -> str:
    """The name of a method, refusing Tukey's where it does not apply.

    Raises
    ------
    OptionError
        When the method is unknown, or is Tukey's for other contrasts than all pairs.
    """
    method = one_of("adjust", adjust, METHODS)
    if method == "tukey" and not all_pairs:
        raise OptionError(
            "adjust='tukey' is made for all pairwise differences; use 'mvt' or 'sidak' for other "
            "contrasts"
        )
    return method


def adjusted_p(
    adjust: str, statistic: FloatArray, df: FloatArray, k: int, correlation: FloatArray
) -> FloatArray:
    """p values of one family of tests.

    Parameters
    ----------
    adjust : str
        A name in `METHODS`.
    statistic, df : (n,) float64
        t statistics (NaN where not estimable) and degrees of freedom.
    k : int
        Number of means compared, for Tukey's method.
    correlation : (n, n) float64
        Of the statistics, for ``"mvt"``.

    Returns
    -------
    (n,) float64

    Examples
    --------
    >>> t, df = np.array([2.0, 3.0]), np.array([10.0, 10.0])
    >>> adjusted_p("holm", t, df, 3, np.eye(2)).round(4).tolist()
    [0.0734, 0.0267]
    """
    p = two_sided_p(statistic, df)
    known = np.isfinite(p)
    n = int(known.sum())
    if n <= 1 and adjust != "tukey":
        return p
    if adjust == "tukey":
        return tukey_tail(np.sqrt(2.0) * np.abs(statistic), k, df)
    if adjust == "bonferroni":
        return np.minimum(1.0, n * p)
    if adjust == "sidak":
        with np.errstate(divide="ignore"):
            return np.asarray(-np.expm1(n * np.log1p(-p)), dtype=np.float64)
    if adjust == "mvt":
        return maximum_tail(np.abs(statistic), correlation[np.ix_(known, known)], df)
    if adjust in ("holm", "fdr"):
        out = p.copy()
        out[known] = _holm(p[known]) if adjust == "holm" else _fdr(p[known])
        return out
    return p


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(1.0, steps)
    return out


def _fdr(p: FloatArray) -> FloatArray:
    order = np.argsort(-p, kind="stable")
    steps = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(1.0, steps)
    return out


def multiplier(
    adjust: str, df: FloatArray, level: float, k: int, correlation: FloatArray
) -> FloatArray:
    """What standard errors are multiplied by in simultaneous intervals of one family, (n,).

    Examples
    --------
    >>> multiplier("tukey", np.array([10.0]), 0.95, 3, np.eye(1)).round(4).tolist()
    [2.7413]
    """
    method = OF_INTERVALS.get(adjust, adjust)
    known = np.isfinite(df) | np.isposinf(df)
    n, alpha = int(known.sum()), 1.0 - level
    if method == "bonferroni" and n > 1:
        return quantile(df, 1.0 - alpha / n)
    if method == "sidak" and n > 1:
        return quantile(df, float(level ** (1.0 / n)))
    if method == "none" or (n <= 1 and method != "tukey"):
        return quantile(df, level)
    R = correlation[np.ix_(known, known)]
    extreme, rank = (extremes(R), int(np.linalg.matrix_rank(R))) if method == "mvt" else (R, 0)
    # Degrees of freedom that differ by rounding alone share one root.
    keys = [f"{nu:.9g}" for nu in df.tolist()]
    wanted = {key for key, good in zip(keys, known, strict=True) if good}
    found = {key: _critical(extreme, rank, float(key), alpha, k) for key in wanted}
    return np.array([found.get(key, np.nan) for key in keys])


def _critical(extreme: FloatArray, rank: int, df: float, alpha: float, k: int) -> float:
    """Of a multivariate t of this rank, or with rank zero of the studentized range of k means."""
    one = np.array([df])

    def tail(t: float) -> float:
        if rank == 0:
            return float(tukey_tail(np.array([t * np.sqrt(2.0)]), k, one)[0])
        return float(tail_of(extreme, rank, np.array([t]), one)[0])

    return critical(tail, alpha)
