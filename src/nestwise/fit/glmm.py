"""Fit a generalised linear mixed model: a pure function of a design, a family and a control."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise._base.options import Control
from nestwise.core.families.family import Family
from nestwise.core.glmm import GlmmEvaluation
from nestwise.core.links.link import Link
from nestwise.core.threads import SMALL, limited
from nestwise.design.check import check_groups, check_plain
from nestwise.design.model import Design
from nestwise.fit.glmm_answer import assemble
from nestwise.fit.glmm_begin import constant_eta
from nestwise.fit.glmm_curvature import first_curvature, told_last, working_curvature
from nestwise.fit.glmm_descent import (
    compiled_path,
    descend_from,
    settle_glmm,
)
from nestwise.fit.glmm_limit import reach_about
from nestwise.fit.glmm_model import PLAIN, GlmmModel, make_glmm
from nestwise.fit.glmm_multistart import look_again_glmm
from nestwise.fit.glmm_newton import Function, GlmmPath, criterion_of
from nestwise.fit.glmm_outward import within_reach
from nestwise.fit.glmm_patterned import (
    PatternedPath,
    optimise_patterned_glmm,
    with_structures,
)
from nestwise.fit.glmm_quadrature import (
    check_points,
    compiled_quadrature,
    laplace_kernel,
    quadrature_start,
)
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.glmm_trouble import tell_trouble

FEW_VALUES = 4096
"""Values of X up to which its products are no work for threads."""

SMALLER = ((1.0, 1.0), (0.3, 1.0), (0.1, 1.0), (0.3, 0.5), (0.1, 0.2), (0.1, 0.0))
"""Shares of the starting Lambda, and of the way from a constant mean to the starting coefficients,
that are tried until modes are found."""


def fit_glmm(
    design: Design,
    family: Family,
    link: Link,
    n_agq: int = 1,
    control: Control | None = None,
) -> GlmmFit:
    """Estimate a generalised linear mixed model by maximum likelihood.

    Parameters
    ----------
    design : Design
        With at least one random-effects term; for binomial data `y` is the proportion and
        `weights` the trials.
    family : Family
        Distribution of the response.
    link : Link
        The link function.
    n_agq : int
        Quadrature points in each dimension of a level's random effects; 1 is Laplace's
        approximation, more need a single grouping factor.
    control : Control, optional
        Options of the optimiser.

    Returns
    -------
    GlmmFit
        Frozen; carries its verdict and diagnostics.

    Raises
    ------
    DataError
        When the grouping factors cannot carry random effects.
    OptionError
        When quadrature is asked for with several factors or with a structured covariance.
    FitError
        When the criterion cannot be evaluated at all.
    """
    fit, model, path = _estimated(design, family, link, n_agq, control)
    with limited(_order(design), fit.control.threads):
        return tell_trouble(fit, model, path)


def fit_glmm_only(
    design: Design, family: Family, link: Link, n_agq: int, control: Control
) -> GlmmFit:
    """The same as `fit_glmm` without the search for trouble in the data: for many refits.

    Parameters
    ----------
    design, family, link, n_agq, control
        As for `fit_glmm`.
    """
    return _estimated(design, family, link, n_agq, control)[0]


def _estimated(
    design: Design, family: Family, link: Link, n_agq: int, control: Control | None
) -> tuple[GlmmFit, GlmmModel, GlmmPath]:
    """The fit, and what it was made from."""
    check_groups(design)
    options = Control() if control is None else control
    check_points(design, n_agq)
    structured = is_structured(design)
    if structured and n_agq > 1:
        check_plain(design, "Quadratures")
    with limited(_order(design), options.threads):
        model = make_glmm(design, family, link, options, laplace_kernel, not structured)
        if structured:
            found = optimise_structured(model, options)
            fit = assemble(design, family, link, 1, options, model, found.plain, False)
            return with_structures(fit, design, model, found, options), model, found.plain
        model, path, saddle = optimise_glmm(model, options, n_agq)
        return assemble(design, family, link, n_agq, options, model, path, saddle), model, path


def _order(design: Design) -> int:
    """Order of a matrix that is as much work as this design: BLAS starts threads beyond some."""
    n, p = design.fixed.X.shape
    return SMALL + 1 if n * p > FEW_VALUES or p > SMALL else 0


def is_structured(design: Design) -> bool:
    """Whether a random term has a covariance with parameters of its own."""
    return any(term.structure not in PLAIN for term in design.terms)


def optimise_structured(model: GlmmModel, control: Control) -> PatternedPath:
    """To the optimum of a model whose random effects have structured covariances.

    Parameters
    ----------
    model : GlmmModel
        From `make_glmm`, not centred.
    control : Control
        Options of the optimiser.
    """
    first, guess, _ = _beginning(model)
    return optimise_patterned_glmm(model, first, guess, control)


def optimise_glmm(
    model: GlmmModel, control: Control, n_agq: int = 1
) -> tuple[GlmmModel, GlmmPath, bool]:
    """From the starting point to the optimum, and whether it is a saddle; with its kernel.

    Parameters
    ----------
    model : GlmmModel
        From `make_glmm`.
    control : Control
        Options of the optimiser.
    n_agq : int
        Quadrature points.

    Raises
    ------
    FitError
        When the conditional modes cannot be found at any starting value.
    """
    model, path, begin = _straight(model, control, n_agq) or _safely(model, control, n_agq)
    problem = model.problem
    reach = reach_about(begin[0], model.user_rows)
    path, saddle = settle_glmm(problem, criterion_of(problem), path, control, reach)
    path, saddle = look_again_glmm(problem, path, saddle, control, begin, model.user_rows)
    return model, path, saddle


Way: TypeAlias = tuple[GlmmModel, GlmmPath, tuple[FloatArray, FloatArray]]
"""The model with its kernel, the path to the local optimum, psi and curvature where it began."""


def _straight(model: GlmmModel, control: Control, n_agq: int) -> Way | None:
    """Down from the starting values by the compiled optimiser; None where it cannot go."""
    problem, start = model.problem, model.start
    last = [] if start.phi is None else [np.log(start.phi)]
    psi, guess = np.concatenate([start.par, start.beta, last]), model.curvature
    if guess is None:
        guess = working_curvature(problem, start, model.has_scale, psi)
    if n_agq > 1:
        found = compiled_quadrature(model, n_agq, control, psi, guess)
        return None if found is None else (*found, (psi, guess))
    reach = reach_about(psi, model.user_rows)
    path = compiled_path(problem, psi, start.u, guess, control, reach=reach)
    if path is None:
        return None
    path = within_reach(problem, path, control, reach)
    return model, path, (psi, guess)


def _safely(model: GlmmModel, control: Control, n_agq: int) -> Way:
    """Down from the first point, of those that are tried, at which there are modes."""
    first, guess, extra = _beginning(model)
    if n_agq > 1:
        model, first, guess, count = quadrature_start(model, n_agq, control, first, guess)
        extra += count
    reach = reach_about(first.psi, model.user_rows)
    path = descend_from(model.problem, first, guess, control, reach=reach)
    path = replace(path, n_evaluations=path.n_evaluations + extra + 1)
    return model, path, (first.psi, guess)


def _beginning(model: GlmmModel) -> tuple[GlmmEvaluation, FloatArray, int]:
    """The first point, the curvature to begin with, and further evaluations that took."""
    function = criterion_of(model.problem)
    first = _first(model, function)
    if model.curvature is not None:
        return first, *told_last(model.curvature, first, function)
    guess, extra = first_curvature(model.problem, model.start, model.has_scale, first, function)
    return first, guess, extra


def _constant(model: GlmmModel) -> FloatArray:
    """(p,) coefficients of a mean that is the same for all rows."""
    problem = model.problem
    beta = np.zeros(problem.layout.p)
    if problem.arrays.intercept >= 0:
        level = constant_eta(model.user_rows)
        beta[problem.arrays.intercept] = level - float(problem.offset.mean())
    return beta


def _first(model: GlmmModel, function: Function) -> GlmmEvaluation:
    """The first point at which the modes can be found."""
    start = model.start
    last = [] if start.phi is None else [np.log(start.phi)]
    for share, way in SMALLER:
        beta = start.beta if way == 1.0 else way * start.beta + (1.0 - way) * _constant(model)
        psi = np.concatenate([share * start.par, beta, last])
        for u in (start.u, None):
            point = function(psi, u)
            if np.isfinite(point.value) and np.isfinite(point.gradient).all():
                return point
    raise FitError(
        "the conditional modes of the random effects cannot be found: the search was begun at the "
        f"quasi-likelihood estimates and at {len(SMALLER) - 1} smaller covariances and nearer to a "
        "constant mean, with halved steps; check the scale of the covariates and the offset, and "
        "whether the response suits the family and the link"
    )
