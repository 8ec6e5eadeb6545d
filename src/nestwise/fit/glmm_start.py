"""Where the optimiser of a generalised linear mixed model begins: penalised quasi-likelihood.

A few times the linear mixed model of the working response is fitted; its cross-products are read
once each time, and its own optimisation does not depend on the number of rows.

Source: Breslow & Clayton (1993), J. Am. Stat. Assoc. 88, 9-25, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise._base.options import Control
from nestwise.core.glmm import linear_predictor, working_rows
from nestwise.core.glmm_beginning import FEW_ROWS, ROUNDS, Start
from nestwise.core.glmm_kernel import RowFunction
from nestwise.core.glmm_rows import Step, row_step
from nestwise.core.problem import ModelArrays, Problem, build_problem
from nestwise.core.start import SMALLEST
from nestwise.fit.descent import objective
from nestwise.fit.newton import minimise
from nestwise.fit.point import Point, known_scale_point
from nestwise.fit.rectify import diagonal_positions
from nestwise.fit.start import starting_par

NEAR = 0.2
"""Change of the linear predictor (root mean square) that is near enough to begin."""

HALVINGS = 12
"""Times that a step of the linear predictor may be halved."""


def starting_point(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: RowFunction,
    eta: FloatArray,
    dispersion: str | None,
    control: Control,
    rounds: int = ROUNDS,
) -> Start:
    """Fit the working linear mixed model a few times.

    Parameters
    ----------
    arrays : ModelArrays
        The rows; `y` is not used.
    offset : (n,) float64
        Known part of the linear predictor.
    rows : RowFunction
        Log-likelihood of the rows.
    eta : (n,) float64
        A first linear predictor, from the response.
    dispersion : str or None
        ``"scale"``, ``"shape"`` or None.
    control : Control
        Options of the optimiser.
    rounds : int
        Most working models; one where rows are few in any case.

    Raises
    ------
    FitError
        When not even the first working model can be fitted.
    """
    phi = None if dispersion is None else 1.0
    terms = row_step(rows, eta, phi)
    found: Start | None = None
    for _ in range(1 if len(eta) < FEW_ROWS else rounds):
        there = _round(arrays, offset, eta, terms, found, dispersion == "scale", control)
        if there is None:
            break
        found, target = there
        moved, terms = _acceptable(rows, 1.0 if dispersion == "scale" else phi, eta, target)
        change = float(np.sqrt(np.mean((moved - eta) ** 2)))
        eta = moved
        if dispersion == "shape":
            phi = _shape(rows, eta)
            terms = row_step(rows, eta, phi)
            found = replace(found, phi=phi)
        if change < NEAR:
            break
    if found is None:
        raise FitError(
            "no working linear model can be fitted to this response: the numbers overflow, "
            "or the share is one half in every row; check the scale of the response, the "
            "covariates, the offset and the weights"
        )
    return found


def _round(
    arrays: ModelArrays,
    offset: FloatArray,
    eta: FloatArray,
    terms: Step,
    before: Start | None,
    has_scale: bool,
    control: Control,
) -> tuple[Start, FloatArray] | None:
    """One working linear mixed model: its optimum gives the next linear predictor."""
    weight = _typical(terms.info) if has_scale else 1.0
    terms = replace(terms, d1=terms.d1 / weight, info=terms.info / weight)
    problem = build_problem(
        working_rows(arrays, offset, eta, terms), threads=control.threads, solver=control.solver
    )
    par = _lifted(problem, starting_par(problem) if before is None else before.par)
    if has_scale and before is not None and before.phi is not None:
        par = par / np.sqrt(before.phi / weight)
    rough = replace(control, max_evaluations=6, tolerance=0.02)
    path = minimise(_working_objective(problem, has_scale), par, rough)
    r = path.point.result
    if path.stopped == "degenerate" or not r.pwrss > 0.0:
        return None
    sigma = float(np.sqrt(r.pwrss / problem.n)) if has_scale else 1.0
    phi = weight * r.pwrss / problem.n if has_scale else None
    beta = r.beta + problem.basis.shift
    eta = linear_predictor(problem, arrays, offset, path.point.par, beta, r.u)
    par = _lifted(problem, path.point.par * sigma)
    return Start(problem, par, beta, phi, r.u / sigma, weight), eta


def _typical(info: FloatArray) -> float:
    """The mean information to the nearest power of two: dividing by it costs no digit."""
    size = float(np.mean(info))
    return float(2.0 ** np.round(np.log2(size))) if 0.0 < size < np.inf else 1.0


def _working_objective(problem: Problem, has_scale: bool) -> Callable[[FloatArray], Point]:
    if has_scale:
        return objective(problem, False)

    def function(par: FloatArray) -> Point:
        return known_scale_point(problem, par)

    return function


def _lifted(problem: Problem, par: FloatArray) -> FloatArray:
    """par with its diagonals moved off zero, where every gradient vanishes."""
    out, diagonal = par.copy(), diagonal_positions(problem)
    small = np.abs(out[diagonal]) < 0.5 * SMALLEST
    out[diagonal[small]] = SMALLEST
    return out


def _acceptable(
    rows: RowFunction, phi: float | None, eta: FloatArray, target: FloatArray
) -> tuple[FloatArray, Step]:
    """The target, or a point on the way to it, where the likelihood is finite."""
    move = target - eta
    for _ in range(HALVINGS):
        terms = row_step(rows, eta + move, phi)
        if np.isfinite(terms.loglik) and np.isfinite(terms.d1).all():
            return eta + move, terms
        move = 0.5 * move
    return eta, row_step(rows, eta, phi)


def _shape(rows: RowFunction, eta: FloatArray) -> float:
    """The shape parameter that fits best at a linear predictor: bisection of its score."""
    low, high = np.log(1e-3), np.log(1e5)

    def slope(log_phi: float) -> float:
        values = rows(eta, float(np.exp(log_phi))).phi_loglik
        return 0.0 if values is None else float(np.sum(values))

    for _ in range(20):
        middle = 0.5 * (low + high)
        if slope(middle) > 0.0:
            low = middle
        else:
            high = middle
    return float(np.exp(0.5 * (low + high)))
