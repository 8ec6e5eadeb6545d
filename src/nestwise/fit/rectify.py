"""One Lambda for each covariance: non-negative diagonal, zero columns where it is singular."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import lambda_templates
from nestwise.core.patterns import pattern_places, theta_of
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
    if (par[problem.diagonal] > 0.0).all():
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
    return problem.diagonal


def upright(problem: Problem, par: FloatArray) -> FloatArray:
    """(n_par,) parameters of structured terms with the same covariances and no negative diagonal.

    Parameters
    ----------
    problem : Problem
        The model.
    par : (n_par,) float64
        As in `nestwise.core.patterns`.
    """
    out = par.copy()
    for pattern, k, own, _ in pattern_places(problem):
        if pattern is not None and pattern.factor(par[own], k)[0][0, 0] < 0.0:
            # Only a common standard deviation, the first parameter, may have either sign.
            out[own.start] *= -1.0
    theta = rectify(problem, theta_of(problem, out)[0])
    for pattern, _, own, filled in pattern_places(problem):
        if pattern is None:
            out[own] = theta[filled]
    return out
