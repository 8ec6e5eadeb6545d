"""The same GLMM fitted to other responses, by the thousand, beginning at the estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.centred import from_centred
from nestwise.core.glmm import GlmmEvaluation, phi_of
from nestwise.core.lmm import term_lambdas
from nestwise.core.quadrature_compiled import quadrature_kernel
from nestwise.core.threads import limited
from nestwise.fit.glmm import optimise_glmm
from nestwise.fit.glmm_descent import compiled_path, descend_from, settle_glmm
from nestwise.fit.glmm_model import GlmmModel, make_glmm, with_kernel, with_response
from nestwise.fit.glmm_newton import Function, GlmmPath, criterion_of
from nestwise.fit.glmm_quadrature import laplace_kernel
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.rectify import diagonal_positions, rectify

ACCEPTABLE = 1e-4
"""Promised further decrease of the criterion up to which a refit counts as converged."""


@dataclass(frozen=True, slots=True, eq=False)
class GlmmRefit:
    """The estimates of one refit, in the user's units.

    Parameters
    ----------
    lambdas : tuple of (k, k) float64
        Relative Cholesky factor of each term.
    beta : (p,) float64
        Coefficients.
    sigma : float
        sqrt(phi) for families with a scale, else 1.
    phi : float or None
        Dispersion.
    criterion : float
        -2 log-likelihood.
    converged, singular : bool
        Whether the optimum was found, and whether a variance is zero there.
    """

    lambdas: tuple[FloatArray, ...]
    beta: FloatArray
    sigma: float
    phi: float | None
    criterion: float
    converged: bool
    singular: bool


def glmm_refitter(fit: GlmmFit) -> Callable[[FloatArray], GlmmRefit]:
    """A function from a response (n,) to the estimates that it gives.

    The model is optimised once more to have its optimum and curvature in the optimiser's own
    coordinates; every refit begins there, and needs a few evaluations.

    Parameters
    ----------
    fit : GlmmFit
        The fit, its terms without structures (`nestwise.fit.glmm_patterned_refit`).

    Returns
    -------
    callable
        Raises `FitError` where a response cannot be fitted at all.
    """
    model = make_glmm(fit.design, fit.family, fit.link, fit.control, laplace_kernel)
    order = max(model.problem.layout.kernel.dense_order, 6 * model.problem.size)
    with limited(order, fit.control.threads):
        model, path, _ = optimise_glmm(model, fit.control, fit.n_agq)

    def refit(y: FloatArray) -> GlmmRefit:
        changed = with_response(model, y)
        with limited(order, fit.control.threads):
            return _refitted(fit, changed, path)

    return refit


def _refitted(fit: GlmmFit, model: GlmmModel, from_path: GlmmPath) -> GlmmRefit:
    if fit.n_agq > 1:
        model = with_kernel(model, fit.control, lambda rows: quadrature_kernel(rows, fit.n_agq))
    else:
        model = with_kernel(model, fit.control, laplace_kernel)
    problem, function = model.problem, criterion_of(model.problem)
    psi, guess = _lifted(model, from_path.point.psi), positive_curvature(from_path)
    begin = from_path.point.result.u
    path = compiled_path(problem, psi, begin, guess, fit.control, exact=False)
    if path is None:
        first = _first(function, psi, begin)
        path = descend_from(problem, first, guess, fit.control, exact=False)
    path, saddle = settle_glmm(problem, function, path, fit.control)
    return _in_user_units(model, path, path.decrease <= ACCEPTABLE and not saddle, fit)


def _first(function: Function, psi: FloatArray, u: FloatArray) -> GlmmEvaluation:
    """The criterion where the refits begin, the modes sought from u, then from zero."""
    for start in (u, None):
        first = function(psi, start)
        if np.isfinite(first.value) and np.isfinite(first.gradient).all():
            return first
    raise FitError("the conditional modes of the random effects cannot be found")


def _lifted(model: GlmmModel, psi: FloatArray) -> FloatArray:
    """Variances of zero moved off zero, where every gradient vanishes."""
    out, diagonal = psi.copy(), diagonal_positions(model.problem.layout)
    small = np.abs(out[diagonal]) < 0.1
    out[diagonal[small]] = 0.1
    return out


def positive_curvature(path: GlmmPath) -> FloatArray:
    """The curvature at the estimates, positive in every direction."""
    values, vectors = np.linalg.eigh(path.hessian)
    size = np.maximum(np.abs(values), 1e-6 * float(np.abs(values).max()))
    return np.asarray((vectors * size) @ vectors.T)


def _in_user_units(model: GlmmModel, path: GlmmPath, converged: bool, fit: GlmmFit) -> GlmmRefit:
    problem, psi = model.problem, path.point.psi
    layout, m = problem.layout, problem.m
    phi = phi_of(problem, psi)
    sigma = float(np.sqrt(phi)) if phi is not None and model.has_scale else 1.0
    par = rectify(layout, psi[:m])
    theta = par / sigma / layout.theta_scale
    if model.centering is not None:
        theta = from_centred(layout, model.centering, theta)
    diagonal = np.abs(par[diagonal_positions(layout)])
    return GlmmRefit(
        lambdas=term_lambdas(layout, theta),
        beta=layout.basis.to_user @ psi[m : m + layout.p],
        sigma=sigma,
        phi=phi,
        criterion=path.point.value,
        converged=converged,
        singular=bool((diagonal < fit.control.singular_tolerance).any()),
    )
