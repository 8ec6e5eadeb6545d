"""The first guess of the curvature: that of the working linear mixed model."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem
from nestwise.core.glmm_beginning import Start
from nestwise.fit.glmm_newton import Function
from nestwise.fit.point import evaluate_point, known_scale_point


def first_curvature(
    problem: GlmmProblem,
    start: Start,
    has_scale: bool,
    point: GlmmEvaluation,
    function: Function,
) -> tuple[FloatArray, int]:
    """(size, size) curvature of the working linear mixed model, and evaluations spent.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    start : Start
        Gives the working linear mixed model.
    has_scale : bool
        Whether the dispersion is a scale.
    point : GlmmEvaluation
        Where the optimiser begins.
    function : callable
        The criterion, for the dispersion's own curvature.
    """
    H = working_curvature(problem, start, has_scale, point.psi)
    return told_last(H, point, function)


def told_last(
    curvature: FloatArray, point: GlmmEvaluation, function: Function
) -> tuple[FloatArray, int]:
    """The curvature with its last entry, along log phi, and evaluations spent.

    Parameters
    ----------
    curvature : (size, size) float64
        NaN there where it is not known.
    point, function
        As for `first_curvature`.
    """
    if np.isfinite(curvature[-1, -1]):
        return curvature, 0
    H = curvature.copy()
    H[-1, -1] = 1.0
    step = 1e-2
    shifted = point.psi.copy()
    shifted[-1] += step
    other = function(shifted, point.result.u)
    if np.isfinite(other.value):
        bend = (other.gradient - point.gradient) / step
        H[-1, -1] = max(abs(float(bend[-1])), 1e-3)
    return H, 1


def working_curvature(
    problem: GlmmProblem, start: Start, has_scale: bool, psi: FloatArray
) -> FloatArray:
    """(size, size) curvature of the working linear mixed model, NaN in the dispersion.

    Parameters
    ----------
    problem, start, has_scale
        As for `first_curvature`.
    psi : (size,) float64
        Where the optimiser begins.
    """
    layout, m, p = problem.layout, problem.m, problem.layout.p
    phi = 1.0
    if start.phi is not None and has_scale:
        phi = start.phi / start.weight
    par = psi[:m] / np.sqrt(phi)
    there = evaluate_point(layout, par, False) if phi != 1.0 else known_scale_point(layout, par)
    H = np.eye(problem.size)
    if np.isfinite(there.value):
        RX = there.result.RX
        H[:m, :m] = there.hessian / phi
        H[m : m + p, m : m + p] = 2.0 * RX @ RX.T / phi
    H = _positive(H)
    if problem.has_phi:
        H[-1, -1] = np.nan
    return H


def _positive(H: FloatArray) -> FloatArray:
    """The same matrix with the absolute values of its eigenvalues."""
    values, vectors = np.linalg.eigh(H)
    size = np.abs(values)
    size = np.maximum(size, 1e-6 * float(size.max()))
    return np.asarray((vectors * size) @ vectors.T)
