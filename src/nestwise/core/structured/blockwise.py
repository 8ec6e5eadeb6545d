"""Criterion, exact gradient and average information of a model with structured residuals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.covariance import Covariance, pattern_covariance, structure_at
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.stackwise import collect_stack, factorise_stacks
from nestwise.core.structured.sums import Moments, cross, moments
from nestwise.core.structured.totals import Totals, add_curvature


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One evaluation.

    Parameters
    ----------
    par : (m,) float64
        Where.
    value : float
        Criterion (-2 log-likelihood, profiled), NaN where a covariance is not positive definite.
    gradient : (m,) float64
        Its derivative.
    hessian : (m, m) float64
        Average information, and the curvature of Lambda Lambda' itself; or exact, from a chain.
    evaluations : int
        One.
    gradient_logdet, gradient_pwrss : (m,) float64
        Derivatives of the determinants and of pwrss at fixed sigma.
    pwrss : float
        Generalised residual sum of squares.
    delta : (p,) float64
        Fixed effects in the basis Q, less those of ordinary least squares.
    Phi : (p, p) float64
        (Q'V^-1 Q)^-1.
    """

    par: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    evaluations: int
    gradient_logdet: FloatArray
    gradient_pwrss: FloatArray
    pwrss: float
    delta: FloatArray
    Phi: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Factored:
    """A pattern's covariance with its inverse and log determinant."""

    covariance: Covariance
    inverse: FloatArray
    logdet: float


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The fixed effects at one par, in the basis Q.

    Parameters
    ----------
    delta : (p,) float64
        Estimates.
    pwrss : float
        Generalised residual sum of squares.
    half : (p, p) float64
        Phi = half half' is (Q'V^-1 Q)^-1.
    logdet : float
        log |Q'V^-1 Q|.
    """

    delta: FloatArray
    pwrss: float
    half: FloatArray
    logdet: float


def degrees(problem: StructuredProblem, reml: bool) -> int:
    """n - p for REML, n for ML."""
    return problem.n - problem.p if reml else problem.n


def failed(par: FloatArray) -> Evaluation:
    """What an impossible par gives."""
    m = par.size
    none = np.zeros(m)
    return Evaluation(
        par, math.nan, none, np.eye(m), 1, none, none, math.nan, np.zeros(0), np.zeros((0, 0))
    )


def factorise(
    problem: StructuredProblem, par: FloatArray, chosen: tuple[int, ...] | None = None
) -> tuple[Factored, ...] | None:
    """V, its derivatives, inverse and determinant of patterns; None when one is singular.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    chosen : tuple of int, optional
        Which patterns; all when None.
    """
    arrays, blocks = problem.arrays, problem.blocks
    patterns = blocks.patterns if chosen is None else [blocks.patterns[i] for i in chosen]
    with np.errstate(all="ignore"):
        found = structure_at(arrays, blocks, par)
        out = []
        for pattern in patterns:
            covariance = pattern_covariance(arrays, blocks, pattern, par, found)
            factored = _factored(covariance)
            if factored is None:
                return None
            out.append(factored)
    return tuple(out)


def _factored(covariance: Covariance) -> Factored | None:
    L, failed_at = lapack.dpotrf(covariance.V, lower=1)
    if failed_at:
        return None
    logdet = 2.0 * float(np.log(L.diagonal()).sum())
    lower, _ = lapack.dpotri(L, lower=1)
    inverse = np.ascontiguousarray(lower + lower.T)
    inverse.flat[:: len(inverse) + 1] *= 0.5
    return Factored(covariance, inverse, logdet) if np.isfinite(logdet) else None


def solve_fixed(C: FloatArray) -> Solution | None:
    """Fixed effects from the weighted cross-products of [Q y0], (c, c)."""
    p = len(C) - 1
    try:
        L = np.linalg.cholesky(C[:p, :p])
    except np.linalg.LinAlgError:
        return None
    inverse = np.linalg.inv(L)
    z = inverse @ C[:p, p]
    pwrss = float(C[p, p] - z @ z)
    if not pwrss > 0.0:
        return None
    return Solution(inverse.T @ z, pwrss, inverse.T, 2.0 * float(np.log(L.diagonal()).sum()))


def constant(problem: StructuredProblem, reml: bool) -> float:
    """2 log |RX| for REML: what the basis Q leaves out."""
    return 2.0 * float(np.log(np.abs(problem.RX.diagonal())).sum()) if reml else 0.0


def criterion_value(
    problem: StructuredProblem, logdet: float, solution: Solution, reml: bool
) -> float:
    """-2 log-likelihood from its parts."""
    df = degrees(problem, reml)
    value = logdet + df * (1.0 + math.log(2.0 * math.pi * solution.pwrss / df))
    return value + (solution.logdet + constant(problem, reml) if reml else 0.0)


def evaluate_blocks(problem: StructuredProblem, par: FloatArray, reml: bool) -> Evaluation:
    """Criterion, gradient and average information, where blocks are independent.

    With S = N V^-1 - V^-1 (A + (df / pwrss) E) V^-1 of a pattern, E and A the sums over its blocks
    of e e' and X Phi X', the derivative by a parameter is the sum over patterns of <dV, S>.

    Parameters
    ----------
    problem : StructuredProblem
        The model; all random effects absorbed.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.

    Source
    ------
    Gilmour, Thompson & Cullis (1995), Biometrics 51, 1440-1450, eq. 4-7.
    """
    patterns = factorise(problem, par, problem.loose)
    stacks = None if patterns is None else factorise_stacks(problem, par)
    if patterns is None or stacks is None:
        return failed(par)
    pairs = [(at, problem.sums[at], one) for at, one in zip(problem.loose, patterns, strict=True)]
    parts = [cross(sums, one.inverse) for _, sums, one in pairs]
    C = np.sum([*parts, *(stack.cross for stack in stacks)], axis=0)
    solution = solve_fixed(C)
    if solution is None:
        return failed(par)
    g = np.append(-solution.delta, 1.0)
    ratio = degrees(problem, reml) / solution.pwrss
    total = Totals.zeros(par.size, problem.p)
    extra = np.zeros((par.size, par.size))
    for at, sums, one in pairs:
        found = moments(sums, g, solution.half)
        S = collect(total, (sums.count, sums.v), one, found, reml, ratio)
        pattern = problem.blocks.patterns[at]
        for place, t in enumerate(problem.blocks.absorbed):
            Z, level = pattern.Z[place], pattern.level[place]
            inner = Z.T @ (S * (level[:, None] == level)) @ Z
            add_curvature(extra, problem.arrays.entries, t, inner)
    for stack in stacks:
        collect_stack(total, extra, problem, stack, (g, solution.half), reml, ratio)
    logdet = sum(sums.count * one.logdet for _, sums, one in pairs)
    logdet += sum(stack.logdet for stack in stacks)
    value = criterion_value(problem, logdet, solution, reml)
    return evaluation_of(par, value, total, solution, ratio, extra)


def evaluation_of(
    par: FloatArray,
    value: float,
    total: Totals,
    solution: Solution,
    ratio: float,
    extra: FloatArray,
) -> Evaluation:
    """Gradient and average information from their sums."""
    if not (np.isfinite(total.trace).all() and np.isfinite(total.gram).all()):
        return failed(par)
    projected = total.mixed @ solution.half
    gram = total.gram - projected @ projected.T
    average = ratio * (gram - np.outer(total.score, total.score) / solution.pwrss)
    return Evaluation(
        par=par,
        value=value,
        gradient=total.trace - ratio * total.score,
        hessian=0.5 * (average + average.T) + extra,
        evaluations=1,
        gradient_logdet=total.trace,
        gradient_pwrss=-total.score,
        pwrss=solution.pwrss,
        delta=solution.delta,
        Phi=solution.half @ solution.half.T,
    )


def collect(
    total: Totals,
    shape: tuple[int, int],
    one: Factored,
    found: Moments,
    reml: bool,
    ratio: float,
) -> FloatArray:
    """Add one pattern of `shape` (blocks, rows); returns S."""
    inverse, dV, active = one.inverse, one.covariance.dV, one.covariance.active
    count, v = shape
    a, size = len(active), v * v
    seen = inverse @ found.E @ inverse
    trace = count * inverse
    if reml:
        trace = trace - inverse @ found.A @ inverse
    flat = dV.reshape(a, size)
    total.trace[active] += flat @ trace.ravel()
    total.score[active] += flat @ seen.ravel()
    left = inverse @ dV
    total.gram[active[:, None], active] += flat @ (left @ seen).reshape(a, size).T
    total.mixed[active] += (left @ inverse).reshape(a, size) @ found.F
    return np.asarray(trace - ratio * seen)
