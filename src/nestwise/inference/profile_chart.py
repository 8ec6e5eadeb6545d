"""Coordinates in which one parameter of a mixed model is a fixed coordinate.

A covariance may be factored with its effects in any order. With effect i first, its standard
deviation is the first entry of the factor; with effects i and j first, their correlation is the
sine of the angle of two entries: no constraint is ever curved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.problem import ModelArrays, Problem, TermColumns, build_problem
from nestwise.core.semidefinite import semidefinite_factor
from nestwise.core.unprofiled import Family, Local, local
from nestwise.fit.assemble import model_arrays
from nestwise.fit.result import LmmFit
from nestwise.inference.parameters import Parameter
from nestwise.inference.profile_path import Deviance


@dataclass(frozen=True, slots=True)
class Scale:
    """From an internal coordinate to the reported scale.

    Parameters
    ----------
    kind : str
        ``"linear"``: origin + unit x; ``"exp"``: unit exp(x); ``"sin"``: sin(x); ``"told"``: by
        `function`.
    origin, unit : float
        See `kind`.
    function : callable, optional
        One increasing function of x.
    """

    kind: Literal["linear", "exp", "sin", "told"]
    origin: float = 0.0
    unit: float = 1.0
    function: Callable[[float], float] | None = None

    def reported(self, x: FloatArray) -> FloatArray:
        """Values on the reported scale."""
        if self.function is not None:
            told = [self.function(float(v)) for v in np.ravel(x)]
            return np.reshape(np.array(told, dtype=np.float64), np.shape(x))
        if self.kind == "exp":
            return np.asarray(self.unit * np.exp(x))
        return np.asarray(np.sin(x) if self.kind == "sin" else self.origin + self.unit * x)


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """The deviance in coordinates of which one is the parameter.

    Parameters
    ----------
    deviance : callable
        ``deviance(w, curvature)``.
    start : (d,) float64
        The estimate.
    fixed : int
        Which coordinate is the parameter.
    low, high : float
        Its range.
    most : float
        Largest step along it.
    scale : Scale
        To the reported scale.
    """

    deviance: Deviance
    start: FloatArray
    fixed: int
    low: float
    high: float
    most: float
    scale: Scale


def charts_of(fit: LmmFit) -> Callable[[Parameter], Chart]:
    """A function that makes the chart of a parameter; problems in new order are built once."""
    problems: dict[tuple[int, ...], Problem] = {}

    def ordered(term: int, order: tuple[int, ...]) -> Problem:
        if order == tuple(range(len(order))):
            return fit.problem
        if (term, *order) not in problems:
            problems[(term, *order)] = build_problem(_reordered(fit, term, order))
        return problems[(term, *order)]

    def make(parameter: Parameter) -> Chart:
        if parameter.kind == "beta":
            return _coefficient(fit, parameter.row)
        if parameter.kind == "sigma":
            return _sigma(fit)
        k, free = len(fit.lambdas[parameter.term]), fit.design.terms[parameter.term].structure
        if free == "diag":
            return _sd(fit, fit.problem, parameter.term, tuple(range(k)), parameter.row)
        first = dict.fromkeys((parameter.column, parameter.row))
        order = (*first, *(i for i in range(k) if i not in first))
        problem = ordered(parameter.term, order)
        if parameter.kind == "sd":
            return _sd(fit, problem, parameter.term, order, 0)
        return _correlation(fit, problem, parameter.term, order)

    return make


def _reordered(fit: LmmFit, term: int, order: tuple[int, ...]) -> ModelArrays:
    arrays = model_arrays(fit.design)
    old = arrays.terms[term]
    new = TermColumns(old.factor, tuple(old.columns[i] for i in order), old.structure)
    return replace(arrays, terms=(*arrays.terms[:term], new, *arrays.terms[term + 1 :]))


def term_positions(problem: Problem, term: int) -> dict[tuple[int, int], int]:
    """Where the entries (row, column) of a term's factor stand in theta."""
    block = problem.terms[term]
    return {
        (int(r) - block.first, int(c) - block.first): i
        for i, (f, r, c) in enumerate(problem.entries)
        if f == block.factor and 0 <= r - block.first < block.k and 0 <= c - block.first < block.k
    }


def _ell(fit: LmmFit, problem: Problem, term: int, order: tuple[int, ...]) -> FloatArray:
    """(m,) the estimated Lambda in the kernel's units, one term's effects in another order."""
    if problem is fit.problem:
        return fit.theta * problem.theta_scale
    theta = fit.theta.copy()
    L = fit.lambdas[term][list(order)]
    factor = semidefinite_factor(L @ L.T)
    for (r, c), i in term_positions(problem, term).items():
        theta[i] = factor[r, c]
    return theta * problem.theta_scale


