"""Criterion, gradient and average information of a model with structured residuals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.blockwise import (
    Evaluation,
    Factored,
    degrees,
    evaluate_blocks,
    factorise,
    failed,
)
from nestwise.core.structured.chain import evaluate_chain
from nestwise.core.structured.compiled import evaluate_compiled
from nestwise.core.structured.filled import fill_curvature, fill_with_slopes
from nestwise.core.structured.joined import evaluate_joined
from nestwise.core.structured.problem import StructuredProblem


def evaluate(problem: StructuredProblem, par: FloatArray, reml: bool) -> Evaluation:
    """Evaluate by pairs of neighbours, by independent blocks, or by the mixed-model equations.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.
    """
    if not problem.arrays.patterned:
        return evaluate_filled(problem, par, reml)
    with np.errstate(all="ignore"):
        filled, slopes = fill_with_slopes(problem.arrays, par)
    if not (np.isfinite(filled).all() and np.isfinite(slopes).all()):
        return failed(par)
    found = evaluate_filled(problem, filled, reml)
    if not np.isfinite(found.value):
        return failed(par)
    with np.errstate(all="ignore"):
        bend = fill_curvature(problem.arrays, par) @ found.gradient
    hessian = slopes @ found.hessian @ slopes.T
    return replace(
        found,
        par=par,
        gradient=slopes @ found.gradient,
        hessian=hessian + bend if np.isfinite(bend).all() else hessian,
        gradient_logdet=slopes @ found.gradient_logdet,
        gradient_pwrss=slopes @ found.gradient_pwrss,
    )


def evaluate_filled(problem: StructuredProblem, filled: FloatArray, reml: bool) -> Evaluation:
    """As `evaluate`, with the entries of the Lambdas as parameters.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    filled : (t + r,) float64
        From `nestwise.core.structured.filled.fill`.
    reml : bool
        REML or ML.
    """
    if problem.chain is not None:
        return evaluate_chain(problem.chain, filled, reml)
    if problem.trailing is None:
        return evaluate_compiled(problem, filled, reml) or evaluate_blocks(problem, filled, reml)
    return evaluate_joined(problem, filled, reml)


__all__ = ["Evaluation", "Factored", "degrees", "evaluate", "factorise"]
