"""A dispersion that leaves its reach is held farther out, until the criterion is level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.options import Control
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem
from nestwise.core.glmm_careful import careful_problem
from nestwise.fit.glmm_limit import Reach, held, limit_at, without_last
from nestwise.fit.glmm_newton import (
    NEAR,
    Function,
    GlmmPath,
    criterion_of,
    exactly,
    minimise_glmm,
)
from nestwise.fit.verdict import ACCEPTABLE

BENT = 0.1
"""Curvature by the logarithm of a dispersion far out that may be rounding."""

FARTHER = 3
"""How often a dispersion that runs away is held, each time farther out."""


def within_reach(
    problem: GlmmProblem, path: GlmmPath, control: Control, reach: Reach | None
) -> GlmmPath:
    """The same path, or the optimum with the dispersion held far out if it runs away.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    path : GlmmPath
        Where the optimiser ended.
    control : Control
        Options of the optimiser.
    reach : Reach or None
        How far the dispersion may go.
    """
    if reach is None or not reach.far(path.point.psi):
        return path
    bent = float(path.hessian[-1, -1]) > BENT
    if path.stopped not in ("left", "noise") and path.decrease <= ACCEPTABLE and bent:
        return path
    function = criterion_of(careful_problem(problem))
    ended, count = _towards_limit(function, path, control, reach)
    if ended is not None:
        return ended
    if path.stopped != "left":
        return replace(path, n_evaluations=count)
    free = minimise_glmm(function, path.point, path.hessian, control, NEAR)
    free = exactly(function, free, control)
    return replace(free, n_evaluations=free.n_evaluations + count)


def _towards_limit(
    function: Function, path: GlmmPath, control: Control, reach: Reach
) -> tuple[GlmmPath | None, int]:
    """The optimum with the dispersion held far enough out, if that is a limit; evaluations."""
    there = _held_at(function, path.point, path, control)
    count = path.n_evaluations + there.n_evaluations
    for _ in range(FARTHER):
        ended = limit_at(there.point)
        if ended is not None:
            return replace(there, n_evaluations=count, stopped=ended), count
        for psi in reach.farther(there.point):
            point = function(psi, there.point.result.u)
            count += 1
            if not (np.isfinite(point.value) and np.isfinite(point.gradient).all()):
                continue
            next_one = _held_at(function, point, there, control)
            count += next_one.n_evaluations
            if np.isfinite(next_one.point.value):
                there = next_one
                break
        else:
            break
    return None, count


def _held_at(
    function: Function, point: GlmmEvaluation, path: GlmmPath, control: Control
) -> GlmmPath:
    """The optimum with the dispersion of a point; its gradient is that with the dispersion free."""
    stay = held(function, float(point.psi[-1]))
    start = replace(point, gradient=np.append(point.gradient[:-1], 0.0))
    there = minimise_glmm(stay, start, without_last(path.hessian), control, NEAR)
    there = exactly(stay, there, control)
    free = function(there.point.psi, there.point.result.u)
    return replace(there, point=free, n_evaluations=there.n_evaluations + 1)
