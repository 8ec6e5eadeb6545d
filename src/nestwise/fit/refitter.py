"""Refits by the thousand: only the response changes, so only its cross-products are made again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError
from nestwise.core.lmm import degrees, evaluate
from nestwise.core.optimum import (
    ResponseStatistics,
    optimum,
    response_statistics,
    with_response,
)
from nestwise.core.patterns import is_patterned, theta_of
from nestwise.core.problem import Problem
from nestwise.core.start import SMALLEST
from nestwise.fit.assemble import model_arrays
from nestwise.fit.patterned import optimise_patterned, patterned_starts
from nestwise.fit.problems import Problems, again
from nestwise.fit.rectify import rectify, upright
from nestwise.fit.result import LmmFit
from nestwise.fit.verdict import ACCEPTABLE


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """The estimates of one refit.

    Parameters
    ----------
    theta : (m,) float64
        Relative covariance parameters, user's units, lme4's order.
    beta : (p,) float64
        Fixed effects.
    sigma : float
        Residual standard deviation.
    criterion : float
        REML criterion or -2 log-likelihood.
    converged, singular : bool
        Whether an optimum was found, and whether a variance is zero there (or a covariance
        matrix singular).
    n_evaluations : int
        Evaluations of the criterion with its derivatives.
    """

    theta: FloatArray
    beta: FloatArray
    sigma: float
    criterion: float
    converged: bool
    singular: bool
    n_evaluations: int


@dataclass(frozen=True, slots=True, eq=False)
class Refitter:
    """What every refit of a model shares.

    Parameters
    ----------
    fit : LmmFit
        The fit at hand: model, criterion, starting values.
    problems : Problems
        Its cross-products and rows, from which Z'Wy and X'Wy of a new response are made.
    start : (m,) float64
        par to begin with, in the kernel's units, off the boundary.
    """

    fit: LmmFit
    problems: Problems
    start: FloatArray

    def fit_response(self, y: FloatArray) -> Refit:
        """Fit the model to another response, (n,), offset included; see `refit_response`."""
        return refit_response(self, y)


def make_refitter(fit: LmmFit) -> Refitter:
    """Prepare refits of a model to other responses.

    Parameters
    ----------
    fit : LmmFit
        A fitted linear mixed model.

    Examples
    --------
    >>> from nestwise.design import build
    >>> from nestwise.fit.lmm import fit_lmm
    >>> data = {"y": [1.0, 2.0, 4.0, 3.0, 7.0, 8.0], "g": ["a", "a", "b", "b", "c", "c"]}
    >>> fit = fit_lmm(build("y ~ 1 + (1 | g)", data))
    >>> again = make_refitter(fit).fit_response(fit.design.y)
    >>> abs(again.criterion - fit.criterion) < 1e-6
    True
    """
    start = fit.working_theta * fit.working.theta_scale
    diagonal = fit.working.diagonal
    start[diagonal] = np.maximum(start[diagonal], SMALLEST / 2)
    return Refitter(fit, again(fit.problem, fit.working, model_arrays(fit.design)), start)


def refit_response(refitter: Refitter, y: FloatArray) -> Refit:
    """Estimates for another response, by the compiled optimiser from the estimates at hand.

    Parameters
    ----------
    refitter : Refitter
        From `make_refitter`.
    y : (n,) float64
        New response on the kept rows.

    Raises
    ------
    DataError
        When `y` has another length or is not finite.
    """
    fit, problem = refitter.fit, refitter.problems.working
    response = np.asarray(y, dtype=np.float64)
    if response.shape != fit.design.y.shape or not np.isfinite(response).all():
        raise DataError(
            f"the new response must be {len(fit.design.y)} finite numbers, one for each row that "
            f"was fitted; got shape {response.shape}"
        )
    if fit.design.offset is not None:
        response = response - fit.design.offset
    return refit_statistics(
        refitter, response_statistics(problem, refitter.problems.arrays, response)
    )


def refit_statistics(refitter: Refitter, statistics: ResponseStatistics) -> Refit:
    """Estimates for another response of which the cross-products are at hand.

    Parameters
    ----------
    refitter : Refitter
        From `make_refitter`.
    statistics : ResponseStatistics
        Of the response less the working problem's first fit.
    """
    fit, problem = refitter.fit, refitter.problems.working
    if is_patterned(problem):
        return _refit_patterned(fit, with_response(problem, statistics))
    best = optimum(
        problem,
        statistics,
        refitter.start,
        fit.reml,
        fit.control.tolerance,
        fit.control.max_evaluations,
    )
    par = rectify(problem, best.par)
    diagonal = np.abs(par[problem.diagonal])
    return Refit(
        theta=refitter.problems.user_theta(par / problem.theta_scale),
        beta=best.beta,
        sigma=float(np.sqrt(best.pwrss / degrees(problem, fit.reml))),
        criterion=best.criterion,
        converged=best.finite and best.decrease <= ACCEPTABLE,
        singular=bool((diagonal < fit.control.singular_tolerance).any()),
        n_evaluations=best.n_evaluations,
    )


def _refit_patterned(fit: LmmFit, problem: Problem) -> Refit:
    """Structured terms: Newton's method from the estimates at hand and from moments."""
    starts = [fit.par, patterned_starts(problem)[0]]
    path = optimise_patterned(problem, fit.reml, fit.control, starts)
    par = upright(problem, path.point.par)
    theta, _ = theta_of(problem, par)
    pivots = np.abs((theta * problem.theta_scale)[problem.diagonal])
    return Refit(
        theta=theta,
        beta=evaluate(problem, theta, fit.reml, 0).beta,
        sigma=float(np.sqrt(path.point.result.pwrss / degrees(problem, fit.reml))),
        criterion=path.point.value,
        converged=path.decrease <= ACCEPTABLE,
        singular=bool((pivots < fit.control.singular_tolerance).any()),
        n_evaluations=path.n_evaluations,
    )
