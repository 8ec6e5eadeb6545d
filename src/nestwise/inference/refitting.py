"""The model fitted again to another response, or to other rows, reduced to its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.cells import draw as draw_cells
from nestwise.core.cells import make_cells, statistics
from nestwise.core.lmm import term_lambdas
from nestwise.core.problem import Problem
from nestwise.design.model import Design, GroupingFactor
from nestwise.design.residual import ResidualPart
from nestwise.fit.glmm import fit_glmm_only, is_structured
from nestwise.fit.glmm_patterned_refit import patterned_refitter
from nestwise.fit.glmm_refit import GlmmRefit, glmm_refitter
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.refitter import Refit, make_refitter, refit_statistics
from nestwise.fit.structured import fit_structured, refit_structured
from nestwise.inference.kinds import EquationsFit, GlmmFit, LmmFit, MixedFit, StructuredFit
from nestwise.inference.parameters import Parameter, parameter_values
from nestwise.inference.residuals import fixed_part
from nestwise.inference.simulate import draw

DEPENDENT = 1e-10
"""Eigenvalue of the correlation of the columns of X that counts as zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Refitted:
    """One refit.

    Parameters
    ----------
    values : (q,) float64
        Parameters on the reported scale (`nestwise.inference.parameters`).
    criterion : float
        REML criterion or -2 log-likelihood.
    converged, singular : bool
        Its verdict.
    """

    values: FloatArray
    criterion: float
    converged: bool
    singular: bool


def response_refitter(
    fit: MixedFit, listed: tuple[Parameter, ...]
) -> Callable[[FloatArray], Refitted]:
    """A function that fits the model to another response on the same rows."""
    if isinstance(fit, GlmmFit):
        again = generalised_refitter(fit)
        return lambda y: _of_glmm(again(y), listed)
    if isinstance(fit, StructuredFit):
        return lambda y: _of_structured(refit_structured(fit, y), listed)
    refitter = make_refitter(fit)
    return lambda y: _reported(fit, refitter.fit_response(y), listed)


def generalised_refitter(fit: GlmmFit) -> Callable[[FloatArray], GlmmRefit]:
    """A function that fits a GLMM, with structured covariances or without, to another response."""
    return patterned_refitter(fit) if is_structured(fit.design) else glmm_refitter(fit)


def simulating_refitter(
    fit: MixedFit, listed: tuple[Parameter, ...]
) -> Callable[[np.random.Generator], Refitted]:
    """A function that draws a response from the fit and fits the model to it.

    Where the rows of a linear mixed model gather in few cells only the cross-products of the
    response are drawn (`nestwise.core.cells`): the same distribution, at the cost of the levels.
    """
    if not isinstance(fit, LmmFit):
        refit, mean = response_refitter(fit, listed), fixed_part(fit)
        return lambda rng: refit(draw(fit, mean, rng))
    refitter = make_refitter(fit)
    made = refitter.problems
    cells = make_cells([made.arrays])
    if cells is None:
        mean = fixed_part(fit)
        return lambda rng: _reported(fit, refitter.fit_response(draw(fit, mean, rng)), listed)
    lambdas = term_lambdas(made.working, fit.working_theta)
    beta = fit.beta - first_fit(made.working)

    def again(rng: np.random.Generator) -> Refitted:
        drawn = draw_cells(cells, 0, beta, lambdas, fit.sigma, rng)
        found = refit_statistics(refitter, statistics(cells, 0, made.working, drawn))
        return _reported(fit, found, listed)

    return again


def first_fit(problem: Problem) -> FloatArray:
    """(p,) coefficients that a problem took out of its response."""
    return np.asarray(problem.basis.to_user @ problem.basis.shift)


def _reported(fit: LmmFit, found: Refit, listed: tuple[Parameter, ...]) -> Refitted:
    lambdas = term_lambdas(fit.problem, found.theta)
    values = parameter_values(listed, lambdas, found.sigma, found.beta)
    return Refitted(values, found.criterion, found.converged, found.singular)


def _of_glmm(found: GlmmRefit, listed: tuple[Parameter, ...]) -> Refitted:
    values = parameter_values(listed, found.lambdas, found.sigma, found.beta, found.phi)
    return Refitted(values, found.criterion, found.converged, found.singular)


def _of_structured(found: StructuredFit, listed: tuple[Parameter, ...]) -> Refitted:
    natural, verdict = found.natural.values, found.verdict
    values = parameter_values(listed, found.lambdas, found.sigma, found.beta, natural=natural)
    return Refitted(values, found.criterion, verdict.converged, verdict.singular)


