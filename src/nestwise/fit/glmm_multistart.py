"""Further starts of a generalised model, where several optima are possible and cheap to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem
from nestwise.core.glmm_rows import FamilyRows
from nestwise.fit.glmm_descent import criterion_of, descend_from, settle_glmm
from nestwise.fit.glmm_newton import GlmmPath, spectrum
from nestwise.fit.multistart import CHEAP, PLENTY, SIZES, starts
from nestwise.fit.rectify import diagonal_positions
from nestwise.fit.verdict import ACCEPTABLE

CHEAP_ROWS = 3000
"""Rows up to which looking again costs little."""

ALL_ALIKE, MOST_STARTS = 3, 5
"""Further starts with all factors alike, and further starts of one model."""

SHIFT = 2.0
"""Change of the logarithm of the dispersion in further starts."""

MOST_EVALUATIONS = 150
"""Further evaluations after which no more starts are tried."""

ROUNDS, ROUND_ROWS = 3, 300
"""Rounds of further starts, as long as each finds a better optimum, and the rows up to which."""

SEVERAL = ("cauchit", "inverse", "inverse gaussian")
"""Links and families with which the criterion may have several optima with many levels, too."""

STEEP = 1e4
"""Gradient from which the end of the optimiser is a pole of Laplace's approximation: there the
joint density bends upwards at its mode, and log|M| tends to minus infinity."""

FLAT = 1e-7
"""Curvature, relative to the largest, of a likelihood without a maximum."""

ROUGHLY = 1e-3
"""Promised decrease at which a further start is judged."""

NEARLY_ZERO = 1e-2
"""Standard deviation (link scale) that counts as zero here."""


def _cheap(problem: GlmmProblem) -> bool:
    effects = sum(k * m for k, m in problem.layout.shapes)
    return effects <= CHEAP and problem.layout.n <= CHEAP_ROWS


def doubtful(problem: GlmmProblem, psi: FloatArray) -> bool:
    """Whether few levels or a zero variance make several optima possible.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    psi : (size,) float64
        The optimum at hand.
    """
    layout = problem.layout
    zero = np.abs(psi[diagonal_positions(layout)]) < NEARLY_ZERO
    return bool(zero.any()) or any(m < PLENTY * k for k, m in layout.shapes)


def look_again_glmm(
    problem: GlmmProblem,
    path: GlmmPath,
    saddle: bool,
    control: Control,
    begin: tuple[FloatArray, FloatArray],
    rows: FamilyRows,
) -> tuple[GlmmPath, bool]:
    """The best of the optimum at hand and those from further starts.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    path : GlmmPath
        The optimum at hand.
    saddle : bool
        Whether it is a saddle.
    control : Control
        Options of the optimiser.
    begin : (size,) and (size, size) float64
        psi where the optimiser began, and the curvature that it began with.
    rows : FamilyRows
        Family and link function.

    Returns
    -------
    GlmmPath, bool
        The best path, with all evaluations counted, and whether it ended at a saddle.
    """
    if not _cheap(problem):
        return path, saddle
    if _pole(path):
        path, saddle = _off_pole(problem, path, saddle, control, begin)
    for _ in range(ROUNDS if problem.layout.n <= ROUND_ROWS else 1):
        wavy = rows.link.name in SEVERAL or rows.family.name in SEVERAL
        if not (wavy or doubtful(problem, path.point.psi)) or _ran_away(path):
            break
        before = path.point
        path, saddle = _round(problem, path, saddle, control)
        if path.point is before:
            break
    return path, saddle


def _round(
    problem: GlmmProblem, path: GlmmPath, saddle: bool, control: Control
) -> tuple[GlmmPath, bool]:
    """The best of an optimum and those from further starts with its coefficients."""
    function = criterion_of(problem)
    best, count, m = path, path.n_evaluations, problem.m
    most = count + MOST_EVALUATIONS
    for start in _starts(problem, path.point.psi[m:]):
        if count > most:
            break
        first = function(start, None)
        count += 1
        if not _finite(first):
            continue
        near = descend_from(problem, first, _bowl(path.hessian), control, ROUGHLY, exact=False)
        count += near.n_evaluations
        if not near.point.value - 2.0 * near.decrease < best.point.value - 1e-6:
            continue
        there = descend_from(problem, near.point, near.hessian, control)
        there, back = settle_glmm(problem, function, there, control)
        count += there.n_evaluations
        if there.point.value < best.point.value - 1e-9 and not _pole(there):
            best, saddle = there, back
    return replace(best, n_evaluations=count), saddle


def _pole(path: GlmmPath) -> bool:
    """Whether the optimiser fell into a pole: the criterion has no bound there, and no meaning."""
    steep = float(np.abs(path.point.gradient).max(initial=0.0)) > STEEP
    return steep and path.decrease > ACCEPTABLE


def _off_pole(
    problem: GlmmProblem,
    path: GlmmPath,
    saddle: bool,
    control: Control,
    begin: tuple[FloatArray, FloatArray],
) -> tuple[GlmmPath, bool]:
    """The best proper optimum from further starts, and the pole only where there is none."""
    function, (psi, guess) = criterion_of(problem), begin
    best, count = None, path.n_evaluations
    most = count + MOST_EVALUATIONS
    for start in _starts(problem, psi[problem.m :]):
        point = function(start, None)
        count += 1
        if not _finite(point):
            continue
        there = descend_from(problem, point, _bowl(guess), control)
        there, back = settle_glmm(problem, function, there, control)
        count += there.n_evaluations
        proper = there.decrease <= ACCEPTABLE and not back and not _pole(there)
        if proper and (best is None or there.point.value < best.point.value):
            best = there
        if count > most:
            break
    if best is None:
        return replace(path, n_evaluations=count), saddle
    return replace(best, n_evaluations=count), False


def _finite(point: GlmmEvaluation) -> bool:
    return bool(np.isfinite(point.value) and np.isfinite(point.gradient).all())


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


def _ran_away(path: GlmmPath) -> bool:
    """Whether the likelihood is flat in some direction: other starts would only run as far."""
    values, _ = spectrum(path)
    return bool(values[0] < FLAT * values[-1])


def _bowl(hessian: FloatArray) -> FloatArray:
    """A positive definite curvature like that at the optimum at hand."""
    if not np.isfinite(hessian).all():
        return np.eye(len(hessian))
    values, vectors = np.linalg.eigh(hessian)
    size = np.maximum(np.abs(values), 1e-3 * max(float(np.abs(values).max()), 1e-3))
    return np.asarray((vectors * size) @ vectors.T)
