"""Random effects beside structured residuals: in the user's units."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.filled import fill
from nestwise.core.structured.model import StructuredArrays, effect_lambdas


def user_lambdas(arrays: StructuredArrays, par: FloatArray) -> tuple[FloatArray, ...]:
    """Relative factor of each term in the user's columns."""
    return tuple(
        Lambda / term.scale[:, None]
        for Lambda, term in zip(
            effect_lambdas(arrays, fill(arrays, par)), arrays.effects, strict=True
        )
    )


def user_theta(arrays: StructuredArrays, par: FloatArray) -> FloatArray:
    """theta in the user's units and lme4's order."""
    lambdas = user_lambdas(arrays, par)
    return np.array([lambdas[t][r, c] for t, r, c in arrays.entries])


def effect_modes(
    arrays: StructuredArrays, par: FloatArray, weighted: FloatArray
) -> tuple[FloatArray, ...]:
    """Conditional modes b = G Z'V^-1 (y - X beta) of each term, (n_levels, k), user's units.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    par : (m,) float64
        Parameters.
    weighted : (n,) float64
        V^-1 (y - X beta).

    Source
    ------
    Robinson (1991), Stat. Sci. 6, 15-32, eq. 1.2 and section 4.2.
    """
    out = []
    for Lambda, term in zip(effect_lambdas(arrays, fill(arrays, par)), arrays.effects, strict=True):
        sums = np.column_stack(
            [np.bincount(term.codes, weighted * z, minlength=term.n_levels) for z in term.Z.T]
        )
        out.append(np.asarray(sums @ Lambda @ Lambda.T / term.scale))
    return tuple(out)
