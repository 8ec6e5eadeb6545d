"""Further starts of a generalised model, where several optima are possible and cheap to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmProblem
from nestwise.fit.glmm_descent import descend_glmm, settle_glmm
from nestwise.fit.glmm_newton import Function, GlmmPath, minimise_glmm
from nestwise.fit.multistart import CHEAP, PLENTY, SIZES, starts
from nestwise.fit.rectify import diagonal_positions

CHEAP_ROWS = 3000
"""Rows up to which looking again costs little."""

ALL_ALIKE, MOST_STARTS = 3, 5
"""Further starts with all factors alike, and further starts of one model."""

SHIFT = 2.0
"""Change of the logarithm of the dispersion in further starts."""

MOST_EVALUATIONS = 150
"""Further evaluations after which no more starts are tried."""

FLAT = 1e-7
"""Curvature, relative to the largest, of a likelihood without a maximum."""

ROUGHLY = 1e-3
"""Promised decrease at which a further start is judged."""

NEARLY_ZERO = 1e-2
"""Standard deviation (link scale) that counts as zero here."""


def doubtful(problem: GlmmProblem, psi: FloatArray) -> bool:
    """Whether several optima are possible and looking again is cheap.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    psi : (size,) float64
        The optimum at hand.
    """
    layout = problem.layout
    if sum(k * m for k, m in layout.shapes) > CHEAP or layout.n > CHEAP_ROWS:
        return False
    zero = np.abs(psi[diagonal_positions(layout)]) < NEARLY_ZERO
    return bool(zero.any()) or any(m < PLENTY * k for k, m in layout.shapes)


def look_again_glmm(
    problem: GlmmProblem, function: Function, path: GlmmPath, saddle: bool, control: Control
) -> tuple[GlmmPath, bool]:
    """The best of the optimum at hand and those from further starts.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    function : callable
        From `nestwise.fit.glmm_descent.criterion_of`.
    path : GlmmPath
        The optimum at hand.
    saddle : bool
        Whether it is a saddle.
    control : Control
        Options of the optimiser.

    Returns
    -------
    GlmmPath, bool
        The best path, with all evaluations counted, and whether it ended at a saddle.
    """
    if not doubtful(problem, path.point.psi) or _ran_away(path.hessian):
        return path, saddle
    best, count, m = path, path.n_evaluations, problem.m
    most = count + MOST_EVALUATIONS
    for start in _starts(problem, path.point.psi[m:]):
        if count > most:
            break
        first = function(start, None)
        count += 1
        if not (np.isfinite(first.value) and np.isfinite(first.gradient).all()):
            continue
        near = minimise_glmm(function, first, _bowl(path.hessian), control, ROUGHLY)
        count += near.n_evaluations
        if not near.point.value - 2.0 * near.decrease < best.point.value - 1e-6:
            continue
        there = descend_glmm(function, near.point, near.hessian, control)
        there, back = settle_glmm(problem, function, there, control)
        count += there.n_evaluations
        if there.point.value < best.point.value - 1e-9:
            best, saddle = there, back
    return replace(best, n_evaluations=count), saddle


def _starts(problem: GlmmProblem, rest: FloatArray) -> list[FloatArray]:
    """Further psi: other covariances, and where there is a dispersion, much more and less of it.

    A dispersion and the variance of an effect that few rows share can stand for each other.
    """
    further = starts(problem.layout)
    out = []
    if problem.has_phi:
        for shift in (SHIFT, -SHIFT):
            moved = rest.copy()
            moved[-1] += shift
            out.append(np.concatenate([further[1], moved]))
    chosen = (*further[:ALL_ALIKE], *further[len(SIZES) :])[:MOST_STARTS]
    return [*out, *(np.concatenate([par, rest]) for par in chosen)]


def _ran_away(hessian: FloatArray) -> bool:
    """Whether the likelihood is flat in some direction: other starts would only run as far."""
    values = np.linalg.eigvalsh(hessian)
    return bool(values[0] < FLAT * values[-1])


def _bowl(hessian: FloatArray) -> FloatArray:
    """A positive definite curvature like that at the optimum at hand."""
    if not np.isfinite(hessian).all():
        return np.eye(len(hessian))
    values, vectors = np.linalg.eigh(hessian)
    size = np.maximum(np.abs(values), 1e-3 * max(float(np.abs(values).max()), 1e-3))
    return np.asarray((vectors * size) @ vectors.T)
