"""Parameters of structured random effects and the entries of Lambda that they fill.

`par` is what moves: for each term its entries of Lambda (scaled columns), or where it has a pattern
such as ``cs`` the pattern's parameters (user's columns, as in `nestwise.core.patterns`); then the
residuals'. `filled` has the entries of every Lambda in place of the former. The engine reads
`filled`; what it says is carried to `par` by the chain rule.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.differences import second_by_differences
from nestwise.core.structured.model import EffectArrays, StructuredArrays


def fill(arrays: StructuredArrays, par: FloatArray) -> FloatArray:
    """(t + r,) entries of the Lambdas, then the residuals' parameters.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    par : (m,) float64
        Parameters.
    """
    if not arrays.patterned:
        return par
    return fill_with_slopes(arrays, par)[0]


def fill_with_slopes(arrays: StructuredArrays, par: FloatArray) -> tuple[FloatArray, FloatArray]:
    """As `fill`, and the derivatives by par, (m, t + r)."""
    n, t = arrays.n_effects, len(arrays.entries)
    filled = np.concatenate([np.zeros(t), par[n:]])
    slopes = np.zeros((par.size, filled.size))
    slopes[n:, t:] = np.eye(par.size - n)
    for term, own, at in term_places(arrays):
        filled[at], slopes[own, at] = _entries(term, par[own])
    return filled, slopes


def fill_curvature(arrays: StructuredArrays, par: FloatArray) -> FloatArray:
    """(m, m, t + r) second derivatives of `fill` by par."""
    out = np.zeros((par.size, par.size, len(arrays.entries) + arrays.errors.n_par))
    for term, own, at in term_places(arrays):
        if term.pattern is not None:
            out[own, own, at] = _second(term, par[own])
    return out


def _second(term: EffectArrays, par: FloatArray) -> FloatArray:
    return second_by_differences(lambda moved: _entries(term, moved)[1], par)


def term_places(arrays: StructuredArrays) -> list[tuple[EffectArrays, slice, slice]]:
    """Each term with its place in par and among the entries."""
    out, first, start = [], 0, 0
    for term in arrays.effects:
        n, m = term.n_par, len(term.free)
        out.append((term, slice(first, first + n), slice(start, start + m)))
        first, start = first + n, start + m
    return out


def _entries(term: EffectArrays, par: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Entries of a term's Lambda in scaled columns, and their derivatives (n_par, entries)."""
    if term.pattern is None:
        return par, np.eye(par.size)
    rows, columns = np.array(term.free).T
    Lambda, slopes = term.pattern.factor(par, len(term.scale))
    scale = term.scale[rows]
    return Lambda[rows, columns] * scale, slopes[:, rows, columns] * scale


def nearest_par(arrays: StructuredArrays, lambdas: list[FloatArray]) -> FloatArray:
    """(n_effects,) parameters of all terms whose Lambdas, in scaled columns, are nearest."""
    out = []
    for term, Lambda in zip(arrays.effects, lambdas, strict=True):
        if term.pattern is None:
            rows, columns = np.array(term.free, dtype=np.intp).reshape(-1, 2).T
            out.append(Lambda[rows, columns])
        else:
            half = Lambda / term.scale[:, None]
            out.append(term.pattern.nearest(half @ half.T))
    return np.concatenate(out) if out else np.zeros(0)


def upright(arrays: StructuredArrays, par: FloatArray) -> FloatArray:
    """(m,) par with the same covariances and no negative diagonal of a Lambda.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    par : (m,) float64
        Parameters.
    """
    out = par.copy()
    for term, own, _ in term_places(arrays):
        values = out[own]
        if term.pattern is not None:
            if term.pattern.factor(values, len(term.scale))[0][0, 0] < 0.0:
                # Only a common standard deviation, the first parameter, may have either sign.
                out[own.start] *= -1.0
            continue
        for i, (r, c) in enumerate(term.free):
            if r == c and values[i] < 0.0:
                for j, (_, c2) in enumerate(term.free):
                    if c2 == c:
                        out[own.start + j] *= -1.0
    return out
