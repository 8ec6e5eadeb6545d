"""The model fitted again to another response, or to other rows, reduced to its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.cells import draw as draw_cells
from nestwise.core.cells import make_cells, statistics
from nestwise.core.lmm import term_lambdas
from nestwise.core.problem import Problem
from nestwise.design.model import Design, GroupingFactor
from nestwise.fit.assemble import model_arrays
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.problems import make_problems
from nestwise.fit.refitter import Refit, make_refitter, refit_statistics
from nestwise.fit.result import LmmFit
from nestwise.inference.parameters import Parameter, parameter_values
from nestwise.inference.residuals import fixed_part
from nestwise.inference.simulate import draw

CROSS_PRODUCTS = ("problem", "working")
"""What is made again from the design in another process."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Portable:
    """A fit without its compiled cross-products, so that it can be sent to another process."""

    values: dict[str, object]


def dismantle(fit: LmmFit) -> Portable:
    """All of a fit but what another process has to build for itself."""
    return Portable(
        {f.name: getattr(fit, f.name) for f in fields(fit) if f.name not in CROSS_PRODUCTS}
    )


def reassemble(parts: Portable) -> LmmFit:
    """The fit again, to the last digit."""
    design, control = parts.values["design"], parts.values["control"]
    made = make_problems(model_arrays(design), control)  # type: ignore[arg-type]
    return LmmFit(problem=made.problem, working=made.working, **parts.values)  # type: ignore[arg-type]


def response_refitter(
    fit: LmmFit, listed: tuple[Parameter, ...]
) -> Callable[[FloatArray], Refitted]:
    """A function that fits the model to another response on the same rows."""
    refitter = make_refitter(fit)
    return lambda y: _reported(fit, refitter.fit_response(y), listed)


def simulating_refitter(
    fit: LmmFit, listed: tuple[Parameter, ...]
) -> Callable[[np.random.Generator], Refitted]:
    """A function that draws a response from the fit and fits the model to it.

    Where rows gather in few cells only the cross-products of the response are drawn
    (`nestwise.core.cells`): the same distribution, at the cost of the levels.
    """
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


def refit_rows(fit: LmmFit, design: Design, listed: tuple[Parameter, ...]) -> Refitted:
    """The model fitted to other rows (`take_rows`), beginning at the fit's theta.

    Raises
    ------
    FitError
        When the rows no longer determine all fixed effects.
    """
    X = design.fixed.X
    size = np.sqrt(np.einsum("ij,ij->j", X, X))
    if not (size > 0.0).all():
        raise FitError("a column of the fixed effects is zero in the resampled rows")
    scaled = X / size
    if X.shape[1] and float(np.linalg.eigvalsh(scaled.T @ scaled)[0]) < DEPENDENT:
        raise FitError("the resampled rows do not determine all fixed effects")
    again = fit_lmm(design, reml=fit.reml, control=fit.control, start=fit.theta)
    values = parameter_values(listed, again.lambdas, again.sigma, again.beta)
    return Refitted(values, again.criterion, again.verdict.converged, again.verdict.singular)


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
        kept=None,
        n_dropped=0,
        diagnostics=(),
    )


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
    "Portable",
    "Refitted",
    "dismantle",
    "first_fit",
    "reassemble",
    "refit_rows",
    "response_refitter",
    "simulating_refitter",
    "take_rows",
]
