"""Parameters of structured terms and the theta that they fill.

`par` here is what a patterned covariance has as parameters (standard deviations and transformed
correlations, user's units of the columns); theta stays what fills Lambda, entry by entry, as in
lme4. Terms of the structures ``us`` and ``diag`` have par = theta.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import degrees, evaluate, term_lambdas
from nestwise.core.problem import Problem
from nestwise.core.residual.differences import second_by_differences
from nestwise.core.structures.registry import STRUCTURES
from nestwise.core.structures.structure import Pattern

STEP = 1e-4
"""Step of central differences of exact gradients."""


def is_patterned(problem: Problem) -> bool:
    """Whether some term has fewer parameters than entries of Lambda."""
    return any(STRUCTURES[name].pattern is not None for name in problem.structures)


def pattern_places(problem: Problem) -> list[tuple[Pattern | None, int, slice, slice]]:
    """For each term its pattern, width, and where its par and its theta stand."""
    out, at_par, at_theta = [], 0, 0
    for name, term in zip(problem.structures, problem.terms, strict=True):
        structure = STRUCTURES[name]
        m = len(structure.free(term.k))
        n = m if structure.pattern is None else structure.pattern.n_par(term.k)
        out.append(
            (structure.pattern, term.k, slice(at_par, at_par + n), slice(at_theta, at_theta + m))
        )
        at_par, at_theta = at_par + n, at_theta + m
    return out


def n_parameters(problem: Problem) -> int:
    """Number of covariance parameters, sigma not among them."""
    return int(pattern_places(problem)[-1][2].stop)


def _positions(problem: Problem, term: int) -> tuple[tuple[int, int], ...]:
    return STRUCTURES[problem.structures[term]].free(problem.terms[term].k)


def theta_of(problem: Problem, par: FloatArray) -> tuple[FloatArray, FloatArray]:
    """theta (m,), user's units, and its derivatives by par (n_par, m)."""
    m = len(problem.entries)
    theta, slopes = np.zeros(m), np.zeros((len(par), m))
    for i, (pattern, k, own, filled) in enumerate(pattern_places(problem)):
        if pattern is None:
            theta[filled] = par[own]
            slopes[own, filled] = np.eye(filled.stop - filled.start)
            continue
        rows, columns = np.array(_positions(problem, i)).T
        Lambda, dLambda = pattern.factor(par[own], k)
        theta[filled] = Lambda[rows, columns]
        slopes[own, filled] = dLambda[:, rows, columns]
    return theta, slopes


def _weighted_slopes(
    pattern: Pattern, k: int, positions: tuple[tuple[int, int], ...], weights: FloatArray
) -> Callable[[FloatArray], FloatArray]:
    """par to the derivatives of a weighted sum of the entries of Lambda, (n_par,)."""
    rows, columns = np.array(positions).T

    def slopes(par: FloatArray) -> FloatArray:
        return np.asarray(pattern.factor(par, k)[1][:, rows, columns] @ weights)

    return slopes


def curvature_of(problem: Problem, par: FloatArray, weights: FloatArray) -> FloatArray:
    """(n_par, n_par) sum over theta of `weights` times the second derivatives of theta by par."""
    out = np.zeros((len(par), len(par)))
    for i, (pattern, k, own, filled) in enumerate(pattern_places(problem)):
        if pattern is not None:
            slopes = _weighted_slopes(pattern, k, _positions(problem, i), weights[filled])
            out[own, own] = second_by_differences(slopes, par[own])
    return out


def par_of(problem: Problem, theta: FloatArray) -> FloatArray:
    """(n_par,) parameters whose theta is nearest to the one given, user's units."""
    lambdas = term_lambdas(problem, theta)
    par = np.zeros(n_parameters(problem))
    for Lambda, (pattern, _, own, filled) in zip(lambdas, pattern_places(problem), strict=True):
        par[own] = theta[filled] if pattern is None else pattern.nearest(Lambda @ Lambda.T)
    return par


def hessian_by_par(problem: Problem, par: FloatArray, sigma: float, reml: bool) -> FloatArray:
    """(n_par + 1, n_par + 1) second derivatives of the deviance in (par, sigma).

    The counterpart of `nestwise.core.hessian.hessian`, by central differences of exact gradients.
    """
    n = len(par)

    def parts(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        theta, slopes = theta_of(problem, at)
        e = evaluate(problem, theta, reml)
        return slopes @ e.gradient_logdet, slopes @ e.gradient_pwrss

    H = np.zeros((n + 1, n + 1))
    for i, step in enumerate(STEP * np.maximum(np.abs(par), 1.0)):
        move = np.zeros(n)
        move[i] = step
        up, down = parts(par + move), parts(par - move)
        H[i, :n] = (up[0] - down[0] + (up[1] - down[1]) / sigma**2) / (2.0 * step)
    H[:n, :n] = 0.5 * (H[:n, :n] + H[:n, :n].T)
    here = evaluate(problem, theta_of(problem, par)[0], reml, 0)
    H[:n, n] = H[n, :n] = -2.0 * parts(par)[1] / sigma**3
    H[n, n] = -2.0 * degrees(problem, reml) / sigma**2 + 6.0 * here.pwrss / sigma**4
    return H
