"""Independent effects with the same variance."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structures.diagonal import diagonal
from nestwise.core.structures.patterned import homogeneous
from nestwise.core.structures.structure import Structure


def _independent(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    return np.eye(k), np.zeros((0, k, k))


HOMDIAG = Structure(
    "homdiag",
    diagonal,
    "one variance for all effects, no correlations",
    correlated=False,
    pattern=homogeneous(
        lambda k: 0,
        _independent,
        lambda C: np.zeros(0),
        lambda par, k: (np.zeros(0), np.zeros((0, 0))),
    ),
)
