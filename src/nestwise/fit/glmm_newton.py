"""The outer optimiser: a trust region on a curvature that is first guessed, then learnt.

Source: Nocedal & Wright (2006), Numerical Optimization, 2nd ed., sections 4.1 (trust region) and
6.1, 6.2 (BFGS and symmetric-rank-one updates).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem, evaluate_glmm
from nestwise.fit.newton import trust_step

Function = Callable[[FloatArray, FloatArray | None], GlmmEvaluation]

NEAR = 1e-8
"""Predicted decrease at which the learnt curvature is replaced by the exact one."""

EXACT = 4
"""Times that the exact curvature is made anew before the optimiser settles for less."""

BLOCKED = 12
"""Steps to where no mode can be found after which the optimiser stops at that edge."""

SD_STEP, TINY_STEP = 4e-3, 3e-5
"""Steps of central differences, and of one-sided ones of a gradient that is exact to rounding, in
standard deviations of the parameter."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Eigenvalues, ascending, and vectors of a curvature."""

    of: FloatArray
    values: FloatArray
    vectors: FloatArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class GlmmPath:
    """Where an optimisation ended.

    Parameters
    ----------
    point : GlmmEvaluation
        The best point found.
    hessian : (size, size) float64
        Curvature there.
    n_evaluations : int
        Evaluations spent.
    decrease : float
        Further decrease that the curvature promises.
    stopped : str
        ``"tolerance"``, ``"noise"``, ``"evaluations"``, ``"left"`` (it was told to), ``"edge"``:
        beyond it no mode exists; ``"limit"`` and ``"unbounded"``: the dispersion has run to its
        limit, where the criterion is level, or falls for ever.
    beyond : float
        How much lower the criterion is where other starts ran away to infinity.
    known : Spectrum or None
        That of a curvature on the way; ask `spectrum`.
    """

    point: GlmmEvaluation
    hessian: FloatArray
    n_evaluations: int
    decrease: float
    stopped: str
    beyond: float = 0.0
    known: Spectrum | None = None


def spectrum(path: GlmmPath) -> tuple[FloatArray, FloatArray]:
    """(size,) eigenvalues, ascending, and (size, size) vectors of the curvature at its end."""
    if path.known is not None and path.known.of is path.hessian:
        return path.known.values, path.known.vectors
    return _decomposed(path)


@memo
def _decomposed(path: GlmmPath) -> tuple[FloatArray, FloatArray]:
    values, vectors = np.linalg.eigh(0.5 * (path.hessian + path.hessian.T))
    return values, vectors


def criterion_of(problem: GlmmProblem) -> Function:
    """What the optimiser minimises: psi and a first guess of the mode to `GlmmEvaluation`."""

    def function(psi: FloatArray, u: FloatArray | None) -> GlmmEvaluation:
        return evaluate_glmm(problem, psi, u, 2)

    return function


def learnt(hessian: FloatArray, move: FloatArray, change: FloatArray) -> FloatArray:
    """The curvature after a step: BFGS where it stays positive, else symmetric rank one.

    Parameters
    ----------
    hessian : (size, size) float64
        The curvature so far.
    move, change : (size,) float64
        The step, and how the gradient changed along it.

    Examples
    --------
    >>> import numpy as np
    >>> learnt(np.eye(1), np.array([2.0]), np.array([6.0]))
    array([[3.]])
    """
    expected = hessian @ move
    along, bend = float(change @ move), float(move @ expected)
    if along > 1e-10 * float(np.linalg.norm(change) * np.linalg.norm(move)) and bend > 0.0:
        return hessian - np.outer(expected, expected) / bend + np.outer(change, change) / along
    error = change - expected
    size = float(error @ move)
    if abs(size) <= 1e-8 * float(np.linalg.norm(error) * np.linalg.norm(move)):
        return hessian
    return hessian + np.outer(error, error) / size


def modes_after(point: GlmmEvaluation, move: FloatArray) -> FloatArray:
    """(q,) where the modes are expected after a step: moved along, if it is known how they do.

    Parameters
    ----------
    point : GlmmEvaluation
        With the modes.
    move : (size,) float64
        The step.
    """
    r = point.result
    return r.u if r.slopes is None else r.u + r.slopes @ move


