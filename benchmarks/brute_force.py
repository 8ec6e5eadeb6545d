"""What the optimum of a model is, found without the engine's optimiser or derivatives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from nestwise.core import lmm
from nestwise.core.problem import ModelArrays, Problem, TermColumns
from nestwise.core.reference import DenseKernel

Vector = NDArray[np.float64]


class _OutOfTimeError(Exception):
    """A search has used its seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best of all searches: criterion, par (kernel's units), evaluations."""

    value: float
    par: Vector
    evaluations: int


FARTHEST = 1e4
"""Relative standard deviation beyond which rounding could pass for an optimum."""


def criterion(problem: Problem, par: Vector, reml: bool) -> float:
    """The criterion, 1e10 where it cannot be evaluated or lies too far out."""
    if np.abs(par).max() > FARTHEST:
        return 1e10
    value = lmm.evaluate(problem, par / problem.theta_scale, reml, 0).criterion
    return value if np.isfinite(value) else 1e10


def starts(problem: Problem, near: Vector, rng: np.random.Generator) -> list[Vector]:
    """Where the searches begin: three sizes, two random points, and beside the engine's optimum."""
    diagonal = problem.entries[:, 1] == problem.entries[:, 2]
    sizes = [np.where(diagonal, size, 0.0) for size in (0.5, 0.05, 4.0)]
    wild = [rng.normal(size=len(diagonal)), 3.0 * rng.normal(size=len(diagonal))]
    return [*sizes, *wild, near + 0.1 * (1.0 + np.abs(near)) * rng.normal(size=len(diagonal))]


def search(problem: Problem, reml: bool, near: Vector, seconds: float, seed: int) -> Best:
    """Quasi-Newton from every start, then a simplex from the best, each for `seconds` at most."""
    best, count, deadline = Best(np.inf, near, 0), 0, 0.0

    def value(par: Vector) -> float:
        nonlocal best, count
        count += 1
        if time.perf_counter() > deadline:
            raise _OutOfTimeError
        v = criterion(problem, par, reml)
        if v < best.value:
            best = Best(v, par.copy(), count)
        return v

    def attempt(start: Vector, method: str, options: dict[str, float]) -> None:
        nonlocal deadline
        deadline = time.perf_counter() + seconds
        try:
            minimize(value, start, method=method, options=options)
        except _OutOfTimeError:
            return

    for start in starts(problem, near, np.random.default_rng(seed)):
        attempt(start, "L-BFGS-B", {"maxiter": 500, "ftol": 1e-13})
    for _ in range(2):
        attempt(best.par, "Nelder-Mead", {"xatol": 1e-8, "fatol": 1e-11, "maxfev": 20000})
    return Best(best.value, best.par, count)


def smallest(problem: Problem, par: Vector) -> float:
    """Least singular value among the Lambdas of the terms, in the kernel's units."""
    full = lmm.lambda_templates(problem, par)
    parts = [
        full[t.factor][t.first : t.first + t.k, t.first : t.first + t.k] for t in problem.terms
    ]
    return min(float(np.linalg.svd(part, compute_uv=False).min()) for part in parts)


def promised_decrease(problem: Problem, par: Vector, reml: bool) -> tuple[float, float]:
    """Largest |gradient| at `par`, and what a Newton step with differenced curvature promises."""

    def gradient(at: Vector) -> Vector:
        e = lmm.evaluate(problem, at / problem.theta_scale, reml, 1)
        return np.asarray(e.gradient / problem.theta_scale)

    g, m = gradient(par), len(par)
    H = np.empty((m, m))
    for i in range(m):
        step = np.zeros(m)
        step[i] = 1e-4 * max(1.0, abs(float(par[i])))
        H[i] = (gradient(par + step) - gradient(par - step)) / (2.0 * step[i])
    values, vectors = np.linalg.eigh(0.5 * (H + H.T))
    curvature = np.maximum(np.abs(values), 1e-6 * max(1.0, float(np.abs(values).max())))
    return float(np.abs(g).max()), float(0.5 * np.sum((vectors.T @ g) ** 2 / curvature))


def long_criterion(dense: DenseKernel, flat: Vector, log_weights: float, reml: bool) -> float:
    """The criterion from the n x n covariance in extended precision, X as the kernel scales it.

    It decides where two values differ by less than rounding may make them differ. Its constant
    is that of the kernel's coordinates: only differences mean something.
    """
    ld = np.longdouble
    Z, X, y = (np.asarray(a, dtype=ld) for a in (dense.Z, dense.X, dense.y))
    ZL, first, at = np.empty_like(Z), 0, 0
    for k, m in dense.shapes:
        block = Z[:, first : first + m * k].reshape(len(y), m, k)
        Lambda = flat[at : at + k * k].reshape(k, k).astype(ld)
        ZL[:, first : first + m * k] = (block @ Lambda).reshape(len(y), m * k)
        first, at = first + m * k, at + k * k
    L = _cholesky(np.eye(len(y), dtype=ld) + ZL @ ZL.T)
    half = _substitute(L, np.column_stack([X, y]))
    R = _cholesky(half[:, :-1].T @ half[:, :-1])
    fitted = _substitute(R, half[:, :-1].T @ half[:, -1:])
    beta = _substitute(R[::-1, ::-1].T, fitted[::-1])[::-1]
    rest = half[:, -1] - (half[:, :-1] @ beta)[:, 0]
    df = len(y) - reml * X.shape[1]
    value = 2.0 * np.log(L.diagonal()).sum() - ld(log_weights)
    value += df * (1.0 + np.log(2.0 * np.pi * (rest @ rest) / df))
    return float(value + 2.0 * reml * np.log(R.diagonal()).sum())


def _cholesky(A: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
    """Lower factor; LAPACK has none for extended precision."""
    L = np.tril(A)
    for j in range(len(L)):
        L[j:, j] -= L[j:, :j] @ L[j, :j]
        L[j:, j] /= np.sqrt(L[j, j])
    return L


def _substitute(L: NDArray[np.longdouble], B: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
    """L^-1 B for lower triangular L."""
    out = np.array(B)
    for i in range(len(L)):
        out[i] = (out[i] - L[i, :i] @ out[:i]) / L[i, i]
    return out


def centred(arrays: ModelArrays) -> ModelArrays:
    """The same model with the slope columns of `us` terms with an intercept centred.

    Their (co)variances are other numbers, but as many of them can be identified.
    """
    terms = []
    for t in arrays.terms:
        free = t.structure == "us" and any(c is None for c in t.columns)
        columns = tuple(c if c is None or not free else c - c.mean() for c in t.columns)
        terms.append(TermColumns(t.factor, columns, t.structure))
    return replace(arrays, terms=tuple(terms))


def dependence(dense: DenseKernel, entries: NDArray[np.int32], reml: bool) -> float:
    """Least singular value of the normalised variance components, 0 where they are dependent.

    The components are n x n matrices, for REML as seen in the complement of X: the criterion
    identifies all (co)variances exactly when they are linearly independent.
    """
    Z, n = dense.Z, len(dense.y)
    Q = np.linalg.qr(dense.X, mode="complete")[0][:, dense.X.shape[1] :] if reml else np.eye(n)
    first = np.cumsum([0] + [k * m for k, m in dense.shapes])
    columns = []
    for f, r, c in entries.tolist():
        k, m = dense.shapes[f]
        a, b = (Z[:, first[f] + np.arange(m) * k + j] for j in (r, c))
        whole = a @ b.T if r == c else a @ b.T + b @ a.T
        seen = Q.T @ whole @ Q
        if np.linalg.norm(seen) < 1e-9 * np.linalg.norm(whole):
            return 0.0
        columns.append((seen / np.linalg.norm(seen)).ravel())
    residual = np.eye(Q.shape[1])
    columns.append((residual / np.linalg.norm(residual)).ravel())
    stacked = np.array(columns)
    return float(np.sqrt(max(np.linalg.eigvalsh(stacked @ stacked.T)[0], 0.0)))


def moved_along(
    problem: Problem, weights: Vector, reml: bool, function: Callable[..., float] = criterion
) -> float:
    """Change of the criterion when the components move along a direction that is called flat.

    Parameters
    ----------
    problem : Problem
        The model.
    weights : (m + 1,) float64
        Change of each component, in the kernel's units, and of the residual variance.
    reml : bool
        REML or ML.
    """
    weights = weights / np.abs(weights).max()
    values = []
    for step in (0.0, 0.2, -0.2):
        flat, at = lmm.flat_lambdas(problem, step * weights[:-1]), 0
        for k, _ in problem.shapes:
            lower = np.tril(flat[at : at + k * k].reshape(k, k))
            covariance = np.eye(k) + lower + lower.T - np.diag(lower.diagonal())
            factor = np.linalg.cholesky(covariance / (1.0 + step * weights[-1]))
            flat[at : at + k * k] = factor.ravel()
            at += k * k
        values.append(function(problem, flat[problem.lambda_index], reml))
    return max(abs(v - values[0]) for v in values)
