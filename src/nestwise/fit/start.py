"""Where the optimiser begins: at moments, so that it begins near."""

from __future__ import annotations

from nestwise._base.arrays import FloatArray
from nestwise.core import _kernels
from nestwise.core.components import component_moments
from nestwise.core.problem import Problem


def starting_par(problem: Problem) -> FloatArray:
    """(m,) par to begin with, in the kernel's units; see `nestwise.core.start`.

    Parameters
    ----------
    problem : Problem
        The model.
    """
    gram, quadratic = component_moments(problem)
    widths = [k for k, _ in problem.shapes]
    return _kernels.moment_start(gram, quadratic, problem.n, problem.entries, widths)
