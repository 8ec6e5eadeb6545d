"""Starting values from moments: the readable twin of the compiled `moment_start`.

Source: Rao (1971), J. Multivariate Anal. 1, 257-275 (MINQUE with unit prior weights).
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray

SMALLEST, LARGEST = 0.1, 30.0
"""Bounds on the relative standard deviations to begin with: away from zero, not absurd."""


def components(gram: FloatArray, quadratic: FloatArray, n: int) -> FloatArray:
    """(m,) covariance components relative to the residual variance; rough, maybe negative.

    Parameters
    ----------
    gram, quadratic : (m + 1, m + 1), (m + 1,) float64
        Moments of the components, the residual last.
    n : int
        Rows.
    """
    size = np.sqrt(np.maximum(gram.diagonal(), 1e-300))
    solution = np.linalg.lstsq(gram / np.outer(size, size), quadratic / size, rcond=1e-8)[0] / size
    total = float(quadratic[-1]) / n
    return np.asarray(solution[:-1] / max(float(solution[-1]), 0.05 * total, 1e-300))


def nearest_factor(covariance: FloatArray) -> FloatArray:
    """(k, k) lower Cholesky factor of the covariance with its spectrum brought into bounds."""
    values, vectors = np.linalg.eigh(covariance)
    clipped = np.clip(values, SMALLEST**2, LARGEST**2)
    return np.asarray(np.linalg.cholesky((vectors * clipped) @ vectors.T))


def moment_start(
    gram: FloatArray, quadratic: FloatArray, n: int, entries: IntArray, widths: list[int]
) -> FloatArray:
    """(m,) par to begin with: moments, made positive definite.

    Parameters
    ----------
    gram, quadratic, n
        As for `components`.
    entries : (m, 3) int32
        Factor, row and column of each.
    widths : list of int
        Columns of each factor.
    """
    blocks = [np.zeros((k, k)) for k in widths]
    tau = components(gram, quadratic, n)
    for (f, r, c), value in zip(entries.tolist(), tau.tolist(), strict=True):
        blocks[f][r, c] = blocks[f][c, r] = value
    factors = [nearest_factor(block) for block in blocks]
    return np.array([factors[f][r, c] for f, r, c in entries.tolist()])
