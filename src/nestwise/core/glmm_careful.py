"""The kernel for small models whose weights are too large for the compiled one."""

from __future__ import annotations

from dataclasses import replace

from nestwise.core.glmm import GlmmProblem
from nestwise.core.glmm_compiled import CompiledGlmm
from nestwise.core.glmm_reference import dense_glmm

SMALL = 600
"""Rows and random effects together up to which dense matrices cost little."""


def careful_problem(problem: GlmmProblem) -> GlmmProblem:
    """The same model, evaluated with all digits however large the weights: dense, if it is small.

    A dispersion that tends to its limit makes weights of 10^10 and more. The compiled kernel
    eliminates one factor after the other, and what is left of the next is a difference of such
    numbers; a factor of the rows knows it (`nestwise.core.glmm_factor`).

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    """
    kernel = problem.kernel
    if not isinstance(kernel, CompiledGlmm):
        return problem
    if kernel.n_effects + len(problem.offset) > SMALL:
        return problem
    return replace(problem, kernel=dense_glmm(kernel.model))
