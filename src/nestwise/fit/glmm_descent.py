"""From the starting point to the optimum: learnt curvature, then exact, then the boundary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem
from nestwise.core.glmm_careful import careful_problem
from nestwise.core.glmm_kernel import Limits
from nestwise.core.glmm_optimum import glmm_descent
from nestwise.fit.boundary import escape_par
from nestwise.fit.glmm_limit import HELD, Reach, held, limit_at
from nestwise.fit.glmm_newton import (
    NEAR,
    Function,
    GlmmPath,
    Spectrum,
    criterion_of,
    exactly,
    minimise_glmm,
    spectrum,
)
from nestwise.fit.glmm_outward import within_reach
from nestwise.fit.rectify import diagonal_positions, rectify

ZERO = 3e-3
"""Standard deviation (scaled columns, link scale) below which exactly zero is tried."""

PROBE = 1e-2
"""Standard deviation at which the score in a variance is read off."""

RESTARTS = 4
"""How often a saddle may send the optimiser back."""


def descend_glmm(
    function: Function,
    start: GlmmEvaluation,
    guess: FloatArray,
    control: Control,
    reach: Reach | None = None,
) -> GlmmPath:
    """The local optimum below a starting point.

    Parameters
    ----------
    function : callable
        From `criterion_of`.
    start : GlmmEvaluation
        Finite.
    guess : (size, size) float64
        First guess of the curvature.
    control : Control
        Tolerance and largest number of evaluations.
    reach : Reach, optional
        How far the dispersion may go; the path ends ``"left"`` there.
    """
    leave = None if reach is None else reach.passed
    near = minimise_glmm(function, start, guess, control, NEAR, leave=leave)
    return near if near.stopped == "left" else exactly(function, near, control)


def compiled_path(
    problem: GlmmProblem,
    psi: FloatArray,
    u: FloatArray | None,
    guess: FloatArray,
    control: Control,
    near: float = NEAR,
    exact: bool = True,
    reach: Reach | None = None,
) -> GlmmPath | None:
    """The local optimum below psi by the compiled optimiser, the first evaluation counted.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    psi, u
        Where to begin, and where the modes are sought from.
    guess : (size, size) float64
        First guess of the curvature.
    control : Control
        Tolerance and largest number of evaluations.
    near : float
        Promised decrease at which the curvature is made exact.
    exact : bool
        Whether it is; if not, the path ends there.
    reach : Reach, optional
        How far the dispersion may go; the path ends ``"left"`` there.

    Returns
    -------
    GlmmPath or None
        None when the model is not a compiled one, or has no modes at psi.
    """
    ends = () if reach is None else (reach.low, reach.high)
    limits = Limits(near, control.tolerance, control.max_evaluations, exact, *ends)
    found = glmm_descent(problem, psi, u, guess, limits)
    if found is None or found.stopped == "degenerate":
        return None
    known = None if found.spectrum is None else Spectrum(found.hessian, *found.spectrum)
    return GlmmPath(
        found.point,
        found.hessian,
        found.n_evaluations,
        found.decrease,
        found.stopped,
        known=known,
    )


def descend_from(
    problem: GlmmProblem,
    start: GlmmEvaluation,
    guess: FloatArray,
    control: Control,
    near: float = NEAR,
    exact: bool = True,
    reach: Reach | None = None,
) -> GlmmPath:
    """The local optimum below a point with modes, compiled where that is possible.

    Parameters
    ----------
    problem, guess, control, near, exact, reach
        As for `compiled_path`.
    start : GlmmEvaluation
        Finite.
    """
    function, begin, u = criterion_of(problem), start.psi, start.result.u
    path = compiled_path(problem, begin, u, guess, control, near, exact, reach)
    if path is None and exact:
        path = descend_glmm(function, start, guess, control, reach)
    if path is not None:
        return within_reach(problem, path, control, reach) if exact else path
    leave = None if reach is None else reach.passed
    return minimise_glmm(function, start, guess, control, near, leave=leave)


def _snapped(problem: GlmmProblem, function: Function, path: GlmmPath) -> GlmmPath:
    """Set diagonals of Lambda that are nearly zero to zero, where the criterion is no worse."""
    layout, m, psi = problem.layout, problem.m, path.point.psi
    diagonal = diagonal_positions(layout)
    near = diagonal[np.abs(psi[diagonal]) < ZERO]
    near = near[psi[near] != 0.0]
    if not len(near):
        return path
    snapped = psi.copy()
    snapped[near] = 0.0
    snapped[:m] = rectify(layout, snapped[:m])
    trial = function(snapped, None)
    if not trial.value - path.point.value <= 1e-8 + 1e-14 * abs(path.point.value):
        return path
    return replace(path, point=trial, n_evaluations=path.n_evaluations + 1)


def _escape(problem: GlmmProblem, function: Function, point: GlmmEvaluation) -> FloatArray | None:
    """A psi with a lower criterion near a point with zero variances, or None at a minimum."""
    layout, m = problem.layout, problem.m
    diagonal = diagonal_positions(layout)
    zero = diagonal[point.psi[diagonal] == 0.0]
    if not len(zero):
        return None
    probe = point.psi.copy()
    probe[zero] = PROBE
    there = function(probe, None)
    if not np.isfinite(there.value):
        return None
    par = escape_par(layout, point.psi[:m], zero, there.gradient[:m] / (2.0 * PROBE))
    if par is None:
        return None
    return np.concatenate([par, point.psi[m:]])


def _downhill(path: GlmmPath) -> FloatArray | None:
    """A psi along a direction of negative curvature, None where there is none."""
    values, vectors = spectrum(path)
    if not values[0] < -1e-4 * float(np.abs(values).max()):
        return None
    length = min(0.5, float(np.sqrt(2.0 / -values[0])))
    return np.asarray(path.point.psi + length * vectors[:, 0])


def settle_glmm(
    problem: GlmmProblem,
    function: Function,
    path: GlmmPath,
    control: Control,
    reach: Reach | None = None,
) -> tuple[GlmmPath, bool]:
    """Zero what is zero, and leave saddles; the final path and whether it is a saddle.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    function : callable
        From `criterion_of`.
    path : GlmmPath
        From `descend_glmm`.
    control : Control
        Options of the optimiser.
    reach : Reach, optional
        How far the dispersion may go.
    """
    if path.stopped not in HELD:
        return _settled(
            problem,
            function,
            path,
            control,
            lambda e, H: descend_from(problem, e, H, control, reach=reach),
        )
    function = criterion_of(careful_problem(problem))
    stay = held(function, float(path.point.psi[-1]))
    moved, saddle = _settled(
        problem, stay, path, control, lambda e, H: descend_glmm(stay, e, H, control)
    )
    count = moved.n_evaluations + 1
    free = function(moved.point.psi, moved.point.result.u)
    ended = limit_at(free)
    if ended is None:
        return replace(path, n_evaluations=count), False
    return replace(moved, point=free, n_evaluations=count, stopped=ended), saddle


Down: TypeAlias = Callable[[GlmmEvaluation, FloatArray], GlmmPath]
"""From a point and a guess of the curvature to the optimum below."""


def _settled(
    problem: GlmmProblem, function: Function, path: GlmmPath, control: Control, down: Down
) -> tuple[GlmmPath, bool]:
    for restart in range(RESTARTS + 1):
        before = path.point
        path = _snapped(problem, function, path)
        if path.point is not before:
            path = exactly(function, path, control)
        better = _escape(problem, function, path.point)
        if better is None:
            better = _downhill(path)
        if better is None:
            return path, False
        if restart == RESTARTS:
            break
        start = function(better, None)
        if not np.isfinite(start.value):
            return path, False
        size = np.abs(np.linalg.eigvalsh(path.hessian))
        guess = path.hessian if size.min() > 0.0 else np.eye(len(size))
        again = down(start, guess)
        count = path.n_evaluations + again.n_evaluations + 2
        if not again.point.value < path.point.value - 1e-9:
            return replace(path, n_evaluations=count), False
        path = replace(again, n_evaluations=count)
    return path, True
