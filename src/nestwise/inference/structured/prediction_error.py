"""Mean squared errors of predictions from fits with structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.structured.weighted import Inverted, invert
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.model_rows import ModelRows
from nestwise.inference.structured.new_rows import (
    NewErrors,
    error_covariances,
    error_variances,
    rows_by_subject,
)

CHUNK = 256
"""New rows whose covariances with rows of the fit are held at once."""

Sources = tuple[tuple[tuple[int, tuple[int, ...]], ...], bool]
"""Random effects (term and columns), and whether the residual counts."""


def error_variance(
    fit: StructuredFit, rows: ModelRows, errors: NewErrors | None, seen: Sources, wanted: Sources
) -> FloatArray:
    """(r,) mean squared error of x'beta + a'(y - X beta), a = V^-1 k of what is seen.

    A residual that is not among what is seen is that of a new observation, independent of all.
    """
    n, out = len(rows.X), np.empty(len(rows.X))
    if not seen[0] and not seen[1]:
        fixed = np.einsum("ri,ij,rj->r", rows.X, fit.unscaled_vcov, rows.X)
        return np.asarray(fit.sigma**2 * (fixed + _variances(fit, rows, errors, wanted)))
    inverted, X = invert(fit.problem, fit.par), fit.design.fixed.X
    kappa, block = _variances(fit, rows, errors, wanted), _block_of_rows(fit)
    known = (wanted[0], seen[1])
    for start in range(0, n, CHUNK):
        at = np.arange(start, min(start + CHUNK, n))
        only = _related(fit, rows, errors, known, (at, block))
        k_seen = _covariances(fit, rows, errors, seen, (at, only))
        k_wanted = k_seen if seen == known else _covariances(fit, rows, errors, known, (at, only))
        a = _times(inverted, k_seen, only)
        d = a - (a if seen == known else _times(inverted, k_wanted, only))
        g = rows.X[at] - a.T @ X[only]
        value = kappa[at] - 2.0 * np.einsum("nr,nr->r", a, k_wanted)
        value += np.einsum("nr,nr->r", a, k_seen)
        value += np.einsum("ri,ij,rj->r", g, fit.unscaled_vcov, g)
        value += 2.0 * np.einsum("ri,ij,jr->r", g, fit.unscaled_vcov, X[only].T @ d)
        out[at] = value
    return np.asarray(fit.sigma**2 * np.maximum(out, 0.0))


def _block_of_rows(fit: StructuredFit) -> AnyArray:
    """(n,) number of the independent block of each row."""
    out, first = np.empty(fit.design.y.size, dtype=np.intp), 0
    for pattern in fit.problem.blocks.patterns:
        count = len(pattern.rows)
        out[pattern.rows] = first + np.arange(count)[:, None]
        first += count
    return out


def _related(
    fit: StructuredFit,
    rows: ModelRows,
    errors: NewErrors | None,
    what: Sources,
    where: tuple[AnyArray, AnyArray],
) -> AnyArray:
    """Rows of the fit that matter to some new rows: all of the blocks that they belong to."""
    at, block = where
    if fit.problem.blocks.trailing:
        return np.arange(block.size)
    near = np.zeros(block.size, dtype=np.bool_)
    for t, _ in what[0]:
        factor = fit.design.terms[t].factor
        near |= np.isin(fit.design.factors[factor].codes, rows.codes[factor][at])
    if what[1] and errors is not None:
        near |= np.isin(fit.problem.arrays.errors.subject, errors.subject[at])
    return np.flatnonzero(np.isin(block, block[near]))


def _times(inverted: Inverted, columns: FloatArray, only: AnyArray) -> FloatArray:
    """V^-1 times columns that are given in some whole blocks only."""
    n = inverted.problem.n
    if len(only) == n:
        return inverted.times(columns)
    place, out = np.full(n, -1, dtype=np.intp), np.empty_like(columns)
    place[only] = np.arange(len(only))
    pairs = zip(inverted.problem.blocks.patterns, inverted.patterns, strict=True)
    for pattern, one in pairs:
        chosen = place[pattern.rows[place[pattern.rows[:, 0]] >= 0]]
        if chosen.size:
            out[chosen] = one.inverse @ columns[chosen]
    return out


def _half(fit: StructuredFit, rows: ModelRows, t: int, columns: tuple[int, ...]) -> FloatArray:
    """(r, k) z'G of the chosen columns of one term."""
    term, Lambda = fit.design.terms[t], fit.lambdas[t]
    Z = np.zeros((len(rows.X), len(term.columns)))
    for j in columns:
        z = rows.Z[t][j]
        Z[:, j] = 1.0 if z is None else z
    return np.asarray(Z @ Lambda @ Lambda.T)


def _variances(
    fit: StructuredFit, rows: ModelRows, errors: NewErrors | None, what: Sources
) -> FloatArray:
    """(r,) prior variance of the chosen parts, over sigma^2."""
    out = np.zeros(len(rows.X))
    for t, columns in what[0]:
        half = _half(fit, rows, t, columns)
        for j in columns:
            z = rows.Z[t][j]
            out += half[:, j] * (1.0 if z is None else z)
    if what[1]:
        assert errors is not None
        out += error_variances(fit, errors)
    return out


def _covariances(
    fit: StructuredFit,
    rows: ModelRows,
    errors: NewErrors | None,
    what: Sources,
    where: tuple[AnyArray, AnyArray],
) -> FloatArray:
    """(s, r) covariance of some rows of the fit with the chosen parts of some new rows."""
    at, only = where
    out = np.zeros((len(only), len(at)))
    for t, columns in what[0]:
        term = fit.design.terms[t]
        own = fit.design.factors[term.factor].codes[only]
        same = own[:, None] == rows.codes[term.factor][at]
        half = _half(fit, rows, t, columns)[at]
        for j in range(len(term.columns)):
            z = term.Z[j]
            out += same * half[:, j] * (1.0 if z is None else z[only][:, None])
    arrays = fit.problem.arrays.errors
    if what[1] and errors is not None and arrays.structure is not None:
        old = rows_by_subject(arrays.subject[only], int(arrays.subject.max()) + 1)
        for s in np.unique(errors.subject[at]):
            if s >= 0:
                chosen = np.flatnonzero(errors.subject[at] == s)
                C = error_covariances(fit, errors, int(s), at[chosen], only[old[s]])
                out[np.ix_(old[s], chosen)] += C.T
    return out