def minimise_glmm(
    function: Function,
    start: GlmmEvaluation,
    hessian: FloatArray,
    control: Control,
    tolerance: float,
    learn: bool = True,
    leave: Callable[[FloatArray], bool] | None = None,
) -> GlmmPath:
    """Minimise from a point with a first guess of the curvature.

    Parameters
    ----------
    function : callable
        ``function(psi, u)`` gives value and gradient; NaN makes the step shorter.
    start : GlmmEvaluation
        Where to begin; finite.
    hessian : (size, size) float64
        First guess of the curvature; exact ones take its place where the kernel knows them.
    control : Control
        Largest number of evaluations.
    tolerance : float
        Predicted decrease at which to stop.
    learn : bool
        Whether the curvature is learnt from the steps.
    leave : callable, optional
        Tells from psi that the optimiser should stop.
    """
    point, count, blocked = start, 0, 0
    hessian = hessian if start.result.hessian is None else start.result.hessian
    radius = max(1.0, 0.5 * float(np.linalg.norm(start.psi)))
    while True:
        newton = trust_step(point.gradient, hessian, np.inf)
        noise = 1e-13 * max(1.0, abs(point.value))
        if newton.predicted < tolerance:
            return GlmmPath(point, hessian, count, newton.predicted, "tolerance")
        if count >= control.max_evaluations:
            return GlmmPath(point, hessian, count, newton.predicted, "evaluations")
        if leave is not None and leave(point.psi):
            return GlmmPath(point, hessian, count, newton.predicted, "left")
        short = newton.length > radius
        step = trust_step(point.gradient, hessian, radius) if short else newton
        trial = function(point.psi + step.move, modes_after(point, step.move))
        count += 1
        finite = bool(np.isfinite(trial.value) and np.isfinite(trial.gradient).all())
        gained = point.value - trial.value if finite else -np.inf
        blocked += not finite
        if finite and learn and trial.result.hessian is None:
            hessian = learnt(hessian, step.move, trial.gradient - point.gradient)
        ratio = gained / step.predicted
        if ratio < 0.25:
            radius = 0.25 * step.length
        elif ratio > 0.75 and step.length > 0.8 * radius:
            radius *= 3.0
        flat = step.predicted < 50.0 * noise
        if ratio > 1e-4 or (flat and gained > -50.0 * noise):
            point = trial
            hessian = hessian if trial.result.hessian is None else trial.result.hessian
        if radius < 1e-9 or (flat and ratio < 0.25) or blocked >= BLOCKED:
            left = trust_step(point.gradient, hessian, np.inf).predicted
            stopped = "edge" if blocked >= BLOCKED else "noise"
            return GlmmPath(point, hessian, count, left, stopped)


def exact_hessian(
    function: Function, point: GlmmEvaluation, guess: FloatArray
) -> tuple[FloatArray, int]:
    """That of the kernel, or differences of the exact gradient; and the evaluations they took.

    Parameters
    ----------
    function : callable
        As in `minimise_glmm`.
    point : GlmmEvaluation
        Where.
    guess : (size, size) float64
        Rough curvature: the step in each parameter is a share of its standard deviation.
    """
    if point.result.hessian is not None:
        return point.result.hessian, 0
    size = len(point.psi)
    H, count = np.zeros((size, size)), 0
    bend = np.abs(guess.diagonal())
    for i in range(size):
        sd = float(np.clip(np.sqrt(2.0 / max(bend[i], 1e-300)), 1e-3, 1.0))
        if point.result.precise:
            shift = np.zeros(size)
            shift[i] = TINY_STEP * sd
            end = function(point.psi + shift, point.result.u)
            count += 1
            if np.isfinite(end.value):
                H[i] = (end.gradient - point.gradient) / shift[i]
                continue
        step = SD_STEP * sd
        H[i], more = _row(function, point, i, step)
        count += more
    return 0.5 * (H + H.T), count


def exactly(function: Function, path: GlmmPath, control: Control) -> GlmmPath:
    """Newton steps with the exact curvature from a point that is near the optimum.

    Parameters
    ----------
    function : callable
        As in `minimise_glmm`.
    path : GlmmPath
        To that point.
    control : Control
        Options of the optimiser.
    """
    count, edge = path.n_evaluations, path.stopped == "edge"
    hessian, stopped = path.hessian, path.stopped
    for _ in range(EXACT):
        exact, more = exact_hessian(function, path.point, hessian)
        count += more
        if not np.isfinite(exact).all():
            return replace(path, n_evaluations=count)
        hessian = exact
        if edge:
            left = trust_step(path.point.gradient, exact, np.inf).predicted
            return replace(path, hessian=exact, n_evaluations=count, decrease=left)
        rest = replace(control, max_evaluations=6)
        path = minimise_glmm(function, path.point, hessian, rest, control.tolerance, learn=False)
        count += path.n_evaluations
        stopped = path.stopped
        if stopped != "evaluations":
            break
        edge = count > control.max_evaluations
    return replace(path, hessian=hessian, n_evaluations=count, stopped=stopped)


def _row(function: Function, point: GlmmEvaluation, i: int, step: float) -> tuple[FloatArray, int]:
    """Difference of the gradient along one parameter; one-sided where only one side exists."""
    count = 0
    for _ in range(2):
        shift = np.zeros(len(point.psi))
        shift[i] = step
        up = function(point.psi + shift, point.result.u)
        down = function(point.psi - shift, point.result.u)
        count += 2
        ends = [end for end in (up, down) if np.isfinite(end.value)]
        if len(ends) == 2:
            return np.asarray((up.gradient - down.gradient) / (2.0 * step)), count
        if ends and count == 4:
            sign = 1.0 if ends[0] is up else -1.0
            return np.asarray(sign * (ends[0].gradient - point.gradient) / step), count
        step *= 0.1
    return np.full(len(point.psi), np.nan), count
