"""Further starts where the criterion may have several optima.

With few levels for many parameters, or at the boundary, the likelihood of a linear mixed model can
have more than one local optimum; small problems are cheap enough to look again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.components import component_moments
from nestwise.core.problem import Problem
from nestwise.fit.boundary import settle
from nestwise.fit.descent import descend
from nestwise.fit.newton import Path, Route

SIZES = (1.0, 0.3, 3.0, 0.1, 0.03)
"""Relative standard deviations of the further starts, the same for all factors."""

ALONE, BESIDE = 1.5, 0.05
"""Relative standard deviations of starts in which one factor has nearly all the variance."""

TILT = 0.9
"""Correlation of further starts of few levels, with either sign."""

WILD = 24
"""Random starts where a factor has fewer than two levels for each column: the best optimum may
then have a narrow basin, which no start of a simple shape meets."""

ENOUGH, SAME = 2, 1e-5
"""Further starts that must end at the same criterion, and how near: one factor, many levels."""

BUDGET = 3000
"""Evaluations after which no further start is made."""

CHEAP, CHEAP_DENSE = 5000, 100
"""Random effects, and order of the dense remainder, up to which looking again costs little."""

PLENTY = 5
"""Levels for each column of a factor from which several optima are not expected."""

CONFOUNDED = 0.9
"""Correlation of the covariances that two factors make, from which they compete."""


def doubtful(problem: Problem, path: Path) -> bool:
    """Whether several optima are possible and looking again is cheap."""
    if sum(k * m for k, m in problem.shapes) > CHEAP or problem.kernel.dense_order > CHEAP_DENSE:
        return False
    if len(path.point.par) == 1:
        return bool(path.point.par[0] != 0.0) and problem.shapes[0][1] < PLENTY
    few = _few_levels(problem)
    singular = bool((np.abs(path.point.par[problem.diagonal]) < 1e-3).any())
    return few or singular or _confounded(problem)


def _few_levels(problem: Problem) -> bool:
    return any(m < PLENTY * k for k, m in problem.shapes)


def _confounded(problem: Problem) -> bool:
    """Whether components of different factors are nearly the same: they then trade places."""
    factors = problem.entries[:, 0]
    if len(problem.shapes) < 2:
        return False
    gram, _ = component_moments(problem)
    size = np.sqrt(np.maximum(gram.diagonal()[:-1], 1e-300))
    alike = gram[:-1, :-1] / np.outer(size, size)
    return bool((np.abs(alike[factors[:, None] != factors]) > CONFOUNDED).any())


def start_of(problem: Problem, sizes: Sequence[float], tilt: float = 0.0) -> FloatArray:
    """(m,) par with a relative standard deviation for each factor, and all correlations `tilt`."""
    par = np.zeros(len(problem.entries))
    for i, (factor, row, column) in enumerate(problem.entries.tolist()):
        size = sizes[factor]
        if row == column:
            par[i] = size * (1.0 if row == 0 else float(np.sqrt(1.0 - tilt**2)))
        elif column == 0:
            par[i] = size * tilt
    return par


def starts(problem: Problem) -> list[FloatArray]:
    """Further starts: all factors alike, one alone or left out, and correlated effects."""
    n = len(problem.shapes)
    out = [start_of(problem, [size] * n) for size in SIZES]
    if n > 1:
        for f in range(n):
            out.append(start_of(problem, [ALONE if g == f else BESIDE for g in range(n)]))
            if n > 2:
                out.append(start_of(problem, [BESIDE if g == f else ALONE for g in range(n)]))
    if any(k > 1 and m < 2 * PLENTY for k, m in problem.shapes):
        out += [start_of(problem, [1.0] * n, tilt) for tilt in (TILT, -TILT)]
    if any(k > 1 and m < 2 * k for k, m in problem.shapes):
        out += wild_starts(problem)
    return out


def wild_starts(problem: Problem) -> list[FloatArray]:
    """Random Lambdas, the same at every call: any size, directions and number of dimensions."""
    rng = np.random.default_rng(0)
    factor, _, column = problem.entries.T
    out = []
    for _ in range(WILD):
        size = 10.0 ** rng.uniform(-1.0, 1.0, len(problem.shapes))
        rest = 10.0 ** rng.uniform(-3.0, 0.0, len(problem.shapes))
        shrunk = np.where(column > 0, rest[factor], 1.0) * size[factor]
        out.append(rng.normal(size=len(factor)) * shrunk)
    return out


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
    count, agreeing = path.n_evaluations, 0
    simple = len(problem.shapes) == 1 and not _few_levels(problem)
    for start in starts(problem):
        if count > BUDGET or (simple and agreeing >= ENOUGH):
            break
        first = descend(problem, reml, start, control)
        if first.stopped == "degenerate":
            continue
        other, other_saddle = settle(problem, reml, first, control)
        count += other.n_evaluations
        agreeing += abs(other.point.value - path.point.value) < SAME
        if other.point.value < path.point.value - 1e-9:
            path, saddle = other, other_saddle
    return Route(path.point, count, path.decrease, path.stopped), saddle
