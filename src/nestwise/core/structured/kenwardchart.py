"""Second derivatives along the parameters that Kenward and Roger's adjustment is defined by.

These are the residuals' of `residual.chart` with the logarithms of their standard deviations, and
the variances and covariances of random effects, or what a pattern such as ``ar1`` calls natural.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import bending
from nestwise.core.structured.filled import fill_curvature, fill_with_slopes, term_places
from nestwise.core.structured.model import EffectArrays, StructuredArrays
from nestwise.core.structured.weighted import Inverted


def along_chart(
    inverted: Inverted, par: FloatArray, P: FloatArray, by_entries: FloatArray, W: FloatArray
) -> FloatArray:
    """(p, p) what the sum of W_ab R_ab has beyond second derivatives by the residuals' par.

    Parameters
    ----------
    inverted : Inverted
        V^-1 at par.
    par : (m,) float64
        Parameters.
    P : (m + 1, p, p) float64
        -X'V^-1 V_a V^-1 X by (par, log sigma).
    by_entries : (t + r, p, p) float64
        The same by the entries of the Lambdas and the residuals' parameters.
    W : (m + 1, m + 1) float64
        Weights, symmetric.

    Notes
    -----
    The variances of random effects are on the scale of the response: with them held, sigma scales
    the residuals alone.
    """
    arrays, m = inverted.problem.arrays, par.size
    first = arrays.n_effects
    out = -4.0 * np.tensordot(W[first:m, m], P[first:m], 1) - 2.0 * W[m, m] * P[m]
    out = out + _structures(arrays, par, P, W)
    for t, (term, own, _) in enumerate(term_places(arrays)):
        scaled = _scaled(term, par[own])
        out += 2.0 * W[m, m] * np.tensordot(scaled, P[own], 1)
        if term.pattern is not None:
            mixed = np.outer(W[own, m], scaled)
            inner = W[own, own] + mixed + mixed.T + W[m, m] * np.outer(scaled, scaled)
            out += _patterned(inverted, par, t, inner, P, by_entries)
    return np.asarray(out)


def _structures(
    arrays: StructuredArrays, par: FloatArray, P: FloatArray, W: FloatArray
) -> FloatArray:
    """From par of the residual structure to the parameters of its chart, arm by arm."""
    out, errors = np.zeros(P.shape[1:]), arrays.errors
    if errors.structure is None:
        return out
    for arm in range(errors.n_arms):
        start = arrays.n_effects + arm * errors.n_structure
        own = slice(start, start + errors.n_structure)
        bent = bending(errors.structure.chart, par[own], errors.n_visits)
        out += np.tensordot(np.tensordot(W[own, own], bent, 2), P[own], 1)
    return out


def _patterned(
    inverted: Inverted,
    par: FloatArray,
    t: int,
    W: FloatArray,
    P: FloatArray,
    by_entries: FloatArray,
) -> FloatArray:
    """A term with fewer parameters than entries, along its natural ones."""
    problem = inverted.problem
    arrays = problem.arrays
    term, own, at = term_places(arrays)[t]
    assert term.pattern is not None
    natural, k = term.pattern.natural, len(term.scale)

    def chart(here: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
        values, slopes = natural(here, width)
        return values, slopes.T

    out = np.tensordot(np.tensordot(W, bending(chart, par[own], k), 2), P[own], 1)
    out -= np.tensordot(
        np.tensordot(W, fill_curvature(arrays, par)[own, own, at], 2), by_entries[at], 1
    )
    slopes = fill_with_slopes(arrays, par)[1][own, at]
    pairs, M = slopes.T @ W @ slopes, np.zeros((k, k))
    for i, (r, c) in enumerate(term.free):
        for j, (r2, c2) in enumerate(term.free):
            M[r, r2] += pairs[i, j] * (c == c2)
    sums = np.zeros((term.n_levels, k, problem.p))
    np.add.at(sums, term.codes, term.Z[:, :, None] * inverted.times(problem.Q)[:, None])
    return np.asarray(out + 2.0 * np.einsum("lap,ab,lbq->pq", sums, M, sums, optimize=True))


def _scaled(term: EffectArrays, par: FloatArray) -> FloatArray:
    """Direction in par that multiplies all standard deviations of a term alike, as sigma does."""
    if term.pattern is None:
        return par
    out, sds = np.zeros_like(par), term.pattern.n_sds(len(term.scale))
    # One standard deviation is a parameter as it is; several are logarithms.
    out[:sds] = par[0] if sds == 1 else 1.0
    return out
