"""First-order autoregression of random effects: rho^k between effects k apart."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.autoregressive import AR1 as RESIDUAL
from nestwise.core.residual.autoregressive import autoregressive_matrix
from nestwise.core.structures.patterned import heterogeneous, homogeneous
from nestwise.core.structures.structure import Structure
from nestwise.core.structures.unstructured import lower_triangle

LIMIT = 1.0 - 1e-9
"""Largest correlation of which the hyperbolic arc tangent is taken."""


def _fit(C: FloatArray) -> FloatArray:
    rho = float(np.diagonal(C, -1).mean())
    return np.array([np.arctanh(np.clip(rho, -LIMIT, LIMIT))])


def _told(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    _, values, slopes = RESIDUAL.natural(par, [""] * k)
    return values, slopes


AR1 = Structure(
    "ar1",
    lower_triangle,
    "one variance, and correlations rho^k between effects k apart",
    pattern=homogeneous(lambda k: 1, autoregressive_matrix, _fit, _told),
)

HETAR1 = Structure(
    "hetar1",
    lower_triangle,
    "a variance for each effect, and correlations rho^k between effects k apart",
    pattern=heterogeneous(lambda k: 1, autoregressive_matrix, _fit, _told),
)
