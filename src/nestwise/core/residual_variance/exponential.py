"""A standard deviation that grows exponentially with a covariate or the fitted value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual_variance.function import VarianceFunction


def _natural(
    par: FloatArray, labels: Sequence[str]
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    return ("rate",), par.copy(), np.eye(1)


EXPONENTIAL = VarianceFunction(
    name="exp",
    meaning="sd proportional to exp(rate * covariate)",
    reads="covariate",
    n_par=lambda n_levels: 1,
    features=lambda values, n_levels: np.array(values, dtype=np.float64)[:, None],
    check=lambda values: "",
    natural=_natural,
)
