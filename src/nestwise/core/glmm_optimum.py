"""The compiled optimiser of generalised models; `nestwise.fit.glmm_descent` is its twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem
from nestwise.core.glmm_compiled import CompiledGlmm
from nestwise.core.glmm_kernel import GlmmResult, Limits, WayDown
from nestwise.core.quadrature_compiled import Compiled
from nestwise.core.threads import limited

STOPPED = ("tolerance", "noise", "evaluations", "edge", "degenerate", "left")
"""Why the compiled optimiser stopped; positions are the C++ codes."""

LARGEST = 64
"""Parameters up to which it is used: its eigenvalues are those of small matrices."""


@dataclass(frozen=True, slots=True, eq=False)
class GlmmDescent:
    """Where the compiled optimiser ended; members as in `nestwise.fit.glmm_newton.GlmmPath`."""

    point: GlmmEvaluation
    hessian: FloatArray
    n_evaluations: int
    decrease: float
    stopped: str
    spectrum: tuple[FloatArray, FloatArray] | None


def glmm_descent(
    problem: GlmmProblem, psi: FloatArray, u: FloatArray | None, hessian: FloatArray, limits: Limits
) -> GlmmDescent | None:
    """The local optimum below a starting point.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    psi : (size,) float64
        Where to begin.
    u : (q,) float64 or None
        Where the modes are sought from; zero when not given.
    hessian : (size, size) float64
        First guess of the curvature.
    limits : Limits
        When to stop.

    Returns
    -------
    GlmmDescent or None
        None when kernel or family are not compiled, or there are very many parameters. It stopped
        ``"degenerate"`` when there are no modes at the start.
    """
    kernel, layout = problem.kernel, problem.layout
    if not isinstance(kernel, CompiledGlmm | Compiled) or len(psi) > LARGEST:
        return None
    begin = np.zeros(sum(k * m for k, m in layout.shapes)) if u is None else u
    with limited(kernel.dense_order, kernel.model.threads):
        found = kernel.descend(WayDown(psi, begin, hessian, layout.entries, limits))
    if found is None:
        return None
    psi, value, gradient, hessian, u, eta, ldL2, steps, decrease, count, stopped, own = found
    m, end = problem.m, problem.m + layout.p
    by_log_phi = float(gradient[-1]) if problem.has_phi and len(gradient) else 0.0
    result = GlmmResult(value, u, eta, gradient[:m], gradient[m:end], by_log_phi, ldL2, steps, True)
    point = GlmmEvaluation(psi, value, gradient, result)
    return GlmmDescent(point, hessian, count, decrease, STOPPED[stopped], own)
