"""The exact Hessian at an optimum: where it bends down, the point is left for a lower one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray, IntArray
from nestwise._base.options import Control
from nestwise.core import _kernels
from nestwise.core.hessian import hessian, one_sided
from nestwise.core.lmm import degrees
from nestwise.core.optimum import estimates
from nestwise.core.problem import Problem
from nestwise.fit.boundary import settle
from nestwise.fit.descent import descend
from nestwise.fit.identify import well_determined
from nestwise.fit.newton import Path
from nestwise.fit.point import Point, evaluate_point
from nestwise.fit.rectify import rectify
from nestwise.fit.result import Curvature, LmmFit
from nestwise.fit.verdict import ACCEPTABLE

PLENTY = 1000
"""Levels for each parameter of a factor from which average information is the Hessian but for a few
per cent: it is a sum over levels, whose relative error falls with the root of their number."""

DOWN, DOWN_ONE_SIDED = 1e-7, 1e-5
"""Negative curvature, relative to a unit diagonal, that is more than the error of differences."""

STEPS = (1.0, 0.1, 0.01, 1e-3, 1e-4)
"""Lengths of steps along a direction that bends down, in the same units."""

SMALL = 1e-12
"""Diagonal of a Hessian, relative to the largest, from which it is scaled to one."""

LOWER = 1e-9
"""Decrease of the criterion, beyond rounding, that makes a point no minimum."""

DIGITS = 1e-12
"""Rounding of the criterion for a relative standard deviation of one."""

RESTARTS = 4
"""How often a saddle may send the optimiser back."""


@dataclass(frozen=True, slots=True, eq=False)
class Confirmed:
    """An optimum after its curvature was looked at.

    Parameters
    ----------
    path : Path
        The path to the optimum, with all its evaluations but those of the Hessian.
    saddle : bool
        Whether restarts ran out at a saddle.
    curvature : Curvature or None
        The exact Hessian there; None where it was not made.
    """

    path: Path
    saddle: bool
    curvature: Curvature | None


def confirm(problem: Problem, reml: bool, path: Path, saddle: bool, control: Control) -> Confirmed:
    """Look at the exact Hessian; where it bends down, go on from there.

    Parameters
    ----------
    problem : Problem
        The model, in the optimiser's coordinates.
    reml : bool
        REML or ML.
    path : Path
        Where the optimiser ended.
    saddle : bool
        What was found at variances of zero.
    control : Control
        Options of the optimiser.
    """
    if path.decrease > ACCEPTABLE or _certain(problem, path.point):
        return Confirmed(path, saddle, None)
    found = curvature_at(problem, reml, path.point)
    for _ in range(RESTARTS):
        better = lower_par(problem, reml, path.point.value, found)
        if better is None:
            return Confirmed(path, saddle, found)
        first = descend(problem, reml, better, control)
        other, other_saddle = settle(problem, reml, first, control)
        count = path.n_evaluations + other.n_evaluations + 2 * len(STEPS)
        if not other.point.value < path.point.value - max(LOWER, rounding(other.point.par)):
            return Confirmed(replace(path, n_evaluations=count), saddle, found)
        path, saddle = replace(other, n_evaluations=count), other_saddle
        found = curvature_at(problem, reml, path.point)
    still = lower_par(problem, reml, path.point.value, found) is not None
    return Confirmed(path, saddle or still, found)


def curvature_at(problem: Problem, reml: bool, point: Point) -> Curvature:
    """The exact Hessian in (theta, sigma) at a point.

    Parameters
    ----------
    problem : Problem
        The model.
    reml : bool
        REML or ML.
    point : Point
        Where.
    """
    par = rectify(problem, point.par)
    theta, exact = par / problem.theta_scale, par is point.par and not estimates(problem)
    sigma = float(np.sqrt(point.result.pwrss / degrees(problem, reml)))
    here = point.result if exact else None
    return Curvature(theta, sigma, hessian(problem, theta, sigma, reml, here))


def exact_hessian(fit: LmmFit) -> FloatArray:
    """(m + 1, m + 1) second derivatives of the deviance in (theta, sigma) of ``fit.working``.

    Parameters
    ----------
    fit : LmmFit
        Its own Hessian is taken when it belongs to these estimates, else made.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> exact_hessian(m.fit).shape
    (4, 4)
    """
    known = fit.curvature
    if (
        known is not None
        and known.sigma == fit.sigma
        and np.array_equal(known.theta, fit.working_theta)
    ):
        return known.hessian
    return hessian(fit.working, fit.working_theta, fit.sigma, fit.reml)


def free_entries(entries: IntArray, theta: FloatArray) -> BoolArray:
    """Which theta are not fixed by a zero on the diagonal of their column.

    Parameters
    ----------
    entries : (m, 3) int32
        Factor, row and column of each theta.
    theta : (m,) float64
        Their values.
    """
    if theta.all():
        return np.ones(len(theta), dtype=np.bool_)
    zero = {
        (int(f), int(r))
        for (f, r, c), value in zip(entries, theta, strict=True)
        if r == c and value == 0.0
    }
    return np.array([(int(f), int(c)) not in zero for f, _, c in entries], dtype=np.bool_)


def _certain(problem: Problem, point: Point) -> bool:
    """Whether exact gradients are dear, and average information cannot have the wrong sign.

    Such gradients are estimated on the way down; levels are many, so that the curvature is known.
    """
    plenty = all(m >= PLENTY * k * (k + 1) // 2 for k, m in problem.shapes)
    return plenty and estimates(problem) and well_determined(problem, point)


def lower_par(problem: Problem, reml: bool, value: float, found: Curvature) -> FloatArray | None:
    """A par with a lower criterion where the Hessian by the free entries bends down.

    Parameters
    ----------
    problem : Problem
        The model, in the optimiser's coordinates.
    reml : bool
        REML or ML.
    value : float
        The criterion at the point.
    found : Curvature
        Its exact Hessian.

    Returns
    -------
    (m,) float64 or None
        None at a minimum.
    """
    free = free_entries(problem.entries, found.theta)
    error = DOWN_ONE_SIDED if one_sided(problem) else DOWN
    if free.all() and _kernels.least_curvature(found.hessian, SMALL) > -error:
        return None
    scale, par = problem.theta_scale, found.theta * problem.theta_scale
    H = (profiled(found.hessian) / np.outer(scale, scale))[np.ix_(free, free)]

    def function(part: FloatArray) -> Point:
        moved = par.copy()
        moved[free] = part
        return evaluate_point(problem, moved, reml)

    lower = way_down(function, par[free], value, H, error)
    return None if lower is None else lower.par


def profiled(H: FloatArray) -> FloatArray:
    """Second derivatives of a criterion from which the last parameter is profiled out.

    Parameters
    ----------
    H : (m + 1, m + 1) float64
        Where the derivative by the last parameter is zero.

    Examples
    --------
    >>> profiled(np.array([[3.0, 2.0], [2.0, 4.0]])).tolist()
    [[2.0]]
    """
    return np.asarray(H[:-1, :-1] - H[:-1, -1:] * (H[-1, :-1] / H[-1, -1]))


def way_down(
    function: Callable[[FloatArray], Point],
    par: FloatArray,
    value: float,
    H: FloatArray,
    error: float = DOWN,
) -> Point | None:
    """A lower point along the most negative curvature, None at a minimum.

    Parameters
    ----------
    function : callable
        par to `Point`.
    par : (m,) float64
        A stationary point.
    value : float
        Its criterion.
    H : (m, m) float64
        Its exact Hessian.
    error : float
        Negative curvature, relative to a unit diagonal, that may be rounding.
    """
    if not len(par) or not np.isfinite(H).all():
        return None
    size = np.sqrt(np.abs(H.diagonal()))
    size = np.maximum(size, np.sqrt(SMALL) * max(float(size.max()), 1e-150))
    values, vectors = np.linalg.eigh(H / np.outer(size, size))
    if values[0] > -error:
        return None
    trials = [function(at) for at in _beside(par, vectors[:, 0] / size)]
    lower = [t for t in trials if t.value < value - max(LOWER, rounding(t.par))]
    return min(lower, key=lambda t: t.value) if lower else None


def rounding(par: FloatArray) -> float:
    """Difference of criteria that rounding may make where standard deviations are large."""
    return DIGITS * float(np.square(par).max(initial=0.0))


def _beside(par: FloatArray, direction: FloatArray) -> Iterator[FloatArray]:
    """Points on both sides, no farther than an optimiser's first step."""
    farthest = max(1.0, 0.5 * float(np.linalg.norm(par))) / float(np.linalg.norm(direction))
    for step in np.minimum(1.0, farthest) * np.array(STEPS):
        yield par + step * direction
        yield par - step * direction
