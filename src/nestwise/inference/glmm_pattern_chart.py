"""Charts of a GLMM's structured covariances: a standard deviation or a correlation is a coordinate.

See `glmm_chart`. A parameter of a structure is a coordinate already where the correlation is a
function of it alone; a standard deviation that is moved on the logarithm's scale, and the
correlation of a later lag, take the place of the parameter that they determine given the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm import GlmmProblem
from nestwise.core.patterns import pattern_places
from nestwise.core.structures.structure import Pattern
from nestwise.core.unprofiled import Local
from nestwise.fit.glmm_newton import Function
from nestwise.inference.parameters import Parameter
from nestwise.inference.profile_chart import Chart, Scale
from nestwise.inference.profile_path import Deviance

STEP = 1e-4
"""Of the central differences of the exact gradient."""

SMALLEST = 1e-8
"""Standard deviation in place of zero, of which there is no logarithm."""

FARTHEST = 7.0
"""Transformed correlation at which the correlation is at its limit but for 1e-6 (tanh) or 1e-3
(logistic)."""

Inverse = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""New coordinates (d,) to the old ones and their derivatives (d, d), rows by the new."""


@dataclass(frozen=True, slots=True, eq=False)
class OrderedModel:
    """The criterion with the effects of one term in some order, near the estimates.

    Parameters
    ----------
    problem : GlmmProblem
        In the user's columns, not centred.
    function : callable
        Its criterion: of (entries of Lambda, coefficients, log dispersion), or with the parameters
        of the structures in place of the entries.
    units : (n,) float64
        From covariance parameters to the user's units: 1 / scale of an entry.
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
    function: Function
    units: FloatArray
    start: FloatArray
    origin: FloatArray
    to_kernel: FloatArray
    u: FloatArray


def deviance_of(model: OrderedModel) -> Deviance:
    """The criterion with its exact gradient; the curvature by differences of the gradient."""

    def at(w: FloatArray) -> tuple[float, FloatArray]:
        found = model.function(model.origin + model.to_kernel @ w, model.u)
        if not len(found.gradient):
            return np.nan, np.full(len(w), np.nan)
        return found.value, model.to_kernel.T @ found.gradient

    return with_differences(at)


def with_differences(at: Callable[[FloatArray], tuple[float, FloatArray]]) -> Deviance:
    """A deviance whose curvature comes from central differences of its gradient.

    Parameters
    ----------
    at : callable
        Coordinates to value and gradient, NaN where there is none.
    """

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


def pattern_chart(model: OrderedModel, parameter: Parameter) -> Chart:
    """The chart of a standard deviation or a correlation of a structured term.

    Parameters
    ----------
    model : OrderedModel
        With the parameters of the structures as coordinates.
    parameter : Parameter
        Which one; a correlation has its number, from 1, as `row`.
    """
    pattern, k, own, _ = pattern_places(model.problem.layout)[parameter.term]
    assert pattern is not None
    n_sds = pattern.n_sds(k)
    if parameter.kind == "cor":
        first = own.start + n_sds
        if parameter.row == 1:
            return _first_correlation(model, pattern, k, own)
        return _later_correlation(model, pattern, k, first, parameter.row - 1)
    at = own.start + parameter.row
    if n_sds == 1:
        start = model.start.copy()
        start[at] = abs(start[at])
        most = max(0.5, float(start[at]))
        scale = Scale("linear", 0.0, 1.0)
        return Chart(deviance_of(model), start, at, 0.0, np.inf, most, scale)
    return _own_sd(model, at)


def _own_sd(model: OrderedModel, at: int) -> Chart:
    """A standard deviation of which the structure has the logarithm."""

    def inverse(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        w, J = z.copy(), np.eye(len(z))
        sd = max(float(z[at]), SMALLEST)
        w[at], J[at, at] = np.log(sd), 1.0 / sd
        return w, J

    start = model.start.copy()
    start[at] = np.exp(start[at])
    most = max(0.5, float(start[at]))
    return Chart(_moved(model, inverse), start, at, 0.0, np.inf, most, Scale("linear", 0.0, 1.0))


def _first_correlation(model: OrderedModel, pattern: Pattern, k: int, own: slice) -> Chart:
    """The only correlation, or that of lag 1: a function of one parameter."""
    n_sds, size = pattern.n_sds(k), own.stop - own.start
    at = own.start + n_sds

    def told(x: float) -> float:
        par = np.zeros(size - n_sds)
        par[0] = x
        return pattern_correlation(pattern, k, par, 0)[0]

    start = model.start.copy()
    start[at] = np.clip(start[at], -FARTHEST, FARTHEST)
    scale = Scale("told", function=told)
    return Chart(deviance_of(model), start, at, -FARTHEST, FARTHEST, 0.6, scale)


def pattern_correlation(
    pattern: Pattern, k: int, par: FloatArray, lag: int
) -> tuple[float, FloatArray]:
    """Correlation of the first effect with the one `lag` + 1 after, and its derivatives by par."""
    n_sds = pattern.n_sds(k)
    unit = np.ones(1) if n_sds == 1 else np.zeros(n_sds)
    L, dL = pattern.factor(np.concatenate([unit, par]), k)
    slopes = dL[n_sds:, lag + 1] @ L[0] + dL[n_sds:, 0] @ L[lag + 1]
    return float(L[lag + 1] @ L[0]), slopes


def _later_correlation(
    model: OrderedModel, pattern: Pattern, k: int, first: int, lag: int
) -> Chart:
    """The correlation of lag `lag` + 1, in place of its partial autocorrelation.

    It is linear in the hyperbolic tangent of that parameter, given those of the shorter lags.
    """
    at, end = first + lag, first + k - 1

    def inverse(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        w, J = z.copy(), np.eye(len(z))
        w[at] = 0.0
        middle, slopes = pattern_correlation(pattern, k, w[first:end], lag)
        partial = (float(z[at]) - middle) / float(slopes[lag])
        w[at] = np.arctanh(partial) if abs(partial) < 1.0 else np.nan
        if np.isfinite(w[at]):
            _, slopes = pattern_correlation(pattern, k, w[first:end], lag)
            J[first:at, at] = -slopes[:lag] / slopes[lag]
            J[at, at] = 1.0 / slopes[lag]
        return w, J

    start = model.start.copy()
    start[at] = pattern_correlation(pattern, k, model.start[first:end], lag)[0]
    scale = Scale("linear", 0.0, 1.0)
    return Chart(_moved(model, inverse), start, at, -1.0, 1.0, 0.2, scale)


def _moved(model: OrderedModel, inverse: Inverse) -> Deviance:
    """The deviance in new coordinates."""
    plain = deviance_of(model)

    def at(z: FloatArray) -> tuple[float, FloatArray]:
        w, J = inverse(z)
        if not np.isfinite(w).all():
            return np.nan, np.full(len(z), np.nan)
        found = plain(w, False)
        return found.value, J @ found.gradient

    return with_differences(at)
