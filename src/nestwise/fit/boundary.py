"""Zero variances: found exactly, and tested, since theta = 0 is always stationary."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.lmm import lambda_templates
from nestwise.core.problem import Problem
from nestwise.core.semidefinite import semidefinite_factor
from nestwise.fit.descent import descend, objective
from nestwise.fit.newton import Path, Route
from nestwise.fit.point import Point
from nestwise.fit.rectify import rectify

NEAR = 3e-3
"""Relative standard deviation below which exactly zero is tried."""

PROBE = 1e-2
"""Relative standard deviation at which the score in the variance is read off."""

RESTARTS = 4
"""How often a saddle may send the optimiser back."""

Function = Callable[[FloatArray], Point]


def snap_to_zero(problem: Problem, function: Function, path: Path) -> Path:
    """Set diagonals of Lambda that are nearly zero to zero, where the criterion is no worse."""
    par = path.point.par
    diagonal = problem.diagonal
    near = diagonal[np.abs(par[diagonal]) < NEAR]
    near = near[par[near] != 0.0]
    if not len(near):
        return path
    snapped = par.copy()
    snapped[near] = 0.0
    trial = function(rectify(problem, snapped))
    worse = trial.value - path.point.value
    if not worse <= 1e-9 + 1e-14 * abs(path.point.value):
        return path
    return Route(trial, path.n_evaluations + trial.evaluations, path.decrease, path.stopped)


def escape_direction(problem: Problem, function: Function, point: Point) -> FloatArray | None:
    """A par with a lower criterion near a point with zero variances, or None at a minimum.

    At Lambda = 0 the gradient vanishes whatever the data say; the derivative by the *variance*
    does not. It is read at a small diagonal, where gradient = 2 S Lambda with Lambda = PROBE I.
    """
    diagonal = problem.diagonal
    zero = diagonal[point.par[diagonal] == 0.0]
    if not len(zero):
        return None
    probe = point.par.copy()
    probe[zero] = PROBE
    return escape_par(problem, point.par, zero, function(probe).gradient / (2.0 * PROBE))


def escape_par(
    problem: Problem, par: FloatArray, zero: NDArray[np.intp], gradient: FloatArray
) -> FloatArray | None:
    """par with a variance added where the score says that it lowers the criterion, else None.

    Parameters
    ----------
    problem : Problem
        Positions.
    par : (m,) float64
        Where some diagonals are zero.
    zero : (z,) int
        Their positions in par.
    gradient : (m,) float64
        Derivative of the criterion by the variances that are zero.
    """
    templates = lambda_templates(problem, par)
    moved = False
    for f, Lambda in enumerate(templates):
        columns = problem.entries[zero[problem.entries[zero, 0] == f], 2]
        S = _null_score(problem, gradient, f, columns)
        if not len(S):
            continue
        values, vectors = np.linalg.eigh(S)
        if values[0] < -1e-6 * max(1.0, float(np.abs(values).max())):
            push = np.zeros(len(Lambda))
            push[columns] = vectors[:, 0]
            Lambda[:] = _pushed(problem, f, Lambda, push)
            moved = True
    if not moved:
        return None
    flat = np.concatenate([x.ravel() for x in templates])
    return np.asarray(flat[problem.lambda_index])


def _null_score(
    problem: Problem, gradient: FloatArray, factor: int, columns: FloatArray
) -> FloatArray:
    """Symmetric score by the covariance among the columns of a factor whose variance is zero."""
    S = np.zeros((len(columns), len(columns)))
    at = {int(c): i for i, c in enumerate(columns)}
    for (f, r, c), g in zip(problem.entries.tolist(), gradient.tolist(), strict=True):
        if f == factor and r in at and c in at:
            S[at[r], at[c]] = S[at[c], at[r]] = g
    return S


def _pushed(problem: Problem, factor: int, Lambda: FloatArray, push: FloatArray) -> FloatArray:
    """Lambda of a factor after a variance is added along `push`, term by term."""
    out = Lambda.copy()
    for t in problem.terms:
        if t.factor != factor:
            continue
        part = slice(t.first, t.first + t.k)
        block, p = out[part, part], push[part]
        if np.count_nonzero(p):
            block[:] = semidefinite_factor(block @ block.T + 0.04 * np.outer(p, p))
    return out


def settle(problem: Problem, reml: bool, path: Path, control: Control) -> tuple[Path, bool]:
    """Zero what is zero, and leave saddles; returns the final path and whether it is a saddle."""
    function = objective(problem, reml)
    for restart in range(RESTARTS + 1):
        path = snap_to_zero(problem, function, path)
        better = escape_direction(problem, function, path.point)
        if better is None:
            return path, False
        if restart == RESTARTS:
            break
        again = descend(problem, reml, better, control)
        count = path.n_evaluations + again.n_evaluations + 1
        if not again.point.value < path.point.value:
            return Route(path.point, count, path.decrease, path.stopped), False
        path = Route(again.point, count, again.decrease, again.stopped)
    return path, True
