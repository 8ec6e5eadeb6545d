"""Toeplitz covariance of random effects: a correlation for each distance between them."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.toeplitz import autocorrelations, toeplitz_matrix
from nestwise.core.structures.patterned import heterogeneous, homogeneous
from nestwise.core.structures.structure import Structure
from nestwise.core.structures.unstructured import lower_triangle

LIMIT = 1.0 - 1e-9
"""Largest partial autocorrelation of which the hyperbolic arc tangent is taken."""


def partial_autocorrelations(r: FloatArray) -> FloatArray:
    """(m,) partial autocorrelations of autocorrelations at lags 0 to m, by Durbin's recursion.

    Where the sequence is not positive definite they are kept inside (-1, 1).
    """
    m = len(r) - 1
    out, phi, left = np.zeros(m), np.zeros(0), 1.0
    for k in range(m):
        a = float(np.clip((r[k + 1] - phi @ r[k:0:-1]) / left, -LIMIT, LIMIT))
        out[k] = a
        phi = np.append(phi - a * phi[::-1], a)
        left *= 1.0 - a * a
    return out


def _fit(C: FloatArray) -> FloatArray:
    means = np.array([float(np.diagonal(C, -lag).mean()) for lag in range(len(C))])
    return np.arctanh(partial_autocorrelations(means))


def _told(par: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
    r, dr = autocorrelations(par)
    return r[1:], dr[:, 1:].T.copy()


TOEP = Structure(
    "toep",
    lower_triangle,
    "a variance for each effect, a correlation for each distance",
    pattern=heterogeneous(lambda k: k - 1, toeplitz_matrix, _fit, _told),
)

HOMTOEP = Structure(
    "homtoep",
    lower_triangle,
    "one variance, a correlation for each distance",
    pattern=homogeneous(lambda k: k - 1, toeplitz_matrix, _fit, _told, linear=True),
)