def refit_rows(fit: EquationsFit, design: Design, listed: tuple[Parameter, ...]) -> Refitted:
    """The model fitted to other rows (`take_rows`), reduced to its numbers; see `fit_to_rows`."""
    again = fit_to_rows(fit, design)
    phi = again.phi if isinstance(again, GlmmFit) else None
    values = parameter_values(listed, again.lambdas, again.sigma, again.beta, phi)
    return Refitted(values, again.criterion, again.verdict.converged, again.verdict.singular)


def fit_to_rows(fit: EquationsFit | StructuredFit, design: Design) -> EquationsFit | StructuredFit:
    """The model fitted to other rows (`take_rows`); a linear one begins at the fit's theta.

    Raises
    ------
    FitError
        When the rows no longer determine all fixed effects, or all responses are alike.
    """
    X = design.fixed.X
    size = np.sqrt(np.einsum("ij,ij->j", X, X))
    if not (size > 0.0).all():
        raise FitError("a column of the fixed effects is zero in the resampled rows")
    scaled = X / size
    if X.shape[1] and float(np.linalg.eigvalsh(scaled.T @ scaled)[0]) < DEPENDENT:
        raise FitError("the resampled rows do not determine all fixed effects")
    if isinstance(fit, StructuredFit):
        start = fit.par if _alike(fit.design.residual, design.residual) else None
        return fit_structured(design, reml=fit.reml, control=fit.control, start=start)
    if not isinstance(fit, GlmmFit):
        return fit_lmm(design, reml=fit.reml, control=fit.control, start=fit.theta)
    if (design.y == design.y[0]).all():
        raise FitError("all responses of the resampled rows are alike")
    return fit_glmm_only(design, fit.family, fit.link, fit.n_agq, fit.control)


def take_rows(
    design: Design,
    rows: NDArray[np.intp],
    copies: NDArray[np.intp] | None = None,
    apart: Sequence[bool] | None = None,
) -> Design:
    """A design of some rows, perhaps repeated.

    Parameters
    ----------
    design : Design
        The rows to choose from.
    rows : (n_new,) int
        Which.
    copies : (n_new,) int, optional
        Levels in different copies become different levels.
    apart : sequence of bool, optional
        Of which grouping factors; of all by default.

    Returns
    -------
    Design
        Levels that no longer occur are gone.
    """
    parted = [True] * len(design.factors) if apart is None else apart
    return replace(
        design,
        y=design.y[rows],
        fixed=replace(design.fixed, X=np.asfortranarray(design.fixed.X[rows]), full=None),
        factors=tuple(
            _taken(f, rows, copies if own else None)
            for f, own in zip(design.factors, parted, strict=True)
        ),
        terms=tuple(
            replace(t, Z=tuple(None if z is None else z[rows] for z in t.Z)) for t in design.terms
        ),
        weights=None if design.weights is None else design.weights[rows],
        offset=None if design.offset is None else design.offset[rows],
        residual=None if design.residual is None else _taken_residual(design.residual, rows),
        kept=None,
        n_dropped=0,
        diagnostics=(),
    )


def _taken_residual(part: ResidualPart, rows: NDArray[np.intp]) -> ResidualPart:
    """The residual part of some rows, none twice; visits keep their places."""
    variance = tuple(
        replace(
            column,
            covariate=None if column.covariate is None else column.covariate[rows],
            strata=None if column.strata is None else _taken(column.strata, rows, None),
        )
        for column in part.variance
    )
    return replace(
        part,
        subject=None if part.subject is None else _taken(part.subject, rows, None),
        arm=None if part.arm is None else _taken(part.arm, rows, None),
        visit=part.visit[rows],
        time=None if part.time is None else part.time[rows],
        variance=variance,
    )


def _alike(one: ResidualPart | None, other: ResidualPart | None) -> bool:
    """Whether two residual parts have the same arms and strata, so that par means the same."""
    if one is None or other is None:
        return one is other

    def levels(part: ResidualPart) -> list[int]:
        factors = [part.arm, *(column.strata for column in part.variance)]
        return [0 if f is None else f.n_levels for f in factors]

    return levels(one) == levels(other)


def _taken(
    factor: GroupingFactor, rows: NDArray[np.intp], copies: NDArray[np.intp] | None
) -> GroupingFactor:
    codes = factor.codes[rows].astype(np.int64)
    if copies is not None:
        codes += copies.astype(np.int64) * factor.n_levels
    levels, new = np.unique(codes, return_inverse=True)
    old = levels % factor.n_levels
    return replace(
        factor,
        codes=new.astype(np.int32),
        n_levels=len(levels),
        parts=tuple(part[old] for part in factor.parts),
    )


__all__ = [
    "Refitted",
    "first_fit",
    "fit_to_rows",
    "generalised_refitter",
    "refit_rows",
    "response_refitter",
    "simulating_refitter",
    "take_rows",
]
