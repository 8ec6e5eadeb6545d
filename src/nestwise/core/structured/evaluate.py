"""Criterion, gradient and average information of a model with structured residuals."""

from __future__ import annotations

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.blockwise import (
    Evaluation,
    Factored,
    degrees,
    evaluate_blocks,
    factorise,
)
from nestwise.core.structured.compiled import evaluate_compiled
from nestwise.core.structured.joined import evaluate_joined
from nestwise.core.structured.problem import StructuredProblem


def evaluate(problem: StructuredProblem, par: FloatArray, reml: bool) -> Evaluation:
    """Evaluate by independent blocks, or by the mixed-model equations where terms join blocks.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.
    """
    if problem.trailing is None:
        return evaluate_compiled(problem, par, reml) or evaluate_blocks(problem, par, reml)
    return evaluate_joined(problem, par, reml)


__all__ = ["Evaluation", "Factored", "degrees", "evaluate", "factorise"]
