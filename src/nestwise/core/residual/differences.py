"""Second derivatives by differences of exact first ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nestwise._base.arrays import FloatArray

STEP = 1e-3
"""Step of the four-point formula: truncation and rounding are both near 1e-13."""


def second_by_differences(first: Callable[[FloatArray], FloatArray], par: FloatArray) -> FloatArray:
    """(m, m, ...) derivatives of `first`, an (m, ...) array, by par; symmetric.

    Four-point central differences, whose error is of the order of the step's fourth power.
    """
    m = len(par)
    out = np.zeros((m, *first(par).shape))
    for i in range(m):
        move = np.zeros(m)
        move[i] = STEP
        near = first(par + move) - first(par - move)
        far = first(par + 2.0 * move) - first(par - 2.0 * move)
        out[i] = (8.0 * near - far) / (12.0 * STEP)
    return np.asarray(0.5 * (out + np.swapaxes(out, 0, 1)))
