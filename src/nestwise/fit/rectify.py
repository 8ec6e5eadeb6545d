"""One Lambda for each covariance: non-negative diagonal, zero columns where it is singular."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import lambda_templates
from nestwise.core.problem import Problem

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


def rectify(problem: Problem, par: FloatArray) -> FloatArray:
    """(m,) the par with the same Lambda Lambda' whose diagonals are not negative.

    Parameters
    ----------
    problem : Problem
        The model.
    par : (m,) float64
        In any units whose columns are those of `problem`.
    """
    if (par[diagonal_positions(problem)] > 0.0).all():
        return par
    templates = lambda_templates(problem, par)
    for t in problem.terms:
        part = slice(t.first, t.first + t.k)
        block = templates[t.factor][part, part]
        if np.count_nonzero(np.tril(block, -1)) == 0:
            block[:] = np.abs(block)
        elif np.abs(block.diagonal()).min() > 0.0:
            block *= np.where(block.diagonal() < 0.0, -1.0, 1.0)
        else:
            block[:] = semidefinite_factor(block @ block.T)
    flat = np.concatenate([x.ravel() for x in templates])
    return np.asarray(flat[problem.lambda_index])


def diagonal_positions(problem: Problem) -> NDArray[np.intp]:
    """(d,) positions in par of the diagonal entries of the Lambdas."""
    return np.flatnonzero(problem.entries[:, 1] == problem.entries[:, 2])
