"""A standard deviation proportional to a power of a covariate or of the fitted value.

Source: Davidian & Carroll (1987), J. Am. Stat. Assoc. 82, 1079-1091, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual_variance.function import VarianceFunction


def _check(values: FloatArray) -> str:
    zero = np.flatnonzero(values == 0.0)
    if not len(zero):
        return ""
    return f"{len(zero)} of its values are zero, where a power gives a variance of zero or infinity"


def _natural(
    par: FloatArray, labels: Sequence[str]
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    return ("power",), par.copy(), np.eye(1)


POWER = VarianceFunction(
    name="power",
    meaning="sd proportional to |covariate|^power",
    reads="covariate",
    n_par=lambda n_levels: 1,
    features=lambda values, n_levels: np.log(np.abs(values))[:, None],
    check=_check,
    natural=_natural,
)