def _plain(family: Family) -> Deviance:
    def deviance(w: FloatArray, curvature: bool) -> Local:
        return local(family, w, curvature)

    return deviance


def _sd(fit: LmmFit, problem: Problem, term: int, order: tuple[int, ...], effect: int) -> Chart:
    at = term_positions(problem, term)[(effect, effect)]
    start = np.append(_ell(fit, problem, term, order), 0.0)
    unit = fit.sigma / float(problem.theta_scale[at])
    family = Family(problem, None, None, fit.sigma)
    most = max(1.0, float(start[at]))
    return Chart(_plain(family), start, at, 0.0, np.inf, most, Scale("linear", 0.0, unit))


def _sigma(fit: LmmFit) -> Chart:
    start = np.append(fit.theta * fit.problem.theta_scale, 0.0)
    family = Family(fit.problem, None, None, fit.sigma)
    scale = Scale("exp", 0.0, fit.sigma)
    return Chart(_plain(family), start, len(fit.theta), -np.inf, np.inf, 0.5, scale)


def _coefficient(fit: LmmFit, j: int) -> Chart:
    """The response is shifted along the column, in standard errors of its coefficient."""
    error = float(fit.sigma * np.sqrt(fit.unscaled_vcov[j, j]))
    arrays = model_arrays(fit.design)
    column = arrays.X[:, j]
    reduced = replace(
        arrays,
        y=arrays.y - fit.beta[j] * column,
        X=np.asfortranarray(np.delete(arrays.X, j, axis=1)),
        intercept=arrays.intercept if j > arrays.intercept else arrays.intercept - 1,
    )
    if j == arrays.intercept:
        reduced = replace(reduced, intercept=-1)
    along = error * column
    base, x, summed = (
        build_problem(replace(reduced, y=y)) for y in (reduced.y, along, reduced.y + along)
    )
    start = np.append(fit.theta * base.theta_scale, [0.0, 0.0])
    family = Family(base, x, summed, fit.sigma)
    scale = Scale("linear", float(fit.beta[j]), error)
    return Chart(_plain(family), start, len(start) - 1, -np.inf, np.inf, 5.0, scale)


def _correlation(fit: LmmFit, problem: Problem, term: int, order: tuple[int, ...]) -> Chart:
    """Entries (1, 0) and (1, 1) of the factor as angle and radius."""
    positions = term_positions(problem, term)
    a, b = positions[(1, 0)], positions[(1, 1)]
    family = Family(problem, None, None, fit.sigma)
    z = np.append(_ell(fit, problem, term, order), 0.0)
    start = z.copy()
    start[a], start[b] = np.arctan2(z[a], z[b]), np.hypot(z[a], z[b])

    def deviance(w: FloatArray, curvature: bool) -> Local:
        sine, cosine, radius = np.sin(w[a]), np.cos(w[a]), w[b]
        z = w.copy()
        z[a], z[b] = radius * sine, radius * cosine
        return to_polar(local(family, z, curvature), a, b, float(sine), float(cosine), z)

    half = 0.5 * np.pi
    return Chart(deviance, start, a, -half, half, 0.6, Scale("sin"))


def to_polar(at: Local, a: int, b: int, sine: float, cosine: float, z: FloatArray) -> Local:
    """Derivatives by angle and radius, where z_a = radius sine and z_b = radius cosine.

    Examples
    --------
    >>> flat = Local(0.0, np.array([1.0, 0.0]), np.empty((0, 0)))
    >>> to_polar(flat, 0, 1, 0.0, 1.0, np.array([0.0, 2.0])).gradient.tolist()
    [2.0, 0.0]
    """
    J = np.eye(len(z))
    J[a, a], J[a, b], J[b, a], J[b, b] = z[b], sine, -z[a], cosine
    g = at.gradient
    gradient = J.T @ g
    if not at.hessian.size:
        return Local(at.value, gradient, at.hessian)
    H = J.T @ at.hessian @ J
    H[a, a] -= g[a] * z[a] + g[b] * z[b]
    mixed = g[a] * cosine - g[b] * sine
    H[a, b] += mixed
    H[b, a] += mixed
    return Local(at.value, gradient, H)


__all__ = ["Chart", "Scale", "charts_of", "term_positions", "to_polar"]
