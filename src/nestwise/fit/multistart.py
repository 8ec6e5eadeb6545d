"""Further starts where the criterion may have several optima.

With few levels for many parameters, or at the boundary, the likelihood of a linear mixed model can
have more than one local optimum; small problems are cheap enough to look again.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.problem import Problem
from nestwise.fit.boundary import settle
from nestwise.fit.descent import descend
from nestwise.fit.newton import Path
from nestwise.fit.rectify import diagonal_positions

SIZES = (1.0, 0.3, 3.0)
"""Relative standard deviations of the further starts, without correlations."""

CHEAP, CHEAP_DENSE = 5000, 100
"""Random effects, and order of the dense remainder, up to which looking again costs little."""

PLENTY = 5
"""Levels for each column of a factor from which several optima are not expected."""


def doubtful(problem: Problem, path: Path) -> bool:
    """Whether several optima are possible and looking again is cheap."""
    if sum(k * m for k, m in problem.shapes) > CHEAP or problem.kernel.dense_order > CHEAP_DENSE:
        return False
    few = any(m < PLENTY * k for k, m in problem.shapes)
    singular = bool((np.abs(path.point.par[diagonal_positions(problem)]) < 1e-3).any())
    return (few or singular) and len(path.point.par) > 1


def start_of(problem: Problem, size: float) -> FloatArray:
    """(m,) par with `size` on every diagonal of Lambda."""
    par = np.zeros(len(problem.entries))
    par[diagonal_positions(problem)] = size
    return par


def look_again(
    problem: Problem, reml: bool, path: Path, saddle: bool, control: Control
) -> tuple[Path, bool]:
    """The best of the optimum at hand and those from further starts, where there may be several.

    Returns
    -------
    Path, bool
        The best path, with all evaluations counted, and whether it ended at a saddle.
    """
    if not doubtful(problem, path):
        return path, saddle
    count = path.n_evaluations
    for size in SIZES:
        first = descend(problem, reml, start_of(problem, size), control)
        if first.stopped == "degenerate":
            continue
        other, other_saddle = settle(problem, reml, first, control)
        count += other.n_evaluations
        if other.point.value < path.point.value - 1e-9:
            path, saddle = other, other_saddle
    return Path(path.point, count, path.decrease, path.stopped), saddle
