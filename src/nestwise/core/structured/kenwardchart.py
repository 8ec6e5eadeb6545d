"""Second derivatives along the parameters that Kenward and Roger's adjustment is defined by.

These are the residuals' of `residual.chart` with the logarithms of their standard deviations, and
the variances and covariances of random effects, or what a pattern such as ``ar1`` calls natural.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import bending
from nestwise.core.structured.filled import term_places
from nestwise.core.structured.model import EffectArrays, StructuredArrays


def along_chart(
    arrays: StructuredArrays, par: FloatArray, P: FloatArray, plain: FloatArray, whole: FloatArray
) -> FloatArray:
    """(m + 1, m + 1, p, p) R of Kenward and Roger, in the coordinates of (par, log sigma).

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    par : (m,) float64
        Parameters.
    P : (m + 1, p, p) float64
        -X'V^-1 V_a V^-1 X.
    plain : (m, m, p, p) float64
        X'V^-1 V_ab V^-1 X with the second derivatives by par.
    whole : (p, p) float64
        X'V^-1 X.

    Notes
    -----
    The variances of random effects are on the scale of the response: with them held, sigma scales
    the residuals alone.
    """
    m, first, size = par.size, arrays.n_effects, arrays.errors.n_structure
    R = np.zeros((m + 1, m + 1, *whole.shape))
    R[first:m, first:m] = plain[first:, first:]
    R[first:m, m] = R[m, first:m] = -2.0 * P[first:m]
    R[m, m] = 4.0 * whole
    structure = arrays.errors.structure
    for arm in range(arrays.errors.n_arms if structure is not None else 0):
        assert structure is not None
        own = slice(first + arm * size, first + (arm + 1) * size)
        bent = bending(structure.chart, par[own], arrays.errors.n_visits)
        R[own, own] += np.einsum("cde,eij->cdij", bent, P[own])
    for term, own, _ in term_places(arrays):
        _add_effects(R, term, own, par[own], P[own], plain[own, own])
    return R


def _add_effects(
    R: FloatArray,
    term: EffectArrays,
    own: slice,
    par: FloatArray,
    P: FloatArray,
    plain: FloatArray,
) -> None:
    """What a term adds to R: nothing for itself where V is linear in its variances."""
    scaled = _scaled(term, par)
    R[-1, -1] += 2.0 * np.einsum("e,eij->ij", scaled, P)
    if term.pattern is None:
        return
    natural = term.pattern.natural

    def chart(at: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        values, slopes = natural(at, k)
        return values, slopes.T

    bent = bending(chart, par, len(term.scale))
    curved = plain + np.einsum("cde,eij->cdij", bent, P)
    by_sigma = np.einsum("cdij,d->cij", curved, scaled)
    R[own, own] = curved
    R[own, -1] = R[-1, own] = by_sigma
    R[-1, -1] += np.einsum("cij,c->ij", by_sigma, scaled)


def _scaled(term: EffectArrays, par: FloatArray) -> FloatArray:
    """Direction in par that multiplies all standard deviations of a term alike, as sigma does."""
    if term.pattern is None:
        return par
    out, sds = np.zeros_like(par), term.pattern.n_sds(len(term.scale))
    # One standard deviation is a parameter as it is; several are logarithms.
    out[:sds] = par[0] if sds == 1 else 1.0
    return out
