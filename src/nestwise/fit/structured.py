"""Fit a linear (mixed) model with structured residuals: a pure function of a design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise._base.options import Control
from nestwise.core.structured.chain import descend_chain
from nestwise.core.structured.effects import effect_modes, user_lambdas, user_theta
from nestwise.core.structured.evaluate import Evaluation, degrees, evaluate
from nestwise.core.structured.filled import fill, upright
from nestwise.core.structured.model import StructuredArrays
from nestwise.core.structured.problem import (
    StructuredProblem,
    make_problem,
    user_beta,
    user_vcov,
)
from nestwise.core.structured.weighted import weighted_residuals
from nestwise.core.threads import limited
from nestwise.design.check import check_grouping, check_new_response
from nestwise.design.model import Design
from nestwise.fit.newton import Route, minimise
from nestwise.fit.structured_arrays import structured_arrays
from nestwise.fit.structured_natural import natural_parameters
from nestwise.fit.structured_result import StructuredFit
from nestwise.fit.structured_start import away_from_zero, starting_pars
from nestwise.fit.structured_verdict import judge

EXACT = 1e-22
"""Share of the response's sum of squares, left by least squares, that is rounding error."""

LEARN = (2, 0.01)
"""When steps of a few parameters begin to learn curvature: the average information is that of a
covariance linear in its parameters, which correlations are not."""

FEW = 2
"""Parameters that count as few."""

POLISH = 1e-5
"""Share of the tolerance at which a chain ends: an evaluation takes microseconds, and with exact
second derivatives one more doubles the digits."""

UPDATES = 50
"""Times that fitted values in the variance function are renewed."""

SETTLED = 1e-9
"""Change of the criterion between renewals that ends them."""

LARGE = 300.0
"""Relative standard deviation of a structured random effect from which the residual variance is
called zero."""

Found = Route[Evaluation]


def fit_structured(
    design: Design,
    *,
    reml: bool = True,
    control: Control | None = None,
    start: FloatArray | None = None,
) -> StructuredFit:
    """Estimate a model with a residual structure, a variance function, or both.

    Parameters
    ----------
    design : Design
        With ``design.residual``, and with or without random-effects terms.
    reml : bool
        REML (the default) or maximum likelihood.
    control : Control, optional
        Options of the optimiser.
    start : (m,) float64, optional
        Parameters to begin with, as ``StructuredFit.par``.

    Returns
    -------
    StructuredFit
        Frozen; carries its verdict and diagnostics.

    Raises
    ------
    DataError
        When grouping factors or covariates cannot carry the model.
    FitError
        When the criterion cannot be evaluated at all.

    Source
    ------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, sections 5.1 and 5.2.
    """
    if design.terms:
        check_grouping(design)
    _check_size(design)
    options = Control() if control is None else control
    with limited(64, options.threads):
        arrays = structured_arrays(design, _least_squares(design))
        _check_parameters(arrays)
        problem = make_problem(arrays, threads=options.threads)
        _refuse_exact(design, problem)
        path = optimise(problem, reml, options, start)
        if _of_fitted(design):
            problem, path = _renewed(design, problem, path, reml, options)
        return assemble(design, problem, path, reml, options)


def refit_structured(fit: StructuredFit, y: FloatArray) -> StructuredFit:
    """The same model fitted to another response, starting from the fit at hand.

    Parameters
    ----------
    fit : StructuredFit
        Gives design, criterion, control and starting values.
    y : (n,) float64
        New response on the kept rows, offset included.

    Raises
    ------
    DataError
        When `y` has another length or is not finite.
    """
    design = replace(fit.design, y=check_new_response(fit.design, y))
    return fit_structured(design, reml=fit.reml, control=fit.control, start=fit.par)


def optimise(
    problem: StructuredProblem, reml: bool, control: Control, start: FloatArray | None
) -> Found:
    """Newton from the start, and once more where a random effect ended at zero."""
    begins = starting_pars(problem.arrays) if start is None else [np.array(start, dtype=np.float64)]
    if not begins[0].size:
        return Route(evaluate(problem, begins[0], reml), 1, 0.0, "tolerance")
    path = _best([_minimised(problem, reml, one, control) for one in begins])
    if path.stopped == "degenerate":
        raise FitError(
            "the criterion cannot be evaluated at the starting values: the numbers overflow or "
            "the residual covariance is singular; check the scales of response and times"
        )
    again = away_from_zero(problem.arrays, path.point.par)
    if again is None:
        return path
    return _best([path, _minimised(problem, reml, again, control)])


def _best(paths: list[Found]) -> Found:
    """The lowest path, an earlier one where they are equal, with the evaluations of all."""
    best = paths[0]
    for path in paths[1:]:
        if best.stopped == "degenerate" or path.point.value < best.point.value - 1e-7:
            best = path
    return replace(best, n_evaluations=sum(path.n_evaluations for path in paths))


