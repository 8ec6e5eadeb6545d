"""Residuals weighted by the inverse covariance, row by row."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.structured.evaluate import Evaluation, factorise
from nestwise.core.structured.problem import StructuredProblem


def weighted_residuals(problem: StructuredProblem, point: Evaluation) -> FloatArray:
    """(n,) V^-1 (y - X beta) at an evaluation.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    point : Evaluation
        Its par and fixed effects.

    Raises
    ------
    FitError
        When the covariance cannot be factorised there.
    """
    patterns = factorise(problem, point.par)
    if patterns is None:
        raise FitError("the covariance matrix at the estimates is singular")
    e = problem.y0 - problem.Q @ point.delta
    out = np.empty(problem.n)
    for pattern, one in zip(problem.blocks.patterns, patterns, strict=True):
        out[pattern.rows] = e[pattern.rows] @ one.inverse
    return out
