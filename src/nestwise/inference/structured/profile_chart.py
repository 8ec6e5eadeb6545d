"""Coordinates of a fit with structured residuals in which one parameter is a coordinate.

The coordinates are z = (par, log(sigma / sigma0)[, shift]): standard deviations of random effects
are taken in units of sigma0 instead of sigma, so that a fixed one is a fixed coordinate, and
`shift` moves one coefficient in its standard errors. A residuals' parameter that depends on several
pars (a correlation of ``us``) takes the place of the par on which it depends most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise.core.semidefinite import semidefinite_factor
from nestwise.core.structured.evaluate import evaluate
from nestwise.core.structured.model import StructuredArrays
from nestwise.core.structured.problem import StructuredProblem, make_problem
from nestwise.core.unprofiled import Local
from nestwise.fit.structured_natural import natural_parameters
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.glmm_pattern_chart import pattern_correlation, with_differences
from nestwise.inference.parameters import Parameter
from nestwise.inference.profile_chart import Chart, Scale, to_polar

At = Callable[[FloatArray], tuple[float, FloatArray]]
"""Coordinates to the deviance and its gradient, NaN where there is none."""

Told = Callable[[FloatArray], tuple[float, FloatArray]]
"""Coordinates to a parameter and its derivatives."""

TURNS = 60
"""Steps of the search for the par that gives a parameter its value."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shifted:
    """A model, or the models with three values of one coefficient, one standard error apart.

    Parameters
    ----------
    below, middle, above : StructuredProblem
        The residual sum of squares is quadratic in the coefficient, so that three give all.
    moves : bool
        Whether there are three.
    """

    below: StructuredProblem
    middle: StructuredProblem
    above: StructuredProblem
    moves: bool


def charts_of_structured(fit: StructuredFit) -> Callable[[Parameter], Chart]:
    """A function that makes the chart of a parameter.

    Parameters
    ----------
    fit : StructuredFit
        A fit by maximum likelihood. Fitted values in its variance function stay as they are.
    """

    def make(parameter: Parameter) -> Chart:
        if parameter.kind == "beta":
            return _coefficient(fit, parameter.row)
        if parameter.kind in ("sd", "cor"):
            return _effect(fit, parameter)
        at, start = _deviance(fit, _same(fit.problem)), np.append(fit.par, 0.0)
        if parameter.kind == "sigma":
            scale = Scale("exp", 0.0, fit.sigma)
            return _chart(with_differences(at), start, fit.par.size, scale, 0.5)
        return _natural(fit, at, start, parameter.row)

    return make


def _chart(
    deviance: Callable[[FloatArray, bool], Local],
    start: FloatArray,
    fixed: int,
    scale: Scale,
    most: float,
) -> Chart:
    return Chart(deviance, start, fixed, -np.inf, np.inf, most, scale)


def _same(problem: StructuredProblem) -> _Shifted:
    return _Shifted(problem, problem, problem, False)


def _deviance(fit: StructuredFit, models: _Shifted) -> At:
    """-2 log-likelihood by z, with its exact gradient."""
    arrays = models.middle.arrays
    linear, log = _roles(arrays)
    n, m, unit = models.middle.n, arrays.n_par, fit.sigma**2

    def at(z: FloatArray) -> tuple[float, FloatArray]:
        s = float(z[m])
        par = z[:m].copy()
        par[linear] *= np.exp(-s)
        par[log] -= s
        shift = float(z[m + 1]) if models.moves else 0.0
        logdet, slope, pwrss, by_par, by_shift = _parts(models, par, shift)
        variance = unit * np.exp(2.0 * s)
        value = logdet + n * float(np.log(2.0 * np.pi * variance)) + pwrss / variance
        if not np.isfinite(value):
            return np.nan, np.full(z.size, np.nan)
        own, gradient = slope + by_par / variance, np.zeros(z.size)
        gradient[:m] = own
        gradient[:m][linear] *= np.exp(-s)
        gradient[m] = 2.0 * n - 2.0 * pwrss / variance
        gradient[m] -= float(own[linear] @ par[linear]) + float(own[log].sum())
        if models.moves:
            gradient[m + 1] = by_shift / variance
        return value, gradient

    return at


