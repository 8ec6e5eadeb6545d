"""Coordinates of a GLMM in which one parameter is a fixed coordinate; see `profile_chart`.

The criterion is a function of the entries of Lambda (absolute), the coefficients and the log
dispersion, so that each is a coordinate as it is; for a standard deviation or a correlation the
effects of its term are put in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm import GlmmProblem, evaluate_glmm
from nestwise.core.quadrature_compiled import quadrature_kernel
from nestwise.core.semidefinite import semidefinite_factor
from nestwise.core.unprofiled import Local
from nestwise.design.model import Design
from nestwise.fit.glmm_model import make_glmm, with_kernel
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.parameters import Parameter
from nestwise.inference.profile_chart import Chart, Scale, term_positions, to_polar
from nestwise.inference.profile_path import Deviance

STEP = 1e-4
"""Of the central differences of the exact gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ordered:
    """The criterion with the effects of one term in some order, near the estimates.

    Parameters
    ----------
    problem : GlmmProblem
        In the user's columns, not centred.
    start : (d,) float64
        (par, 0, 0): the coefficients are counted in standard errors from the estimates, the log
        dispersion (of sigma, for families with a scale) from its own.
    origin : (d,) float64
        The estimates in the kernel's units, par zero.
    to_kernel : (d, d) float64
        From these coordinates to the kernel's.
    u : (q,) float64
        Modes at the estimates.
    """

    problem: GlmmProblem
    start: FloatArray
    origin: FloatArray
    to_kernel: FloatArray
    u: FloatArray


def glmm_charts_of(fit: GlmmFit) -> Callable[[Parameter], Chart]:
    """A function that makes the chart of a parameter; problems in new order are built once.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    """
    made: dict[tuple[int, ...], _Ordered] = {}

    def ordered(term: int, order: tuple[int, ...]) -> _Ordered:
        key = (term, *order) if order != tuple(range(len(order))) else ()
        if key not in made:
            made[key] = _ordered(fit, term, order)
        return made[key]

    def make(parameter: Parameter) -> Chart:
        term = max(parameter.term, 0)
        same = tuple(range(len(fit.lambdas[term])))
        if parameter.term < 0:
            return _plain_chart(fit, ordered(term, same), parameter)
        if fit.design.terms[term].structure == "diag":
            return _sd(ordered(term, same), term, parameter.row)
        first = dict.fromkeys((parameter.column, parameter.row))
        model = ordered(term, (*first, *(i for i in same if i not in first)))
        return _sd(model, term, 0) if parameter.kind == "sd" else _correlation(model, term)

    return make


def _reordered(design: Design, term: int, order: tuple[int, ...]) -> Design:
    old = design.terms[term]
    new = replace(
        old,
        columns=tuple(old.columns[i] for i in order),
        Z=tuple(old.Z[i] for i in order),
    )
    return replace(design, terms=(*design.terms[:term], new, *design.terms[term + 1 :]))


def _ordered(fit: GlmmFit, term: int, order: tuple[int, ...]) -> _Ordered:
    design = _reordered(fit.design, term, order)
    model = make_glmm(design, fit.family, fit.link, fit.control, centre=False)
    if fit.n_agq > 1:
        model = with_kernel(model, fit.control, lambda rows: quadrature_kernel(rows, fit.n_agq))
    problem, layout = model.problem, model.problem.layout
    m, p = problem.m, layout.p
    theta = fit.theta.copy()
    if order != tuple(range(len(order))):
        L = fit.lambdas[term][list(order)]
        factor = semidefinite_factor(L @ L.T)
        for (r, c), i in term_positions(layout, term).items():
            theta[i] = factor[r, c]
    start, origin = np.zeros(problem.size), np.zeros(problem.size)
    start[:m] = fit.sigma * theta * layout.theta_scale
    inverse = np.linalg.inv(layout.basis.to_user)
    origin[m : m + p] = inverse @ fit.beta
    to_kernel = np.eye(problem.size)
    to_kernel[m : m + p, m : m + p] = inverse * np.sqrt(np.diag(fit.vcov))
    if fit.phi is not None:
        origin[-1] = np.log(fit.phi)
        to_kernel[-1, -1] = 2.0 if fit.family.dispersion == "scale" else 1.0
    u = evaluate_glmm(problem, origin + to_kernel @ start, None, 0).result.u
    return _Ordered(problem, start, origin, to_kernel, u)


def _deviance(model: _Ordered) -> Deviance:
    """The criterion with its exact gradient; the curvature by differences of the gradient."""

    def at(w: FloatArray) -> tuple[float, FloatArray]:
        psi = model.origin + model.to_kernel @ w
        found = evaluate_glmm(model.problem, psi, model.u, 1)
        if not len(found.gradient):
            return np.nan, np.full(len(w), np.nan)
        return found.value, model.to_kernel.T @ found.gradient

    def deviance(w: FloatArray, curvature: bool) -> Local:
        value, gradient = at(w)
        if not curvature or not np.isfinite(value):
            return Local(value, gradient, np.empty((0, 0)))
        H = np.empty((len(w), len(w)))
        for i in range(len(w)):
            shift = np.zeros(len(w))
            shift[i] = STEP * max(1.0, abs(float(w[i])))
            H[i] = (at(w + shift)[1] - at(w - shift)[1]) / (2.0 * shift[i])
        if not np.isfinite(H).all():
            return Local(np.nan, gradient, np.empty((0, 0)))
        return Local(value, gradient, 0.5 * (H + H.T))

    return deviance


def _plain_chart(fit: GlmmFit, model: _Ordered, parameter: Parameter) -> Chart:
    """A coefficient in its standard errors, or the logarithm of sigma or phi."""
    if parameter.kind != "beta":
        unit = fit.sigma if parameter.kind == "sigma" else fit.phi
        assert unit is not None
        scale, at, most = Scale("exp", 0.0, unit), len(model.start) - 1, 0.5
    else:
        j, at, most = parameter.row, model.problem.m + parameter.row, 5.0
        scale = Scale("linear", float(fit.beta[j]), float(np.sqrt(fit.vcov[j, j])))
    return Chart(_deviance(model), model.start, at, -np.inf, np.inf, most, scale)


def _sd(model: _Ordered, term: int, effect: int) -> Chart:
    layout = model.problem.layout
    at = term_positions(layout, term)[(effect, effect)]
    start = model.start.copy()
    start[at] = abs(start[at])
    most = max(0.5, float(start[at]))
    scale = Scale("linear", 0.0, 1.0 / float(layout.theta_scale[at]))
    return Chart(_deviance(model), start, at, 0.0, np.inf, most, scale)


def _correlation(model: _Ordered, term: int) -> Chart:
    """Entries (1, 0) and (1, 1) of the factor as angle and radius."""
    positions = term_positions(model.problem.layout, term)
    a, b = positions[(1, 0)], positions[(1, 1)]
    start, plain = model.start.copy(), _deviance(model)
    start[a] = np.arctan2(model.start[a], model.start[b])
    start[b] = np.hypot(model.start[a], model.start[b])

    def deviance(w: FloatArray, curvature: bool) -> Local:
        sine, cosine, radius = float(np.sin(w[a])), float(np.cos(w[a])), w[b]
        z = w.copy()
        z[a], z[b] = radius * sine, radius * cosine
        return to_polar(plain(z, curvature), a, b, sine, cosine, z)

    half = 0.5 * np.pi
    return Chart(deviance, start, a, -half, half, 0.6, Scale("sin"))
