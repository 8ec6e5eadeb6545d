"""Cholesky factor of a covariance that may be singular."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray

PIVOT = 1e-13
"""Pivot, relative to its diagonal, that counts as zero in a semidefinite factorisation."""


def semidefinite_factor(covariance: FloatArray) -> FloatArray:
    """(k, k) lower L with non-negative diagonal and L L' = covariance, which may be singular.

    Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, section 10.3; without
    pivoting, so that the rows keep their order.

    Examples
    --------
    >>> import numpy as np
    >>> semidefinite_factor(np.array([[0.0, 0.0], [0.0, 4.0]]))
    array([[0., 0.],
           [0., 2.]])
    """
    k = len(covariance)
    L = np.zeros((k, k))
    for j in range(k):
        pivot = covariance[j, j] - L[j, :j] @ L[j, :j]
        if pivot <= PIVOT * covariance[j, j]:
            continue
        L[j, j] = np.sqrt(pivot)
        L[j + 1 :, j] = (covariance[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    return L
