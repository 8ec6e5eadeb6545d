"""The criterion of a small model with 50 digits: dense, from its definition, slow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf

from nestwise.core.problem import ModelArrays
from nestwise.core.structures.registry import STRUCTURES

DIGITS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """Criterion, its gradient by theta, beta and sigma, rounded from 50 digits to float64."""

    criterion: float
    gradient: np.ndarray
    beta: np.ndarray
    sigma: float


def _term_columns(arrays: ModelArrays, index: int) -> list[list[mpf]]:
    term = arrays.terms[index]
    one = np.ones(len(arrays.y))
    return [[mpf(float(v)) for v in (one if c is None else c)] for c in term.columns]


def _covariance(arrays: ModelArrays, theta: list[mpf]) -> mp.matrix:
    """V0 = W^-1 + Z Lambda Lambda' Z', (n, n)."""
    n = len(arrays.y)
    V = mp.zeros(n, n)
    for i in range(n):
        V[i, i] = mpf(1) if arrays.weights is None else 1 / mpf(float(arrays.weights[i]))
    at = 0
    for index, term in enumerate(arrays.terms):
        k, columns = len(term.columns), _term_columns(arrays, index)
        Lambda = mp.zeros(k, k)
        for r, c in STRUCTURES[term.structure].free(k):
            Lambda[r, c], at = theta[at], at + 1
        rows = [
            [mp.fsum(columns[r][i] * Lambda[r, c] for r in range(k)) for c in range(k)]
            for i in range(n)
        ]
        codes = arrays.codes[term.factor]
        for i in range(n):
            for j in range(n):
                if codes[i] == codes[j]:
                    V[i, j] += mp.fdot(rows[i], rows[j])
    return V


def _half_solve(L: mp.matrix, columns: mp.matrix) -> mp.matrix:
    """L^-1 columns by substitution."""
    out = columns.copy()
    for j in range(out.cols):
        for i in range(out.rows):
            done = mp.fsum(L[i, k] * out[k, j] for k in range(i))
            out[i, j] = (out[i, j] - done) / L[i, i]
    return out


def _solve(arrays: ModelArrays, theta: list[mpf], reml: bool) -> tuple[mpf, mp.matrix, mpf]:
    """Criterion, beta, sigma."""
    n, p = arrays.X.shape
    L = mp.cholesky(_covariance(arrays, theta))
    X = mp.matrix([[mpf(float(v)) for v in row] for row in arrays.X])
    y = mp.matrix([mpf(float(v)) for v in arrays.y])
    Xw, yw = _half_solve(L, X), _half_solve(L, y)
    R = mp.cholesky(Xw.T * Xw)
    beta = mp.cholesky_solve(Xw.T * Xw, Xw.T * yw)
    e = yw - Xw * beta
    rss = mp.fsum(v * v for v in e)
    df = n - p if reml else n
    value = 2 * mp.fsum(mp.log(L[i, i]) for i in range(n))
    value += df * (1 + mp.log(2 * mp.pi * rss / df))
    if reml:
        value += 2 * mp.fsum(mp.log(R[i, i]) for i in range(p))
    return value, beta, mp.sqrt(rss / df)


def exact(arrays: ModelArrays, theta: np.ndarray, reml: bool, gradient: bool = True) -> Exact:
    """Evaluate with 50 digits; the gradient by central differences, good to 25.

    Parameters
    ----------
    arrays : ModelArrays
        Taken as the exact numbers that the float64 are.
    theta : (m,) float64
        User's units.
    reml : bool
        REML or ML.
    gradient : bool
        Whether the gradient is wanted; else it is empty.
    """
    with mp.workdps(DIGITS):
        at = [mpf(float(t)) for t in theta]
        value, beta, sigma = _solve(arrays, at, reml)
        slopes = []
        for i in range(len(at) if gradient else 0):
            h = mpf(10) ** -14 * (abs(at[i]) if at[i] else 1)
            ends = [
                _solve(arrays, [*at[:i], at[i] + s * h, *at[i + 1 :]], reml)[0] for s in (1, -1)
            ]
            slopes.append(float((ends[0] - ends[1]) / (2 * h)))
        return Exact(
            float(value), np.array(slopes), np.array([float(b) for b in beta]), float(sigma)
        )
