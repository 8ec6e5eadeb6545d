"""One Lambda for each covariance: non-negative diagonal, zero columns where it is singular."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import lambda_templates
from nestwise.core.problem import Problem
from nestwise.core.semidefinite import semidefinite_factor


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
