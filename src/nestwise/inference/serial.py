"""Pairs of rows of the same subject: what residuals correlate, and what the fit says they should.

The residuals are y - X beta, divided by the standard deviations that the fit gives them: random
effects are part of what is to be explained, so that models with random effects and models with
residual structures can be looked at in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise.core.structured.evaluate import factorise
from nestwise.fit.result import LmFit, LmmFit
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.kinds import Fit
from nestwise.inference.residuals import fixed_part

MOST = 2_000_000
"""Pairs of rows that are looked at; of more, subjects are left out evenly."""


@dataclass(frozen=True, slots=True, eq=False)
class SerialPairs:
    """Standardised residuals and all pairs of rows of the same subject.

    Parameters
    ----------
    residuals : (n,) float64
        y - X beta over their standard deviations.
    first, second : (m,) intp
        Rows of the pairs.
    correlation : (m,) float64
        As the fit has it.
    """

    residuals: FloatArray
    first: AnyArray
    second: AnyArray
    correlation: FloatArray


def pairs_within(codes: IntArray, most: int = MOST) -> tuple[AnyArray, AnyArray]:
    """All pairs of rows with the same code, of a part of the codes when they are too many.

    Examples
    --------
    >>> first, second = pairs_within(np.array([0, 1, 0, 0]))
    >>> first.tolist(), second.tolist()
    ([0, 0, 2], [2, 3, 3])
    """
    counts = np.bincount(codes)
    total = float((counts * (counts - 1.0) / 2.0).sum())
    keep = np.arange(len(counts)) % max(1, int(np.ceil(total / most))) == 0
    order = np.argsort(codes, kind="stable")
    starts = np.cumsum(counts) - counts
    first, second = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.intp)]
    for size in np.unique(counts[keep & (counts > 1)]):
        rows = order[starts[keep & (counts == size)][:, None] + np.arange(size)]
        a, b = np.triu_indices(int(size), 1)
        first.append(rows[:, a].ravel())
        second.append(rows[:, b].ravel())
    return np.concatenate(first), np.concatenate(second)


def serial_pairs(fit: Fit, group: str | None = None) -> SerialPairs:
    """Residuals and pairs of a fit.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit.
    group : str, optional
        The grouping factor whose rows are paired; the subjects of the residual structure, or the
        first grouping factor, by default.

    Returns
    -------
    SerialPairs

    Raises
    ------
    OptionError
        When the fit has no groups, or `group` is none of them.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (1 | Subject)", nw.load_dataset("sleepstudy"))
    >>> pairs = serial_pairs(m.fit)
    >>> len(pairs.first), pairs.correlation[0].round(3).item()
    (810, 0.589)
    """
    if isinstance(fit, StructuredFit):
        return _structured(fit, group)
    if not isinstance(fit, LmmFit):
        kind = "a linear model" if isinstance(fit, LmFit) else "a generalised model"
        raise OptionError(
            f"{kind} has no correlation of residuals to look at; fit it with lmer, or with gls and "
            "residual="
        )
    return _mixed(fit, group)


def _mixed(fit: LmmFit, group: str | None) -> SerialPairs:
    """Cov(y) = sigma^2 (Z Lambda Lambda' Z' + W^-1), at pairs of rows."""
    design = fit.design
    first, second = pairs_within(group_codes(fit, group))
    n = len(design.y)
    variance = np.ones(n) if design.weights is None else 1.0 / design.weights
    shared = np.zeros(len(first))
    for term, Lambda in zip(design.terms, fit.lambdas, strict=True):
        Z = np.column_stack([np.ones(n) if z is None else z for z in term.Z])
        half = Z @ Lambda
        variance = variance + (half * half).sum(axis=1)
        codes = design.factors[term.factor].codes
        together = np.einsum("ij,ij->i", half[first], half[second])
        shared += np.where(codes[first] == codes[second], together, 0.0)
    sd = np.sqrt(variance)
    e = (design.y - fixed_part(fit)) / (fit.sigma * sd)
    return SerialPairs(e, first, second, shared / (sd[first] * sd[second]))


def group_codes(fit: Fit, group: str | None) -> IntArray:
    """Code of each row's subject: of the residual structure, or of a grouping factor."""
    known = {factor.name: factor.codes for factor in fit.design.factors}
    part = fit.design.residual
    if part is not None and part.subject is not None:
        known = {part.subject.name: part.subject.codes, **known}
    if not known:
        raise OptionError("this fit has no subjects: its residuals are independent")
    chosen = next(iter(known)) if group is None else group
    if chosen not in known:
        raise OptionError(
            f"group={group!r} is no grouping factor of this fit; use one of "
            f"{', '.join(repr(k) for k in known)}"
        )
    return known[chosen]


