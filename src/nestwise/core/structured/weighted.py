"""Residuals and columns weighted by the inverse covariance, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.structured.blocks import LARGEST
from nestwise.core.structured.blockwise import Evaluation, Factored, factorise
from nestwise.core.structured.filled import fill
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.trailing import Equations, apply_inverse, solve_trailing
from nestwise.core.threads import limited


@dataclass(frozen=True, slots=True, eq=False)
class Inverted:
    """V^-1 at one par: blocks, and the equations of what joins them.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    patterns : tuple of Factored
        V1 of every pattern.
    equations : Equations or None
        None when blocks are independent.
    """

    problem: StructuredProblem
    patterns: tuple[Factored, ...]
    equations: Equations | None

    def times(self, columns: FloatArray) -> FloatArray:
        """V^-1 times columns (n,) or (n, k)."""
        with limited(LARGEST, self.problem.threads):
            return apply_inverse(self.problem, self.patterns, self.equations, columns)


def invert(problem: StructuredProblem, par: FloatArray) -> Inverted:
    """Make V^-1 at par.

    Raises
    ------
    FitError
        When the covariance matrix is singular there.
    """
    filled, equations = fill(problem.arrays, par), None
    with limited(LARGEST, problem.threads):
        patterns = factorise(problem, filled)
        if patterns is not None and problem.trailing is not None:
            equations = solve_trailing(problem, patterns, filled)
    if patterns is None or (equations is None and problem.trailing is not None):
        raise FitError("the covariance matrix at the estimates is singular")
    return Inverted(problem, patterns, equations)


def weighted_residuals(problem: StructuredProblem, point: Evaluation) -> FloatArray:
    """(n,) V^-1 (y - X beta) at an evaluation.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    point : Evaluation
        Its par and fixed effects.
    """
    e = np.asarray(problem.y0 - problem.Q @ point.delta)
    if problem.chain is not None:
        return problem.chain.weigh(fill(problem.arrays, point.par), e)
    return invert(problem, point.par).times(e)
