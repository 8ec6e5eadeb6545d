"""Starting values from moments, so that the optimiser begins near.

Source: Rao (1971), J. Multivariate Anal. 1, 257-275 (MINQUE with unit prior weights).
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.components import component_moments
from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import Problem

SMALLEST, LARGEST = 0.1, 30.0
"""Bounds on the relative standard deviations to begin with: away from zero, not absurd."""


def _components(problem: Problem) -> FloatArray:
    """(m,) covariance components relative to the residual variance; rough, maybe negative."""
    gram, quadratic = component_moments(problem)
    size = np.sqrt(np.maximum(gram.diagonal(), 1e-300))
    solution = np.linalg.lstsq(gram / np.outer(size, size), quadratic / size, rcond=1e-8)[0] / size
    total = float(quadratic[-1]) / problem.n
    return np.asarray(solution[:-1] / max(float(solution[-1]), 0.05 * total, 1e-300))


def nearest_factor(covariance: FloatArray) -> FloatArray:
    """(k, k) lower Cholesky factor of the covariance with its spectrum brought into bounds."""
    values, vectors = np.linalg.eigh(covariance)
    clipped = np.clip(values, SMALLEST**2, LARGEST**2)
    return np.asarray(np.linalg.cholesky((vectors * clipped) @ vectors.T))


def starting_par(problem: Problem) -> FloatArray:
    """(m,) par to begin with: moments, made positive definite, in the kernel's units.

    Parameters
    ----------
    problem : Problem
        The model.
    """
    flat, at = flat_lambdas(problem, _components(problem)), 0
    for k, _ in problem.shapes:
        lower = np.tril(flat[at : at + k * k].reshape(k, k))
        covariance = lower + lower.T - np.diag(lower.diagonal())
        flat[at : at + k * k] = nearest_factor(covariance).ravel()
        at += k * k
    return np.asarray(flat[problem.lambda_index])
