"""Rows or groups left out with the covariance parameters held, beside structured residuals.

A row with an indicator column of its own contributes nothing else to a generalised least-squares
fit: to leave rows out is to add their indicators, whatever the covariances.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.structured.evaluate import degrees
from nestwise.core.structured.weighted import Inverted, invert
from nestwise.fit.structured_result import StructuredFit

SINGULAR = 1e10
"""Condition of the rows' part of P from which they cannot be left out."""


def structured_left_out(
    fit: StructuredFit, codes: AnyArray, n_levels: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """beta (g, p), standard errors (g, p) and sigma (g,) without each level; NaN where impossible.

    With E the indicators of the rows left out and P = V^-1 - V^-1 X C X'V^-1 the estimates change
    by -C X'V^-1 E (E'P E)^-1 E'P y, and pwrss by -(E'P y)'(E'P E)^-1 E'P y.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    codes : (n,) int
        Level of every row.
    n_levels : int
        Levels.

    Source
    ------
    Cook & Weisberg (1982), Residuals and Influence in Regression, section 2.2.3 (mean-shift
    outliers); Haslett (1999), J. R. Stat. Soc. B 61, 603-609, for correlated residuals.
    """
    problem, p = fit.problem, fit.beta.size
    inverted, C = invert(problem, fit.par), fit.unscaled_vcov
    W, Py = inverted.times(np.ascontiguousarray(fit.design.fixed.X)), fit.weighted_residuals
    block = _blocks(inverted)
    df, most = degrees(problem, fit.reml), problem.n - p
    beta, errors = np.full((n_levels, p), np.nan), np.full((n_levels, p), np.nan)
    sigma, order = np.full(n_levels, np.nan), np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=n_levels))
    for g, index in enumerate(np.split(order, ends[:-1])):
        own = W[index]
        middle = _inverse_of(inverted, block, index) - own @ C @ own.T
        if not 0 < index.size < most or np.linalg.cond(middle) > SINGULAR:
            continue
        across = C @ own.T
        solved = np.linalg.solve(middle, np.column_stack([Py[index], across.T]))
        beta[g] = fit.beta - across @ solved[:, 0]
        left = fit.pwrss - float(Py[index] @ solved[:, 0])
        if left > 0.0:
            sigma[g] = np.sqrt(left / (df - index.size))
            variance = np.diag(C) + np.einsum("ij,ji->i", across, solved[:, 1:])
            errors[g] = sigma[g] * np.sqrt(np.maximum(variance, 0.0))
    return beta, errors, sigma


def _blocks(inverted: Inverted) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Pattern, number of the block, and place within it of every row."""
    n = inverted.problem.n
    pattern, block, place = (np.empty(n, dtype=np.intp) for _ in range(3))
    first = 0
    for i, one in enumerate(inverted.problem.blocks.patterns):
        N, v = one.rows.shape
        pattern[one.rows] = i
        block[one.rows] = first + np.arange(N)[:, None]
        place[one.rows] = np.arange(v)
        first += N
    return pattern, block, place


def _inverse_of(
    inverted: Inverted, where: tuple[AnyArray, AnyArray, AnyArray], index: AnyArray
) -> FloatArray:
    """Rows and columns of V^-1."""
    r = index.size
    if inverted.equations is not None:
        E = np.zeros((inverted.problem.n, r))
        E[index, np.arange(r)] = 1.0
        return inverted.times(E)[index]
    pattern, block, place = (x[index] for x in where)
    out = np.zeros((r, r))
    for b in np.unique(block):
        at = np.flatnonzero(block == b)
        inverse = inverted.patterns[pattern[at[0]]].inverse
        out[np.ix_(at, at)] = inverse[np.ix_(place[at], place[at])]
    return out
