"""The readable twin: criterion and derivatives from the n x n covariance matrix itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.visits import Visits
from nestwise.core.structured.model import StructuredArrays, effect_lambdas


@dataclass(frozen=True, slots=True, eq=False)
class DenseEvaluation:
    """What the fast path must equal.

    Parameters
    ----------
    value : float
        Criterion: -2 log-likelihood, profiled over beta and sigma; restricted for REML.
    gradient : (m,) float64
        By par.
    information : (m, m) float64
        Average information.
    beta : (p,) float64
        Fixed effects.
    pwrss : float
        (y - X beta)'V^-1 (y - X beta).
    """

    value: float
    gradient: FloatArray
    information: FloatArray
    beta: FloatArray
    pwrss: float


def dense_covariance(arrays: StructuredArrays, par: FloatArray) -> tuple[FloatArray, FloatArray]:
    """V (n, n) relative to sigma^2 and its derivatives (m, n, n), row by row as defined."""
    errors, n, first = arrays.errors, arrays.y.size, len(arrays.entries)
    size, s = errors.n_structure, errors.features.shape[1]
    C, dC = np.eye(n), np.zeros((errors.n_par, n, n))
    if errors.structure is not None:
        for subject in np.unique(errors.subject):
            at = np.flatnonzero(errors.subject == subject)
            arm = int(errors.arm[at[0]])
            own = slice(arm * size, (arm + 1) * size)
            visits = Visits(errors.visit[at], errors.time[at], errors.n_visits)
            R, dR = errors.structure.covariance(par[first:][own], visits)
            C[np.ix_(at, at)] = R
            dC[own, at[:, None], at] = dR
    sd = np.exp(errors.features @ par[par.size - s :])
    sd = sd if errors.weights is None else sd / np.sqrt(errors.weights)
    V, dV = C * np.outer(sd, sd), dC * np.outer(sd, sd)
    for k, slope in enumerate(errors.features.T):
        dV[errors.n_par - s + k] = (slope[:, None] + slope) * V
    lambdas, slopes = effect_lambdas(arrays, par), []
    for term, Lambda in zip(arrays.effects, lambdas, strict=True):
        same = term.codes[:, None] == term.codes
        half = term.Z @ Lambda
        V = V + half @ half.T * same
        slopes += [np.outer(term.Z[:, r], half[:, c]) * same for r, c in term.free]
    effects = np.array([one + one.T for one in slopes]).reshape(-1, n, n)
    return V, np.concatenate([effects, dV])


def dense_evaluate(arrays: StructuredArrays, par: FloatArray, reml: bool) -> DenseEvaluation:
    """Criterion, gradient and average information by their definitions.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.

    Source
    ------
    Gilmour, Thompson & Cullis (1995), Biometrics 51, 1440-1450, eq. 4-7.
    """
    n, p = arrays.X.shape
    df = n - p if reml else n
    V, dV = dense_covariance(arrays, par)
    inverse = np.linalg.inv(V)
    information = arrays.X.T @ inverse @ arrays.X
    P = inverse - inverse @ arrays.X @ np.linalg.solve(information, arrays.X.T @ inverse)
    Py = P @ arrays.y
    pwrss = float(arrays.y @ Py)
    value = float(np.linalg.slogdet(V)[1]) + df * (1.0 + np.log(2.0 * np.pi * pwrss / df))
    value += float(np.linalg.slogdet(information)[1]) if reml else 0.0
    trace = np.einsum("ij,kji->k", P if reml else inverse, dV)
    working = dV @ Py
    score = working @ Py
    gram = working @ P @ working.T
    average = (df / pwrss) * (gram - np.outer(score, score) / pwrss)
    beta = np.asarray(np.linalg.solve(information, arrays.X.T @ inverse @ arrays.y))
    gradient = np.asarray(trace - df / pwrss * score)
    return DenseEvaluation(value, gradient, np.asarray(average), beta, pwrss)