def _parts(
    models: _Shifted, par: FloatArray, shift: float
) -> tuple[float, FloatArray, float, FloatArray, float]:
    """Log determinant and its gradient, pwrss and its gradient, and pwrss by the shift."""
    middle = evaluate(models.middle, par, False)
    n = models.middle.n
    logdet = middle.value - n * (1.0 + np.log(2.0 * np.pi * middle.pwrss / n))
    if not models.moves:
        return logdet, middle.gradient_logdet, middle.pwrss, middle.gradient_pwrss, 0.0
    low, high = evaluate(models.below, par, False), evaluate(models.above, par, False)
    slope, bend = 0.5 * (high.pwrss - low.pwrss), high.pwrss + low.pwrss - 2.0 * middle.pwrss
    by_slope = 0.5 * (high.gradient_pwrss - low.gradient_pwrss)
    by_bend = high.gradient_pwrss + low.gradient_pwrss - 2.0 * middle.gradient_pwrss
    return (
        logdet,
        middle.gradient_logdet,
        middle.pwrss + shift * slope + 0.5 * shift**2 * bend,
        middle.gradient_pwrss + shift * by_slope + 0.5 * shift**2 * by_bend,
        slope + shift * bend,
    )


def _roles(arrays: StructuredArrays) -> tuple[BoolArray, BoolArray]:
    """(m,) which pars are proportional to a standard deviation, and which are its logarithm."""
    linear, log = np.zeros(arrays.n_par, dtype=bool), np.zeros(arrays.n_par, dtype=bool)
    first = 0
    for term in arrays.effects:
        if term.pattern is None:
            linear[first : first + term.n_par] = True
        else:
            k = len(term.scale)
            n_sds = term.pattern.n_sds(k)
            (linear if n_sds == 1 else log)[first : first + n_sds] = True
        first += term.n_par
    return linear, log


def _first(arrays: StructuredArrays, t: int) -> int:
    """Place of a term's first parameter."""
    return sum(term.n_par for term in arrays.effects[:t])


def _coefficient(fit: StructuredFit, j: int) -> Chart:
    """The response is shifted along the column, in standard errors of its coefficient."""
    error = float(fit.sigma * np.sqrt(fit.unscaled_vcov[j, j]))
    arrays, threads = fit.problem.arrays, fit.problem.threads
    X = np.asfortranarray(np.delete(arrays.X, j, axis=1))
    below, middle, above = (
        make_problem(
            replace(arrays, y=arrays.y - (fit.beta[j] + step * error) * arrays.X[:, j], X=X),
            fit.problem.largest,
            threads,
        )
        for step in (-1.0, 0.0, 1.0)
    )
    at = _deviance(fit, _Shifted(below, middle, above, True))
    start = np.append(fit.par, [0.0, 0.0])
    scale = Scale("linear", float(fit.beta[j]), error)
    return _chart(with_differences(at), start, start.size - 1, scale, 5.0)


def _natural(fit: StructuredFit, at: At, start: FloatArray, row: int) -> Chart:
    """A parameter of the residuals."""
    design, arrays, m = fit.design, fit.problem.arrays, fit.par.size
    slopes = fit.natural.slopes[row]
    used = np.flatnonzero(slopes)

    def value(par: FloatArray) -> float:
        return float(natural_parameters(design, arrays, par).values[row])

    if len(used) == 1 and slopes[used[0]] > 0.0:
        place = int(used[0])

        def told(x: float) -> float:
            par = fit.par.copy()
            par[place] = x
            return value(par)

        scale = Scale("told", function=told)
        return _chart(with_differences(at), start, place, scale, 0.6)

    def with_slopes(z: FloatArray) -> tuple[float, FloatArray]:
        found = natural_parameters(design, arrays, z[:m])
        return float(found.values[row]), np.append(found.slopes[row], np.zeros(z.size - m))

    return _replaced(at, start, with_slopes)


def _replaced(at: At, start: FloatArray, told: Told) -> Chart:
    """The parameter takes the place of the coordinate on which it depends most."""
    value, slopes = told(start)
    place = int(np.abs(slopes).argmax())

    def solved(x: FloatArray) -> FloatArray | None:
        z = x.copy()
        z[place] = start[place]
        for _ in range(TURNS):
            found, by = told(z)
            if not np.isfinite(found) or by[place] == 0.0:
                return None
            step = float(np.clip((x[place] - found) / by[place], -1.0, 1.0))
            z[place] += step
            if abs(step) < 1e-13 * max(1.0, abs(float(z[place]))):
                return z
        return z if abs(told(z)[0] - x[place]) < 1e-10 else None

    def moved(x: FloatArray) -> tuple[float, FloatArray]:
        z = solved(x)
        if z is None:
            return np.nan, np.full(x.size, np.nan)
        deviance, gradient = at(z)
        by = told(z)[1]
        out = gradient - gradient[place] * by / by[place]
        out[place] = gradient[place] / by[place]
        return deviance, out

    begin = start.copy()
    begin[place] = value
    return _chart(with_differences(moved), begin, place, Scale("linear", 0.0, 1.0), 0.3)


