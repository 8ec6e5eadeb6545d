"""Fit a linear mixed model: a pure function of a design and a control."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import FitError, OptionError
from nestwise._base.options import Control
from nestwise.core.components import component_moments
from nestwise.core.lmm import (
    conditional_modes,
    covariance_from,
    degrees,
    term_lambdas,
    user_beta,
)
from nestwise.core.patterns import is_patterned
from nestwise.core.problem import ModelArrays, Problem
from nestwise.core.start import SMALLEST
from nestwise.core.threads import limited
from nestwise.design.check import check_grouping, check_new_response
from nestwise.design.model import Design
from nestwise.fit.assemble import model_arrays
from nestwise.fit.boundary import settle
from nestwise.fit.curvature import confirm
from nestwise.fit.descent import descend, objective
from nestwise.fit.digits import lost_digits
from nestwise.fit.identify import (
    flat_at_optimum,
    identifiability,
    not_separable,
    projected_directions,
    well_determined,
)
from nestwise.fit.multistart import look_again
from nestwise.fit.newton import Path
from nestwise.fit.patterned import fit_patterned
from nestwise.fit.problems import Problems, make_problems
from nestwise.fit.rectify import rectify
from nestwise.fit.result import LmmFit
from nestwise.fit.sample_start import sampled_theta
from nestwise.fit.start import starting_par
from nestwise.fit.verdict import acceptable, decide, singular_terms

COLLAPSED = 1e-10
"""Share of the response's variance, left to the residuals, at which the likelihood is unbounded."""

EXACT = 1e-22
"""Share of the response's sum of squares, left by least squares, that is rounding error."""


def fit_lmm(
    design: Design,
    *,
    reml: bool = True,
    control: Control | None = None,
    start: FloatArray | None = None,
) -> LmmFit:
    """Estimate a linear mixed model by REML or maximum likelihood.

    Parameters
    ----------
    design : Design
        With at least one random-effects term.
    reml : bool
        REML (the default) or maximum likelihood.
    control : Control, optional
        Options of the optimiser.
    start : (m,) float64, optional
        theta to begin with (user's units, lme4's order) in place of moment estimates.

    Returns
    -------
    LmmFit
        Frozen; carries its verdict and diagnostics.

    Raises
    ------
    DataError
        When the grouping factors cannot carry random effects.
    FitError
        When the criterion cannot be evaluated at all.
    """
    check_grouping(design)
    options = Control() if control is None else control
    return _fit_arrays(design, model_arrays(design), reml, options, start)


def refit(fit: LmmFit, y: FloatArray) -> LmmFit:
    """The same model fitted to another response, starting from the fit at hand.

    Parameters
    ----------
    fit : LmmFit
        Gives design, criterion, control and starting values.
    y : (n,) float64
        New response on the kept rows, offset included.

    Raises
    ------
    DataError
        When `y` has another length or is not finite.
    """
    response = check_new_response(fit.design, y)
    design = replace(fit.design, y=response)
    arrays = model_arrays(fit.design, response)
    return _fit_arrays(design, arrays, fit.reml, fit.control, fit.theta)


def _fit_arrays(
    design: Design,
    arrays: ModelArrays,
    reml: bool,
    options: Control,
    start: FloatArray | None,
) -> LmmFit:
    """Cross-products, then the fit; a start is brought into the optimiser's coordinates."""
    problems = make_problems(arrays, options)
    if start is not None and np.shape(start) == (len(problems.problem.entries),):
        start = problems.working_theta(np.asarray(start, dtype=np.float64))
    return fit_problems(design, problems, reml, options, start)