def _structured(fit: StructuredFit, group: str | None) -> SerialPairs:
    codes = group_codes(fit, group)
    e = fit.design.y - fixed_part(fit)
    sd = np.ones(len(e))
    first, second = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.intp)]
    values = [np.zeros(0)]
    for pattern, V in _matrices(fit):
        root = np.sqrt(V.diagonal())
        sd[pattern] = root
        C = V / np.outer(root, root)
        a, b = np.triu_indices(len(V), 1)
        step = max(1, int(np.ceil(pattern.shape[0] * len(a) / MOST)))
        rows = pattern[::step]
        left, right = rows[:, a], rows[:, b]
        same = codes[left] == codes[right]
        first.append(left[same])
        second.append(right[same])
        values.append(np.broadcast_to(C[a, b], left.shape)[same])
    return SerialPairs(
        e / (fit.sigma * sd), np.concatenate(first), np.concatenate(second), np.concatenate(values)
    )


@memo
def _matrices(fit: StructuredFit) -> tuple[tuple[AnyArray, FloatArray], ...]:
    """Rows (N, v) and relative covariance (v, v) of every pattern at the estimates."""
    found = factorise(fit.problem, fit.filled)
    if found is None:
        raise OptionError("the covariance of the residuals is singular at the estimates")
    return tuple(
        (pattern.rows, one.covariance.V)
        for pattern, one in zip(fit.problem.blocks.patterns, found, strict=True)
    )


def empirical_correlation(
    pairs: SerialPairs, codes: IntArray, n_levels: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Correlations of visits: observed, of the fit, and numbers of pairs, each (v, v).

    Parameters
    ----------
    pairs : SerialPairs
        From `serial_pairs`.
    codes : (n,) int32
        Visit of each row.
    n_levels : int
        v.

    Returns
    -------
    observed, fitted, count : (v, v) float64
        NaN where no subject was seen at both visits; the diagonal is 1.

    Examples
    --------
    >>> pairs = SerialPairs(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 2]), np.array([1, 3]),
    ...     np.array([0.5, 0.5]))
    >>> observed, fitted, count = empirical_correlation(pairs, np.array([0, 1, 0, 1]), 2)
    >>> observed[0, 1].item(), fitted[0, 1].item(), count[0, 1].item()
    (1.0, 0.5, 2.0)
    """
    low = np.minimum(codes[pairs.first], codes[pairs.second])
    high = np.maximum(codes[pairs.first], codes[pairs.second])
    swap = codes[pairs.first] > codes[pairs.second]
    a = pairs.residuals[np.where(swap, pairs.second, pairs.first)]
    b = pairs.residuals[np.where(swap, pairs.first, pairs.second)]
    cell = low.astype(np.int64) * n_levels + high

    def total(values: FloatArray) -> FloatArray:
        out = np.bincount(cell, values, n_levels * n_levels)
        return np.asarray(out.reshape(n_levels, n_levels), dtype=np.float64)

    count = total(np.ones(len(cell)))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = total(a * b) / np.sqrt(total(a * a) * total(b * b))
        fitted = total(pairs.correlation) / count
    return tuple(_symmetric(m, one) for m, one in ((observed, 1.0), (fitted, 1.0), (count, 0.0)))  # type: ignore[return-value]


def _symmetric(upper: FloatArray, diagonal: float) -> FloatArray:
    out = np.triu(upper, 1)
    out = out + out.T
    np.fill_diagonal(out, diagonal)
    return out


def semivariances(
    pairs: SerialPairs, time: FloatArray, bins: int = 15
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Half the mean squared difference of standardised residuals, by distance.

    Parameters
    ----------
    pairs : SerialPairs
        From `serial_pairs`.
    time : (n,) or (n, d) float64
        Time, or coordinates, of each row.
    bins : int
        More distinct distances are gathered into so many bins of equal count.

    Returns
    -------
    distance, observed, fitted, count : (k,) float64
        Mean distance, semivariance of the residuals, 1 - correlation of the fit, and pairs.

    Source
    ------
    Cressie (1993), Statistics for Spatial Data, section 2.4; Diggle, Heagerty, Liang & Zeger
    (2002), Analysis of Longitudinal Data, section 3.4.

    Examples
    --------
    >>> pairs = SerialPairs(np.array([1.0, -1.0]), np.array([0]), np.array([1]), np.array([0.2]))
    >>> [float(v[0]) for v in semivariances(pairs, np.array([0.0, 3.0]))]
    [3.0, 2.0, 0.8, 1.0]
    """
    at = time if time.ndim == 2 else time[:, None]
    apart = np.sqrt(((at[pairs.first] - at[pairs.second]) ** 2).sum(axis=1))
    rounded = np.round(apart, 9)
    distinct, codes = np.unique(rounded, return_inverse=True)
    if len(distinct) > 2 * bins:
        edges = np.unique(np.quantile(apart, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
        codes = np.searchsorted(edges, apart, side="left")
    count = np.bincount(codes).astype(np.float64)
    seen = count > 0
    half = 0.5 * (pairs.residuals[pairs.first] - pairs.residuals[pairs.second]) ** 2

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(codes, values)[seen] / count[seen])

    return mean(apart), mean(half), mean(1.0 - pairs.correlation), count[seen]
