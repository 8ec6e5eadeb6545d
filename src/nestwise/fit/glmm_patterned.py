"""Generalised linear mixed models in which a random term has a structured covariance.

Counts over time with ``ar1(0 + time | subject)`` are the usual case. The criterion and its gradient
are those of (theta, beta, log phi); the chain rule carries them to the parameters of the
structures, as in `nestwise.fit.patterned` for linear models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import FitError
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem, evaluate_glmm
from nestwise.core.patterns import n_parameters, par_of, theta_of
from nestwise.design.model import Design
from nestwise.fit.glmm_descent import descend_glmm
from nestwise.fit.glmm_model import GlmmModel
from nestwise.fit.glmm_newton import Function, GlmmPath
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.patterned import patterned_starts, singular_structures
from nestwise.fit.verdict import ACCEPTABLE, decide

LOWER = 1e-9
"""Decrease of the criterion for which a further start is preferred."""

FLAT = 1e-7
"""Curvature, relative to the largest, that counts as none."""


@dataclass(frozen=True, slots=True, eq=False)
class PatternedPath:
    """Where the optimisation ended, in the parameters of the structures and in those of theta.

    Parameters
    ----------
    path : GlmmPath
        In (parameters of the structures, beta, log phi).
    plain : GlmmPath
        The same point in (entries of Lambda, beta, log phi).
    slopes : (n_free, size) float64
        Derivatives of the second by the first, kernel's units.
    """

    path: GlmmPath
    plain: GlmmPath
    slopes: FloatArray


def into_plain(problem: GlmmProblem, free: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(size,) psi in the entries of Lambda, and its derivatives (n_free, size).

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    free : (n_free,) float64
        (parameters of the structures, beta, log phi); standard deviations are absolute.
    """
    n, m = n_parameters(problem.layout), problem.m
    theta, slopes = theta_of(problem.layout, free[:n])
    scale = problem.layout.theta_scale
    full = np.zeros((len(free), problem.size))
    full[:n, :m] = slopes * scale
    full[n:, m:] = np.eye(len(free) - n)
    return np.concatenate([theta * scale, free[n:]]), full


def patterned_criterion(problem: GlmmProblem) -> Function:
    """What the optimiser minimises: free parameters to `GlmmEvaluation`, whose psi are these."""

    def function(free: FloatArray, u: FloatArray | None) -> GlmmEvaluation:
        psi, slopes = into_plain(problem, free)
        there = evaluate_glmm(problem, psi, u, 1)
        gradient = slopes @ there.gradient if len(there.gradient) else there.gradient
        return GlmmEvaluation(free, there.value, gradient, there.result)

    return function


def optimise_patterned_glmm(
    model: GlmmModel, first: GlmmEvaluation, guess: FloatArray, control: Control
) -> PatternedPath:
    """The best optimum from several starts.

    Parameters
    ----------
    model : GlmmModel
        The model, its columns not centred.
    first : GlmmEvaluation
        A point with modes, in the entries of Lambda; `beta` and `phi` begin there.
    guess : (size, size) float64
        Rough curvature there.
    control : Control
        Options of the optimiser.

    Raises
    ------
    FitError
        When the criterion cannot be evaluated at any start.
    """
    problem = model.problem
    m, layout = problem.m, problem.layout
    function, rest = patterned_criterion(problem), first.psi[m:]
    moments = par_of(layout, first.psi[:m] / layout.theta_scale)
    best, count = None, 0
    for par in (moments, *patterned_starts(layout)[1:]):
        start = function(np.concatenate([par, rest]), first.result.u)
        count += 1
        if not (np.isfinite(start.value) and np.isfinite(start.gradient).all()):
            continue
        path = descend_glmm(function, start, _curvature(problem, start.psi, guess), control)
        count += path.n_evaluations
        if best is None or path.point.value < best.point.value - LOWER:
            best = path
    if best is None:
        raise FitError(
            "the conditional modes of the random effects cannot be found at any starting value of "
            "the structured covariances; check the scale of the covariates and the offset"
        )
    return _both(problem, replace(best, n_evaluations=count))


def _curvature(problem: GlmmProblem, free: FloatArray, guess: FloatArray) -> FloatArray:
    """The rough curvature in the parameters of the structures, positive definite."""
    _, slopes = into_plain(problem, free)
    H = slopes @ guess @ slopes.T
    values, vectors = np.linalg.eigh(0.5 * (H + H.T))
    size = np.maximum(np.abs(values), 1e-3 * float(np.abs(values).max()))
    return np.asarray((vectors * size) @ vectors.T)


def _both(problem: GlmmProblem, path: GlmmPath) -> PatternedPath:
    """The end of a path in both coordinates."""
    psi, slopes = into_plain(problem, path.point.psi)
    back = np.linalg.pinv(slopes)
    across = np.eye(problem.size) - back @ slopes
    hessian = back @ path.hessian @ back.T + across
    point = evaluate_glmm(problem, psi, path.point.result.u, 1)
    return PatternedPath(path, replace(path, point=point, hessian=hessian), slopes)


def with_structures(
    fit: GlmmFit, design: Design, model: GlmmModel, found: PatternedPath, control: Control
) -> GlmmFit:
    """The fit with covariances and verdict of the parameters that were really free.

    Parameters
    ----------
    fit : GlmmFit
        Assembled from ``found.plain``.
    design, model, control
        What was fitted.
    found : PatternedPath
        From `optimise_patterned_glmm`.
    """
    covariance = _covariance(fit, model, found)
    m, p = fit.theta.size, fit.beta.size
    layout, path = model.problem.layout, found.path
    n = n_parameters(layout)
    singular = singular_structures(
        design, layout, fit.theta * fit.sigma, control.singular_tolerance
    )
    flat = () if singular else _flat(path.hessian[:n, :n])
    forgiven = ACCEPTABLE + 1e-12 * abs(path.point.value)
    verdict, told = decide(singular, flat, path, False, False, control, forgiven)
    return replace(
        fit,
        par=path.point.psi[:n],
        vcov=covariance[m : m + p, m : m + p],
        par_vcov=covariance,
        verdict=verdict,
        diagnostics=(*told, *design.diagnostics),
    )


def _covariance(fit: GlmmFit, model: GlmmModel, found: PatternedPath) -> FloatArray:
    """(size, size) covariance of (theta, beta, log phi), user's units; singular along patterns."""
    values, vectors = np.linalg.eigh(found.path.hessian)
    safe = np.maximum(values, 1e-12 * float(np.abs(values).max()))
    layout, m = model.problem.layout, fit.theta.size
    J = np.eye(model.problem.size)
    J[:m, :m] = np.diag(1.0 / (layout.theta_scale * fit.sigma))
    if model.has_scale:
        J[:m, -1] = -0.5 * fit.theta
    J[m : m + layout.p, m : m + layout.p] = layout.basis.to_user
    half = J @ found.slopes.T @ (vectors * np.sqrt(2.0 / safe))
    return np.asarray(half @ half.T)


def _flat(hessian: FloatArray) -> tuple[Diagnostic, ...]:
    """A diagnostic when the parameters of the structures cannot be told apart."""
    values = np.linalg.eigvalsh(hessian)
    if values[0] > FLAT * float(np.abs(values).max()):
        return ()
    return (
        Diagnostic(
            "not-identifiable",
            "The data cannot tell the parameters of the structured random effects from each "
            "other: the likelihood does not change along one direction.",
            "Use a structure with fewer parameters, or (1 | g).",
        ),
    )
