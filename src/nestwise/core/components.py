"""Moments of the variance components of a problem, made once and asked for often."""

from __future__ import annotations

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.core.problem import Problem


@memo
def component_moments(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """tr(V_i V_j), (m + 1, m + 1), and y'V_i y, (m + 1,), in the kernel's units; last is I.

    y is what the first fit by least squares left. Remembered for as long as the problem lives;
    the arrays must not be changed.

    Parameters
    ----------
    problem : Problem
        The model.
    """
    return problem.kernel.moments(problem.entries)
