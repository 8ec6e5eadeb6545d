"""Coordinates of a GLMM in which one parameter is a fixed coordinate; see `profile_chart`.

The criterion is a function of the entries of Lambda (absolute), the coefficients and the log
dispersion, so that each is a coordinate as it is; for a standard deviation or a correlation the
effects of its term are put in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.patterns import is_patterned, n_parameters, pattern_places
from nestwise.core.problem import Problem
from nestwise.core.quadrature_compiled import quadrature_kernel
from nestwise.core.semidefinite import semidefinite_factor
from nestwise.core.structures.registry import STRUCTURES
from nestwise.core.unprofiled import Local
from nestwise.design.model import Design
from nestwise.fit.glmm_model import make_glmm, with_kernel
from nestwise.fit.glmm_newton import criterion_of
from nestwise.fit.glmm_patterned import patterned_criterion
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.glmm_pattern_chart import OrderedModel, deviance_of, pattern_chart
from nestwise.inference.parameters import Parameter
from nestwise.inference.profile_chart import Chart, Scale, term_positions, to_polar


def glmm_charts_of(fit: GlmmFit) -> Callable[[Parameter], Chart]:
    """A function that makes the chart of a parameter; problems in new order are built once.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    """
    made: dict[tuple[int, ...], OrderedModel] = {}

    def ordered(term: int, order: tuple[int, ...]) -> OrderedModel:
        key = (term, *order) if order != tuple(range(len(order))) else ()
        if key not in made:
            made[key] = _ordered(fit, term, order)
        return made[key]

    def make(parameter: Parameter) -> Chart:
        term = max(parameter.term, 0)
        same = tuple(range(len(fit.lambdas[term])))
        if parameter.term < 0:
            return _plain_chart(fit, ordered(term, same), parameter)
        if STRUCTURES[fit.design.terms[term].structure].pattern is not None:
            return pattern_chart(ordered(term, same), parameter)
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


def _ordered(fit: GlmmFit, term: int, order: tuple[int, ...]) -> OrderedModel:
    design = _reordered(fit.design, term, order)
    model = make_glmm(design, fit.family, fit.link, fit.control, centre=False)
    if fit.n_agq > 1:
        model = with_kernel(model, fit.control, lambda rows: quadrature_kernel(rows, fit.n_agq))
    problem, layout = model.problem, model.problem.layout
    theta = fit.theta.copy()
    if order != tuple(range(len(order))):
        L = fit.lambdas[term][list(order)]
        factor = semidefinite_factor(L @ L.T)
        for (r, c), i in term_positions(layout, term).items():
            theta[i] = factor[r, c]
    if is_patterned(layout):
        function, units = patterned_criterion(problem), np.ones(n_parameters(layout))
        par = _pattern_start(fit, layout, fit.sigma * theta)
    else:
        function, units = criterion_of(problem), 1.0 / layout.theta_scale
        par = fit.sigma * theta * layout.theta_scale
    m, p = len(par), layout.p
    start, origin = np.zeros(m + problem.size - problem.m), np.zeros(m + problem.size - problem.m)
    start[:m] = par
    inverse = np.linalg.inv(layout.basis.to_user)
    origin[m : m + p] = inverse @ fit.beta
    to_kernel = np.eye(len(start))
    to_kernel[m : m + p, m : m + p] = inverse * np.sqrt(np.diag(fit.vcov))
    if fit.phi is not None:
        origin[-1] = np.log(fit.phi)
        to_kernel[-1, -1] = 2.0 if fit.family.dispersion == "scale" else 1.0
    u = function(origin + to_kernel @ start, None).result.u
    return OrderedModel(problem, function, units, start, origin, to_kernel, u)


def _pattern_start(fit: GlmmFit, layout: Problem, theta: FloatArray) -> FloatArray:
    """(n_par,) parameters of the structures, and theta of the terms without one."""
    par = fit.par.copy()
    for pattern, _, own, filled in pattern_places(layout):
        if pattern is None:
            par[own] = theta[filled]
    return par


def _place(model: OrderedModel, term: int, entry: tuple[int, int]) -> int:
    """Where an entry of a term's Lambda stands among the covariance parameters."""
    layout = model.problem.layout
    at = term_positions(layout, term)[entry]
    _, _, own, filled = pattern_places(layout)[term]
    return int(own.start + at - filled.start)


def _plain_chart(fit: GlmmFit, model: OrderedModel, parameter: Parameter) -> Chart:
    """A coefficient in its standard errors, or the logarithm of sigma or phi."""
    if parameter.kind != "beta":
        unit = fit.sigma if parameter.kind == "sigma" else fit.phi
        assert unit is not None
        scale, at, most = Scale("exp", 0.0, unit), len(model.start) - 1, 0.5
    else:
        j, at, most = parameter.row, len(model.units) + parameter.row, 5.0
        scale = Scale("linear", float(fit.beta[j]), float(np.sqrt(fit.vcov[j, j])))
    return Chart(deviance_of(model), model.start, at, -np.inf, np.inf, most, scale)


def _sd(model: OrderedModel, term: int, effect: int) -> Chart:
    at = _place(model, term, (effect, effect))
    start = model.start.copy()
    start[at] = abs(start[at])
    most = max(0.5, float(start[at]))
    scale = Scale("linear", 0.0, float(model.units[at]))
    return Chart(deviance_of(model), start, at, 0.0, np.inf, most, scale)


def _correlation(model: OrderedModel, term: int) -> Chart:
    """Entries (1, 0) and (1, 1) of the factor as angle and radius."""
    a, b = _place(model, term, (1, 0)), _place(model, term, (1, 1))
    start, plain = model.start.copy(), deviance_of(model)
    start[a] = np.arctan2(model.start[a], model.start[b])
    start[b] = np.hypot(model.start[a], model.start[b])

    def deviance(w: FloatArray, curvature: bool) -> Local:
        sine, cosine, radius = float(np.sin(w[a])), float(np.cos(w[a])), w[b]
        z = w.copy()
        z[a], z[b] = radius * sine, radius * cosine
        return to_polar(plain(z, curvature), a, b, sine, cosine, z)

    half = 0.5 * np.pi
    return Chart(deviance, start, a, -half, half, 0.6, Scale("sin"))
