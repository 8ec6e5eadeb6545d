"""Newton's method in coordinates that are changed where a covariance becomes singular."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.lmm import combine
from nestwise.core.optimum import descent
from nestwise.core.problem import Problem
from nestwise.fit.frame import (
    SMALL,
    Frame,
    evaluate_in_frame,
    into_frame,
    needs_frame,
    out_of_frame,
    pivoted_frame,
)
from nestwise.fit.newton import PATIENCE, Path, Route, minimise
from nestwise.fit.point import Point, evaluate_point

CHANGES = 20
"""How often the coordinates may change before they are kept."""


def objective(problem: Problem, reml: bool) -> Callable[[FloatArray], Point]:
    """What the optimiser minimises: par to `Point`."""

    def function(par: FloatArray) -> Point:
        return evaluate_point(problem, par, reml)

    return function


def descend(problem: Problem, reml: bool, start: FloatArray, control: Control) -> Path:
    """Minimise the criterion from `start`; the path ends in standard coordinates.

    Parameters
    ----------
    problem : Problem
        The model.
    reml : bool
        REML or ML.
    start : (m,) float64
        par to begin with.
    control : Control
        Tolerance and largest number of evaluations.
    """

    def leave(par: FloatArray) -> bool:
        return needs_frame(problem, par)

    function = objective(problem, reml)
    path, spent = compiled_path(problem, reml, start, control), 0
    if path is None or path.stopped == "left":
        spent = 0 if path is None else path.n_evaluations
        begin = start if path is None else path.point.par
        path = _further(minimise(function, begin, _rest(control, spent), leave), spent)
    if path.stopped != "left":
        return path
    count, par = path.n_evaluations, path.point.par
    for change in range(CHANGES):
        frame = pivoted_frame(problem, par)
        path = minimise(
            _in_frame(problem, frame, reml),
            into_frame(problem, frame, par),
            _rest(control, count),
            leave if change + 1 < CHANGES else None,
        )
        count += path.n_evaluations
        par = out_of_frame(problem, frame, path.point.par)
        if path.stopped != "left":
            break
    point = function(par)
    return Route(point, count + point.evaluations, path.decrease, path.stopped)


def compiled_path(problem: Problem, reml: bool, start: FloatArray, control: Control) -> Path | None:
    """The path as far as the compiled optimiser goes: to the optimum, or until it is not easy.

    It ends ``"left"`` where a diagonal of Lambda becomes small or progress slow; None when the
    kernel is not the compiled one.
    """
    way = descent(problem, start, reml, control.tolerance, control.max_evaluations, PATIENCE, SMALL)
    if way is None:
        return None
    value = combine(problem, way.result, reml)
    point = Point(way.par, value, way.gradient, way.hessian, way.n_evaluations, way.result)
    return Route(point, way.n_evaluations, way.decrease, way.stopped)


def _rest(control: Control, spent: int) -> Control:
    """The control with the evaluations that are left."""
    return replace(control, max_evaluations=max(1, control.max_evaluations - spent))


def _further(path: Path, spent: int) -> Path:
    """The path with evaluations that were spent before it."""
    return replace(path, n_evaluations=path.n_evaluations + spent)


def _in_frame(problem: Problem, frame: Frame, reml: bool) -> Callable[[FloatArray], Point]:
    def function(par: FloatArray) -> Point:
        return evaluate_in_frame(problem, frame, par, reml)

    return function
