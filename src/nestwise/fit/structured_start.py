"""Starting values of models with structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.model import StructuredArrays

BEGIN = 0.6
"""Relative standard deviation of a random effect to begin with."""

ZERO = 1e-3
"""Relative standard deviation called zero when an optimum is looked at again."""


def starting_par(arrays: StructuredArrays) -> FloatArray:
    """(m,) par to begin with: uncorrelated random effects, the structures' own starts.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    """
    effects = [BEGIN if r == c else 0.0 for _, r, c in arrays.entries]
    errors = arrays.errors
    if errors.structure is None:
        own = np.zeros(0)
    else:
        own = np.tile(errors.structure.start(errors.n_visits, errors.distance), errors.n_arms)
    return np.concatenate([effects, own, np.zeros(errors.features.shape[1])])


def away_from_zero(arrays: StructuredArrays, par: FloatArray) -> FloatArray | None:
    """The same par with vanished random effects brought back; None when none vanished.

    Zero is a stationary point whatever the data say, so an optimum there is tried from outside.
    """
    out, changed = par.copy(), False
    for i, (_, r, c) in enumerate(arrays.entries):
        if r == c and abs(par[i]) < ZERO:
            out[i] = 0.5 * BEGIN
            changed = True
    return out if changed else None
