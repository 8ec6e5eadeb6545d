"""Safeguarded Newton: a trust region on the absolute values of the curvature.

Source: Nocedal & Wright (2006), Numerical Optimization, 2nd ed., sections 4.1 and 4.3 (trust
region, secular equation); Dauphin et al. (2014), arXiv 1406.2572 (absolute eigenvalues, so that a
saddle repels).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.fit.point import Point

PATIENCE = 6
"""Evaluations after which slow progress makes the optimiser learn curvature from its steps."""

SLOW = 0.1
"""Share of the promised decrease that a step may leave before progress counts as slow."""

FLAT = 1e-9
"""Curvature, relative to the largest, below which a direction counts as flat."""

NOTHING = 1e-12
"""Curvature that is rounding error: without a floor, noise divided by noise promises much."""


class Evaluated(Protocol):
    """What an evaluation must tell: value, gradient, an approximate Hessian, and its price."""

    @property
    def par(self) -> FloatArray:
        """Where."""
        ...

    @property
    def value(self) -> float:
        """NaN where the function is not defined."""
        ...

    @property
    def gradient(self) -> FloatArray:
        """(m,)."""
        ...

    @property
    def hessian(self) -> FloatArray:
        """(m, m)."""
        ...

    @property
    def evaluations(self) -> int:
        """Evaluations that it took."""
        ...


Found = TypeVar("Found", bound=Evaluated)


@dataclass(frozen=True, slots=True, eq=False)
class Route(Generic[Found]):
    """Where an optimisation ended.

    Parameters
    ----------
    point : Point
        The best point found.
    n_evaluations : int
        Evaluations spent.
    decrease : float
        Further decrease that the curvature promises there.
    stopped : str
        ``"tolerance"``, ``"noise"`` (rounding hides further progress), ``"evaluations"``,
        ``"left"`` (for other coordinates), ``"degenerate"`` (no finite criterion at the start).
    """

    point: Found
    n_evaluations: int
    decrease: float
    stopped: str


Path: TypeAlias = Route[Point]
"""Where the optimisation of a linear mixed model ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A step, its length, and the decrease that the model predicts for it."""

    move: FloatArray
    length: float
    predicted: float


def trust_step(gradient: FloatArray, hessian: FloatArray, radius: float) -> Step:
    """Minimise the convexified quadratic model within a ball.

    Parameters
    ----------
    gradient : (m,) float64
    hessian : (m, m) float64
        Symmetric, may be indefinite: eigenvalues enter with their absolute values.
    radius : float
        Largest length of the step; ``inf`` gives the Newton step.

    Returns
    -------
    Step
        With the predicted decrease (positive).

    Examples
    --------
    >>> import numpy as np
    >>> trust_step(np.array([2.0]), np.array([[4.0]]), 10.0).move
    array([-0.5])
    """
    values, vectors = np.linalg.eigh(hessian)
    curvature = np.abs(values)
    curvature = np.maximum(curvature, max(FLAT * float(curvature.max()), NOTHING))
    along = vectors.T @ gradient
    damping = _damping(along, curvature, radius)
    coefficients = -along / (curvature + damping)
    predicted = -float(along @ coefficients + 0.5 * curvature @ coefficients**2)
    return Step(vectors @ coefficients, float(np.linalg.norm(coefficients)), predicted)


def _damping(along: FloatArray, curvature: FloatArray, radius: float) -> float:
    """The multiplier that brings the step onto the ball, 0 when it is inside."""
    damping = 0.0
    for _ in range(60):
        coefficients = along / (curvature + damping)
        length = float(np.linalg.norm(coefficients))
        if length <= radius * 1.01:
            return damping
        slope = float(coefficients**2 @ (1.0 / (curvature + damping)))
        damping += (length / radius - 1.0) * length**2 / slope
    return damping


def secant_correction(
    correction: FloatArray, move: FloatArray, change: FloatArray, hessian: FloatArray
) -> FloatArray:
    """What must be added to a model Hessian so that it explains the last change of gradient.

    Symmetric rank one, on top of a curvature that is known in part (structured secant method).
    Source: Nocedal & Wright (2006), eq. 6.24-6.26; Dennis, Gay & Welsch (1981), ACM Trans. Math.
    Softw. 7, 348-368.

    Parameters
    ----------
    correction : (m, m) float64
        The correction so far.
    move, change : (m,) float64
        Last step, and the change of the gradient along it.
    hessian : (m, m) float64
        The model Hessian at the new point, without correction.
    """
    error = change - (hessian + correction) @ move
    along = float(error @ move)
    if abs(along) <= 1e-6 * float(np.linalg.norm(error) * np.linalg.norm(move)):
        return correction
    return correction + np.outer(error, error) / along


def minimise(
    function: Callable[[FloatArray], Found],
    start: FloatArray,
    control: Control,
    leave: Callable[[FloatArray], bool] | None = None,
    slow_from: tuple[int, float] = (PATIENCE, SLOW),
) -> Route[Found]:
    """Minimise a function that returns value, gradient and an approximate Hessian.

    Parameters
    ----------
    function : callable
        ``function(par) -> Evaluated``; a NaN value makes the step shorter.
    start : (m,) float64
        Where to begin.
    control : Control
        Tolerance and largest number of evaluations.
    leave : callable, optional
        Tells from par that other coordinates would be better; the path then ends ``"left"``.
    slow_from : (int, float)
        Progress counts as slow after so many evaluations, when a step keeps more than this share
        of the decrease that was promised before it.

    Returns
    -------
    Route
        The best point and why it stopped.
    """
    point = function(start)
    if not np.isfinite(point.value):
        return Route(point, 1, np.inf, "degenerate")
    count, radius = point.evaluations, max(1.0, 0.5 * float(np.linalg.norm(start)))
    correction, before = np.zeros_like(point.hessian), np.inf
    while True:
        hessian = point.hessian + correction
        newton = trust_step(point.gradient, hessian, np.inf)
        noise = 4e-15 * len(start) * max(1.0, abs(point.value))
        if newton.predicted < control.tolerance:
            return Route(point, count, newton.predicted, "tolerance")
        if count >= control.max_evaluations:
            return Route(point, count, newton.predicted, "evaluations")
        if leave is not None and leave(point.par):
            return Route(point, count, newton.predicted, "left")
        step = newton
        if newton.length > radius:
            step = trust_step(point.gradient, hessian, radius)
        trial = function(point.par + step.move)
        count += trial.evaluations
        # Far from the optimum the last steps say little about the curvature here.
        slow = count > slow_from[0] and newton.predicted > slow_from[1] * before
        before = newton.predicted
        if slow and np.isfinite(trial.value):
            change = trial.gradient - point.gradient
            correction = secant_correction(correction, step.move, change, trial.hessian)
        gained = point.value - trial.value if np.isfinite(trial.value) else -np.inf
        ratio = gained / step.predicted
        if ratio < 0.25:
            radius = 0.25 * step.length
        elif ratio > 0.75 and step.length > 0.8 * radius:
            radius *= 3.0
        if ratio > 1e-4 or (step.predicted < 50.0 * noise and gained > -50.0 * noise):
            point = trial
        if radius < 1e-10 or (step.predicted < 50.0 * noise and ratio < 0.25):
            left = trust_step(point.gradient, point.hessian, np.inf).predicted
            return Route(point, count, left, "noise")
