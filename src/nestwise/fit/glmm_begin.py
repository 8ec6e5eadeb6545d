"""Where the optimiser of a generalised model begins: on all rows, or first on some levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmProblem
from nestwise.core.glmm_beginning import ROUNDS, Start, compiled_beginning
from nestwise.core.glmm_compiled import compiled_glmm
from nestwise.core.glmm_kernel import GlmmInput, GlmmKernel, RowFunction
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.links.link import in_domain, mean
from nestwise.core.problem import (
    ModelArrays,
    Problem,
    factor_columns,
    relaid,
)
from nestwise.fit.glmm_curvature import first_curvature
from nestwise.fit.glmm_newton import criterion_of, exact_hessian, minimise_glmm
from nestwise.fit.glmm_start import starting_point
from nestwise.fit.sample import independent_columns, scattered_levels, taken

MakeKernel = Callable[[GlmmInput], GlmmKernel]

MANY_ROWS, MANY_LEVELS = 20_000, 3_000
"""Rows and levels of a single factor from which some of the levels are fitted first."""

SAMPLE = 1_000
"""Levels that are fitted first."""

ROUGHLY = 1e-2
"""Promised decrease at which the fit of the sample stops."""


def begin(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: FamilyRows,
    control: Control,
    make_kernel: MakeKernel = compiled_glmm,
) -> tuple[Start, FloatArray | None]:
    """Starting values and the curvature to begin with: NaN along log phi, or None, if unknown.

    Parameters
    ----------
    arrays : ModelArrays
        The rows.
    offset : (n,) float64
        Known part of the linear predictor.
    rows : FamilyRows
        Their likelihood.
    control : Control
        Options of the optimiser.
    make_kernel : callable
        As for `problem_of`.
    """
    some = _some_levels(arrays)
    found = None if some is None else _from_sample(arrays, offset, rows, some, control, make_kernel)
    if found is not None:
        return found
    return _from_working_models(arrays, offset, rows, control)


def _from_working_models(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: FamilyRows,
    control: Control,
    rounds: int = ROUNDS,
) -> tuple[Start, FloatArray | None]:
    """Start and curvature in the compiled core, or a start by its twin where that gives up."""
    eta = first_eta(rows)
    how = (control.threads, control.solver)
    easy = compiled_beginning(arrays, offset, rows, eta, *how, rounds=rounds)
    if easy is not None:
        return easy
    kind = rows.family.dispersion
    return starting_point(arrays, offset, rows, eta, kind, control, rounds=rounds), None


def first_eta(rows: FamilyRows) -> FloatArray:
    """(n,) a linear predictor read off the response alone.

    Responses that no mean of the link can equal (zero or less with a log link) begin at the mean
    of all, or among the others.
    """
    link = rows.link
    mu = rows.family.start_mu(rows.y, rows.weights)
    with np.errstate(all="ignore"):
        eta = np.asarray(link.link(mu), dtype=np.float64)
    if link.lower == -np.inf and link.upper == np.inf and np.isfinite(eta.sum()):
        return eta
    good = np.isfinite(eta) & in_domain(link, eta)
    if good.all():
        return eta
    with np.errstate(all="ignore"):
        common = float(link.link(np.array([np.average(mu, weights=rows.weights)]))[0])
    if not np.isfinite(common):
        common = float(np.median(eta[good])) if good.any() else 0.0
    return np.where(good, eta, common)


def constant_eta(rows: FamilyRows) -> float:
    """Linear predictor of the mean response."""
    level = float(mean(rows.link, first_eta(rows)).mean())
    return float(rows.link.link(np.array([level]))[0])


def problem_of(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: RowFunction,
    start: Start,
    control: Control,
    make_kernel: MakeKernel = compiled_glmm,
) -> GlmmProblem:
    """The criterion of a model whose starting values are known.

    Parameters
    ----------
    arrays, offset, rows, control
        As in `begin`.
    start : Start
        Gives the scales of the columns.
    make_kernel : callable
        From `GlmmInput` to what gives criterion and gradient.
    """
    basis = start.layout.basis
    kernel = make_kernel(
        GlmmInput(
            rows=rows,
            X=arrays.X,
            center=basis.center,
            scale=basis.scale,
            offset=offset,
            factors=factor_columns(arrays),
            observed=control.laplace == "observed",
            threads=control.threads,
            solver=control.solver,
        )
    )
    return GlmmProblem(kernel, start.layout, arrays, offset, rows, start.phi is not None)


def _some_levels(arrays: ModelArrays) -> BoolArray | None:
    """Which rows are fitted first; None where all of them are."""
    if len(arrays.codes) != 1 or len(arrays.y) < MANY_ROWS or arrays.n_levels[0] < MANY_LEVELS:
        return None
    return np.asarray(scattered_levels(arrays.n_levels[0], SAMPLE)[arrays.codes[0]])


@dataclass(frozen=True, slots=True, eq=False)
class _Rough:
    """The optimum of the sample."""

    layout: Problem
    psi: FloatArray
    hessian: FloatArray
    share: float


def _from_sample(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: FamilyRows,
    some: BoolArray,
    control: Control,
    make_kernel: MakeKernel,
) -> tuple[Start, FloatArray] | None:
    """Start and curvature from a fit of some of the levels; None where that does not work."""
    rough = _fit_sample(arrays, offset, rows, np.flatnonzero(some), control, make_kernel)
    if rough is None:
        return None
    m, p = len(rough.layout.entries), arrays.X.shape[1]
    phi = float(np.exp(rough.psi[-1])) if len(rough.psi) > m + p else None
    layout = relaid(rough.layout, arrays)
    size = np.ones(len(rough.psi))
    size[:m] = layout.theta_scale / rough.layout.theta_scale
    psi = size * rough.psi
    q = sum(k * n for k, n in layout.shapes)
    start = Start(layout, psi[:m], psi[m : m + p], phi, np.zeros(q))
    return start, rough.hessian / np.outer(size, size) / rough.share


def _fit_sample(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: FamilyRows,
    keep: NDArray[np.intp],
    control: Control,
    make_kernel: MakeKernel,
) -> _Rough | None:
    fewer = taken(arrays, keep)
    if not independent_columns(fewer.X):
        return None
    known = np.ascontiguousarray(offset[keep])
    own = replace(rows, y=rows.y[keep], weights=rows.weights[keep], constant=0.0)
    # Further gradients of few levels cost less than further working models of these.
    start, _ = _from_working_models(fewer, known, own, control, rounds=1)
    problem = problem_of(fewer, known, own, start, control, make_kernel)
    function = criterion_of(problem)
    last = [] if start.phi is None else [np.log(start.phi)]
    point = function(np.concatenate([start.par, start.beta, last]), start.u)
    if not (np.isfinite(point.value) and np.isfinite(point.gradient).all()):
        return None
    guess, _ = first_curvature(problem, start, rows.family.dispersion == "scale", point, function)
    path = minimise_glmm(function, point, guess, control, ROUGHLY)
    hessian, _ = exact_hessian(function, path.point, path.hessian)
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian)[0] <= 0.0:
        return None
    return _Rough(start.layout, path.point.psi, hessian, len(keep) / len(arrays.y))
