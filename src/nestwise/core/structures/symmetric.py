"""Compound symmetry of random effects: one correlation between any two of them."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.symmetric import CS as RESIDUAL
from nestwise.core.residual.symmetric import symmetric_matrix
from nestwise.core.structures.patterned import heterogeneous, homogeneous
from nestwise.core.structures.structure import Structure
from nestwise.core.structures.unstructured import lower_triangle

INSIDE = 0.02
"""Distance from its limits, as a share of their distance, at which a correlation begins."""


def _fit(C: FloatArray) -> FloatArray:
    k = len(C)
    low = -1.0 / (k - 1)
    mean = float(C[np.tril_indices(k, -1)].mean())
    share = np.clip((mean - low) / (1.0 - low), INSIDE, 1.0 - INSIDE)
    exact = (mean - low) / (1.0 - low)
    share = exact if 0.0 < exact < 1.0 and np.ptp(C[np.tril_indices(k, -1)]) < 1e-9 else share
    return np.array([np.log(share / (1.0 - share))])


def _told(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    _, values, slopes = RESIDUAL.natural(par, [""] * k)
    return values, slopes


CS = Structure(
    "cs",
    lower_triangle,
    "a variance for each effect, one correlation between any two",
    pattern=heterogeneous(lambda k: 1, symmetric_matrix, _fit, _told),
)

HOMCS = Structure(
    "homcs",
    lower_triangle,
    "one variance for all effects, one correlation between any two",
    pattern=homogeneous(lambda k: 1, symmetric_matrix, _fit, _told, linear=True),
)