def _effect(fit: StructuredFit, parameter: Parameter) -> Chart:
    """A standard deviation or correlation of a random effect."""
    arrays, t = fit.problem.arrays, parameter.term
    if arrays.effects[t].pattern is not None:
        return _patterned(fit, parameter)
    k = len(arrays.effects[t].scale)
    if len(arrays.effects[t].free) == k:
        return _sd(fit, fit.problem, fit.par, _first(arrays, t) + parameter.row)
    lead = dict.fromkeys((parameter.column, parameter.row))
    order = (*lead, *(i for i in range(k) if i not in lead))
    problem, par = _reordered(fit, t, order)
    first, free = _first(arrays, t), arrays.effects[t].free
    if parameter.kind == "sd":
        return _sd(fit, problem, par, first)
    return _correlation(fit, problem, par, (first + free.index((1, 0)), first + free.index((1, 1))))


def _reordered(
    fit: StructuredFit, t: int, order: tuple[int, ...]
) -> tuple[StructuredProblem, FloatArray]:
    """The same model with the effects of one term in another order, and its par."""
    if order == tuple(range(len(order))):
        return fit.problem, fit.par
    arrays, at = fit.problem.arrays, list(order)
    term = arrays.effects[t]
    moved = replace(term, Z=term.Z[:, at], scale=term.scale[at])
    effects = (*arrays.effects[:t], moved, *arrays.effects[t + 1 :])
    half = (fit.lambdas[t] * term.scale[:, None])[at]
    factor, par, first = semidefinite_factor(half @ half.T), fit.par.copy(), _first(arrays, t)
    par[first : first + term.n_par] = [factor[r, c] for r, c in term.free]
    changed = replace(arrays, effects=effects)
    return make_problem(changed, fit.problem.largest, fit.problem.threads), par


def _sd(fit: StructuredFit, problem: StructuredProblem, par: FloatArray, at: int) -> Chart:
    """A standard deviation that is one entry of Lambda."""
    arrays = problem.arrays
    t, _, c = arrays.entries[at] if not arrays.patterned else _entry(arrays, at)
    unit = fit.sigma / float(arrays.effects[t].scale[c])
    start = np.append(par, 0.0)
    start[at] = abs(start[at])
    deviance = with_differences(_deviance(fit, _same(problem)))
    most = max(0.5, float(start[at]))
    return Chart(deviance, start, at, 0.0, np.inf, most, Scale("linear", 0.0, unit))


def _entry(arrays: StructuredArrays, at: int) -> tuple[int, int, int]:
    """Term, row and column of a par that is an entry of Lambda."""
    t = max(i for i in range(len(arrays.effects)) if _first(arrays, i) <= at)
    r, c = arrays.effects[t].free[at - _first(arrays, t)]
    return t, r, c


def _correlation(
    fit: StructuredFit, problem: StructuredProblem, par: FloatArray, entries: tuple[int, int]
) -> Chart:
    """Entries (1, 0) and (1, 1) of the factor as angle and radius."""
    a, b = entries
    plain, start = with_differences(_deviance(fit, _same(problem))), np.append(par, 0.0)
    start[a], start[b] = np.arctan2(start[a], start[b]), np.hypot(start[a], start[b])

    def deviance(w: FloatArray, curvature: bool) -> Local:
        sine, cosine, radius = float(np.sin(w[a])), float(np.cos(w[a])), w[b]
        z = w.copy()
        z[a], z[b] = radius * sine, radius * cosine
        return to_polar(plain(z, curvature), a, b, sine, cosine, z)

    half = 0.5 * np.pi
    return Chart(deviance, start, a, -half, half, 0.6, Scale("sin"))


def _patterned(fit: StructuredFit, parameter: Parameter) -> Chart:
    """A parameter of a structured term."""
    arrays, t = fit.problem.arrays, parameter.term
    term, first = arrays.effects[t], _first(arrays, t)
    pattern, k = term.pattern, len(term.scale)
    assert pattern is not None
    n_sds, start = pattern.n_sds(k), np.append(fit.par, 0.0)
    at = _deviance(fit, _same(fit.problem))
    if parameter.kind == "sd" and n_sds == 1:
        start[first] = abs(start[first])
        most = max(0.5, float(start[first]))
        scale = Scale("linear", 0.0, fit.sigma)
        return Chart(with_differences(at), start, first, 0.0, np.inf, most, scale)
    if parameter.kind == "sd":
        scale = Scale("exp", 0.0, fit.sigma)
        return _chart(with_differences(at), start, first + parameter.row, scale, 0.5)
    own = slice(first + n_sds, first + term.n_par)

    def told(z: FloatArray) -> tuple[float, FloatArray]:
        slopes = np.zeros(z.size)
        value, slopes[own] = pattern_correlation(pattern, k, z[own], parameter.row - 1)
        return value, slopes

    return _replaced(at, start, told)