def fit_problems(
    design: Design,
    problems: Problems,
    reml: bool,
    options: Control,
    start: FloatArray | None = None,
) -> LmmFit:
    """Optimise cross-products that are at hand, and give the verdict."""
    problem, inner = problems.problem, problems.working
    centred = design.y - design.y.mean()
    spread = float(np.vdot(centred, centred))
    _refuse_exact(spread, inner)
    if is_patterned(problem):
        return fit_patterned(design, problem, reml, options, start)
    # NumPy's own small decompositions wake threads too, which then compete with the kernel.
    with limited(max(inner.kernel.dense_order, 2 * len(inner.entries)), options.threads):
        if start is None:
            start = sampled_theta(problems, reml, options)
        path, saddle = optimise(inner, reml, options, _start(inner, start))
        confirmed = confirm(inner, reml, path, saddle, options)
        path, saddle = confirmed.path, confirmed.saddle
    flat = _flat(design, inner, reml, path)
    par = rectify(inner, path.point.par)
    singular = singular_terms(design, inner, par, options.singular_tolerance)
    collapsed = path.point.result.pwrss <= COLLAPSED * spread
    forgiven = acceptable(path.stopped, path.point.par, bool(flat))
    verdict, told = decide(singular, flat, path, saddle, collapsed, options, forgiven)
    theta, result = par / inner.theta_scale, path.point.result
    final = rectify(problem, problems.user_theta(theta) * problem.theta_scale) / problem.theta_scale
    return LmmFit(
        design=design,
        problem=problem,
        working=inner,
        working_theta=theta,
        reml=reml,
        control=options,
        theta=final,
        par=final,
        beta=user_beta(problem, result),
        unscaled_vcov=covariance_from(problem, result.RX),
        modes=problems.user_modes(
            conditional_modes(inner, path.point.par / inner.theta_scale, result)
        ),
        lambdas=term_lambdas(problem, final),
        sigma=float(np.sqrt(path.point.result.pwrss / degrees(problem, reml))),
        pwrss=path.point.result.pwrss,
        criterion=path.point.value,
        n_evaluations=path.n_evaluations,
        verdict=verdict,
        diagnostics=(*told, *lost_digits(design, par[inner.diagonal]), *design.diagnostics),
        curvature=confirmed.curvature,
    )


def _flat(design: Design, problem: Problem, reml: bool, path: Path) -> tuple[Diagnostic, ...]:
    """What the data cannot tell apart; nothing when the criterion is curved in all directions."""
    if well_determined(problem, path.point):
        return ()
    flat = identifiability(design, problem)
    if not flat and reml:
        flat = not_separable(design, problem, projected_directions(problem))
    if not flat:
        found = flat_at_optimum(objective(problem, reml), path.point)
        flat = not_separable(design, problem, found)
    return flat


def _refuse_exact(spread: float, problem: Problem) -> None:
    """Nothing is left to explain when least squares already reproduces the response.

    `spread` is the sum of squares of the response about its mean.
    """
    left = float(component_moments(problem)[1][-1])
    if left <= EXACT * spread:
        raise FitError(
            "the fixed effects reproduce the response exactly, so that there is no variance to "
            "divide among levels; check that the response is not also among the predictors"
        )


def _start(problem: Problem, start: FloatArray | None) -> FloatArray:
    """par to begin with; given zeros are moved off the saddle."""
    if start is None:
        return starting_par(problem)
    par = np.array(start, dtype=np.float64)
    if par.shape != (len(problem.entries),) or not np.isfinite(par).all():
        raise OptionError(
            f"start has shape {par.shape}; this model needs {len(problem.entries)} finite values "
            "of theta, in the order of deviance_function(...).names"
        )
    par *= problem.theta_scale
    diagonal = problem.diagonal
    par[diagonal] = np.where(np.abs(par[diagonal]) < SMALLEST / 2, SMALLEST, par[diagonal])
    return par


def optimise(
    problem: Problem, reml: bool, control: Control, start: FloatArray
) -> tuple[Path, bool]:
    """Newton from the start, then the boundary, then further starts where there may be several."""
    path = descend(problem, reml, start, control)
    if path.stopped == "degenerate":
        raise FitError(
            "the criterion cannot be evaluated at the starting values: the numbers overflow; "
            "check the scale of the response, the covariates and the weights"
        )
    path, saddle = settle(problem, reml, path, control)
    return look_again(problem, reml, path, saddle, control)
