"""A GLMM with structured random effects fitted to other responses, by the thousand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.glmm import GlmmEvaluation, phi_of
from nestwise.core.glmm_compiled import compiled_glmm
from nestwise.core.lmm import term_lambdas
from nestwise.core.patterns import n_parameters
from nestwise.core.threads import SMALL, limited
from nestwise.fit.glmm import optimise_structured
from nestwise.fit.glmm_model import GlmmModel, make_glmm, with_kernel, with_response
from nestwise.fit.glmm_newton import NEAR, Function, GlmmPath, minimise_glmm
from nestwise.fit.glmm_patterned import into_plain, patterned_criterion
from nestwise.fit.glmm_refit import ACCEPTABLE, GlmmRefit, positive_curvature
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.patterned import patterned_starts, singular_structures


def patterned_refitter(fit: GlmmFit) -> Callable[[FloatArray], GlmmRefit]:
    """A function from a response (n,) to the estimates that it gives.

    Every refit begins at the estimates; where it ends at a limit of the covariances, or in no
    optimum, also at other covariances: from a limit the criterion cannot be left by its gradient.

    Parameters
    ----------
    fit : GlmmFit
        With a term whose covariance has parameters of its own.

    Returns
    -------
    callable
        Raises `FitError` where a response cannot be fitted at all.
    """
    model = make_glmm(fit.design, fit.family, fit.link, fit.control, centre=False)
    with limited(SMALL + 1, fit.control.threads):
        path = optimise_structured(model, fit.control).path
    curvature = positive_curvature(path)
    starts = _starts(model, path.point.psi)

    def refit(y: FloatArray) -> GlmmRefit:
        changed = with_response(model, y)
        changed = with_kernel(changed, fit.control, compiled_glmm)
        with limited(SMALL + 1, fit.control.threads):
            found = _best(changed, starts, path.point.result.u, curvature, fit)
        return _in_user_units(changed, found, fit)

    return refit


def _starts(model: GlmmModel, estimates: FloatArray) -> list[FloatArray]:
    """The estimates, then other covariances with the same coefficients."""
    layout = model.problem.layout
    rest = estimates[n_parameters(layout) :]
    return [estimates, *(np.append(par, rest) for par in patterned_starts(layout)[1:])]


def _best(
    model: GlmmModel,
    starts: list[FloatArray],
    u: FloatArray,
    curvature: FloatArray,
    fit: GlmmFit,
) -> GlmmPath:
    """The first path that ends in an optimum inside, else the lowest."""
    function, best = patterned_criterion(model.problem), None
    for start in starts:
        first = _first(function, start, u)
        if first is None:
            continue
        path = minimise_glmm(function, first, curvature, fit.control, NEAR)
        if best is None or path.point.value < best.point.value:
            best = path
        if path.decrease <= ACCEPTABLE and not _is_singular(model, path, fit):
            break
    if best is None:
        raise FitError("the conditional modes of the random effects cannot be found")
    return best


def _first(function: Function, start: FloatArray, u: FloatArray) -> GlmmEvaluation | None:
    for modes in (u, None):
        point = function(start, modes)
        if np.isfinite(point.value) and np.isfinite(point.gradient).all():
            return point
    return None


def _is_singular(model: GlmmModel, path: GlmmPath, fit: GlmmFit) -> bool:
    layout = model.problem.layout
    psi, _ = into_plain(model.problem, path.point.psi)
    theta = psi[: model.problem.m] / layout.theta_scale
    return bool(singular_structures(fit.design, layout, theta, fit.control.singular_tolerance))


def _in_user_units(model: GlmmModel, path: GlmmPath, fit: GlmmFit) -> GlmmRefit:
    problem = model.problem
    layout, m = problem.layout, problem.m
    psi, _ = into_plain(problem, path.point.psi)
    phi = phi_of(problem, psi)
    sigma = float(np.sqrt(phi)) if phi is not None and model.has_scale else 1.0
    theta = psi[:m] / layout.theta_scale
    return GlmmRefit(
        lambdas=term_lambdas(layout, theta / sigma),
        beta=layout.basis.to_user @ psi[m : m + layout.p],
        sigma=sigma,
        phi=phi,
        criterion=path.point.value,
        converged=path.decrease <= ACCEPTABLE,
        singular=_is_singular(model, path, fit),
    )