def _minimised(
    problem: StructuredProblem, reml: bool, start: FloatArray, control: Control
) -> Found:
    arrays = problem.arrays
    if problem.chain is not None and not arrays.patterned:
        tolerance, most = POLISH * control.tolerance, control.max_evaluations
        return Route(*descend_chain(problem.chain, start, reml, tolerance, most))

    def function(par: FloatArray) -> Evaluation:
        return evaluate(problem, par, reml)

    def leave(par: FloatArray) -> bool:
        return takes_all(arrays, par)

    if start.size > FEW:
        return minimise(function, start, control, leave)
    return minimise(function, start, control, leave, LEARN)


def takes_all(arrays: StructuredArrays, par: FloatArray) -> bool:
    """Whether structured random effects leave nothing to the residuals."""
    if not arrays.patterned:
        return False
    return bool(np.abs(fill(arrays, par)[: len(arrays.entries)]).max() > LARGE)


def _renewed(
    design: Design, problem: StructuredProblem, path: Found, reml: bool, options: Control
) -> tuple[StructuredProblem, Found]:
    """Fit again with the variance at the new fitted values until nothing changes.

    Source: Pinheiro & Bates (2000), section 5.2.1 (the fitted values are held while optimising).
    """
    count = path.n_evaluations
    for _ in range(UPDATES):
        before = path.point.value
        mu = fitted_values(design, problem, path.point)
        problem = make_problem(structured_arrays(design, mu), threads=options.threads)
        path = optimise(problem, reml, options, path.point.par)
        count += path.n_evaluations
        if abs(path.point.value - before) < SETTLED * (1.0 + abs(before)):
            return problem, replace(path, n_evaluations=count)
    return problem, replace(path, n_evaluations=count, decrease=np.inf, stopped="fitted values")


def fitted_values(design: Design, problem: StructuredProblem, point: Evaluation) -> FloatArray:
    """(n,) X beta + Z b + offset."""
    beta = user_beta(problem, point.delta)
    mu = design.fixed.X @ beta
    weighted = weighted_residuals(problem, point)
    for term, b in zip(
        problem.arrays.effects, effect_modes(problem.arrays, point.par, weighted), strict=True
    ):
        mu = mu + np.einsum("nk,nk->n", term.Z, (b * term.scale)[term.codes])
    return np.asarray(mu if design.offset is None else mu + design.offset)


def assemble(
    design: Design, problem: StructuredProblem, path: Found, reml: bool, options: Control
) -> StructuredFit:
    """The frozen result of an optimisation."""
    point, arrays = path.point, problem.arrays
    weighted = weighted_residuals(problem, point)
    par = upright(arrays, point.par)
    natural = natural_parameters(design, arrays, par)
    verdict, told = judge(design, problem, path, natural, options)
    return StructuredFit(
        design=design,
        problem=problem,
        reml=reml,
        control=options,
        par=par,
        theta=user_theta(arrays, par),
        residual_par=par[arrays.n_effects :].copy(),
        natural=natural,
        beta=user_beta(problem, point.delta),
        unscaled_vcov=user_vcov(problem, point.Phi),
        modes=effect_modes(arrays, point.par, weighted),
        lambdas=user_lambdas(arrays, par),
        weighted_residuals=weighted,
        sigma=float(np.sqrt(point.pwrss / degrees(problem, reml))),
        pwrss=point.pwrss,
        criterion=point.value,
        n_evaluations=path.n_evaluations,
        verdict=verdict,
        diagnostics=(*told, *design.diagnostics),
    )


def _of_fitted(design: Design) -> bool:
    part = design.residual
    return part is not None and any(column.part.of_fitted for column in part.variance)


def _least_squares(design: Design) -> FloatArray | None:
    """(n,) fitted values of ordinary least squares, when the variance depends on them."""
    if not _of_fitted(design):
        return None
    offset = 0.0 if design.offset is None else design.offset
    beta = np.linalg.lstsq(design.fixed.X, design.y - offset, rcond=None)[0]
    return np.asarray(design.fixed.X @ beta + offset)


def _check_size(design: Design) -> None:
    n, p = design.fixed.X.shape
    if n <= p:
        raise FitError(
            f"{p} coefficients cannot be estimated with a residual variance from {n} rows; leave "
            "out terms or add rows"
        )


def _check_parameters(arrays: StructuredArrays) -> None:
    """A covariance with more parameters than rows has no maximum, and takes for ever to say so."""
    errors, n = arrays.errors, len(arrays.y)
    if errors.n_par >= n:
        raise FitError(
            f"the residual covariance has {errors.n_par} parameters ({errors.n_visits} visits), "
            f"but the data have {n} rows; use a structure with fewer, such as ar1 or cs, or name "
            "a visit variable with fewer values"
        )


def _refuse_exact(design: Design, problem: StructuredProblem) -> None:
    if float(problem.y0 @ problem.y0) <= EXACT * float(design.y @ design.y):
        raise FitError(
            "the fixed effects reproduce the response exactly, so that there is no residual "
            "variance; check that the response is not also among the predictors"
        )
