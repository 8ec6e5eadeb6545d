"""A standard deviation for each level of a factor; the first level's is sigma."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual_variance.function import VarianceFunction


def _features(codes: FloatArray, n_levels: int) -> FloatArray:
    return np.asarray(codes[:, None] == np.arange(1, n_levels), dtype=np.float64)


def _natural(
    par: FloatArray, labels: Sequence[str]
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    ratios = np.exp(par)
    return tuple(f"sd[{x}]/sd[{labels[0]}]" for x in labels[1:]), ratios, np.diag(ratios)


IDENT = VarianceFunction(
    name="ident",
    meaning="a standard deviation for each level of a factor",
    reads="levels",
    n_par=lambda n_levels: max(n_levels - 1, 0),
    features=_features,
    check=lambda values: "",
    natural=_natural,
)
