"""Starting values of models with structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.filled import fill, nearest_par
from nestwise.core.structured.model import EffectArrays, StructuredArrays

BEGIN = 0.6
"""Relative standard deviation of a random effect to begin with."""

FURTHER = 2.0
"""The same in the further start of models with structured random effects."""

CORRELATION = 0.4
"""Correlation of neighbouring effects of a structured term to begin with."""

ZERO = 1e-3
"""Relative standard deviation called zero when an optimum is looked at again."""


def starting_pars(arrays: StructuredArrays) -> list[FloatArray]:
    """Where to begin: uncorrelated random effects, the structures' own starts.

    Structured random effects begin with correlated neighbours, and once more with larger ones:
    their likelihood may have several optima.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    """
    errors = arrays.errors
    if errors.structure is None:
        own = np.zeros(0)
    else:
        one = errors.structure.start(errors.n_visits, errors.distance)
        own = one if errors.n_arms == 1 else np.tile(one, errors.n_arms)
    tail = np.concatenate([own, np.zeros(errors.features.shape[1])])
    sizes = (BEGIN, FURTHER) if arrays.patterned else (BEGIN,)
    return [np.concatenate([_effects(arrays, size), tail]) for size in sizes]


def _effects(arrays: StructuredArrays, size: float) -> FloatArray:
    return nearest_par(arrays, [size * _half(term) for term in arrays.effects])


def _half(term: EffectArrays) -> FloatArray:
    """A factor of the correlation matrix to begin with."""
    k = len(term.scale)
    if term.pattern is None:
        return np.eye(k)
    lag = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    return np.asarray(np.linalg.cholesky(CORRELATION**lag))


def away_from_zero(arrays: StructuredArrays, par: FloatArray) -> FloatArray | None:
    """The same par with vanished random effects brought back; None when none vanished.

    Zero is a stationary point whatever the data say, so an optimum there is tried from outside.
    """
    filled = fill(arrays, par)
    vanished = {t for i, (t, r, c) in enumerate(arrays.entries) if r == c and abs(filled[i]) < ZERO}
    if not vanished:
        return None
    if any(arrays.effects[t].pattern is not None for t in vanished):
        return np.concatenate([_effects(arrays, 0.5 * BEGIN), par[arrays.n_effects :]])
    out, first = par.copy(), 0
    for term in arrays.effects:
        for j, (r, c) in enumerate(term.free if term.pattern is None else ()):
            if r == c and abs(par[first + j]) < ZERO:
                out[first + j] = 0.5 * BEGIN
        first += term.n_par
    return out
