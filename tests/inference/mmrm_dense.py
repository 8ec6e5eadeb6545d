"""Kenward and Roger's adjustment by its formulas, in mmrm's own parameters, subject by subject.

Written from mmrm's vignettes on covariance structures, model fitting and Kenward-Roger; derivatives
of Sigma are differences. Shares no line with `core.structured`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray

STEP = 2e-3
VISITS = 4
Function = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Subjects in the first axis, visits in the second; what was not observed is masked."""

    y: FloatArray
    X: FloatArray
    seen: FloatArray
    time: FloatArray
    arm: IntArray


def correlated(theta: FloatArray) -> FloatArray:
    return np.asarray(theta / np.sqrt(1.0 + theta**2))


def correlation(name: str, theta: FloatArray, time: FloatArray) -> FloatArray:
    """(v, v), or (N, v, v) where times differ."""
    lag = np.abs(np.subtract.outer(np.arange(VISITS), np.arange(VISITS)))
    if name == "cs":
        low = 1.0 / (VISITS - 1)
        rho = (1.0 + low) / (1.0 + np.exp(-theta[0])) - low
        return np.where(lag == 0, 1.0, rho)
    if name == "ar1":
        return np.asarray(correlated(theta)[0] ** lag)
    if name == "ad":
        rho = correlated(theta)
        return np.array(
            [[np.prod(rho[min(i, j) : max(i, j)]) for j in range(VISITS)] for i in range(VISITS)]
        )
    if name == "toep":
        return np.append(1.0, correlated(theta))[lag]
    power = {"exp": 1, "car1": 1, "gau": 2}[name]
    distance = np.sqrt(((time[:, :, None] - time[:, None]) ** 2).sum(axis=-1))
    return np.asarray((1.0 / (1.0 + np.exp(-theta[0]))) ** (distance**power))


def sigma(name: str, theta: FloatArray, time: FloatArray) -> FloatArray:
    """Covariance matrix of all visits."""
    if name == "us":
        L = np.eye(VISITS)
        L[np.tril_indices(VISITS, -1)] = theta[VISITS:]
        L = np.exp(theta[:VISITS])[:, None] * L
        return np.asarray(L @ L.T)
    if name in ("exp", "car1", "gau"):
        return np.asarray(np.exp(theta[0]) * correlation(name, theta[1:], time))
    if name in ("csh", "ar1h", "adh", "toeph"):
        sd = np.exp(theta[:VISITS])
        return np.asarray(np.outer(sd, sd) * correlation(name[:-1], theta[VISITS:], time))
    return np.asarray(np.exp(2.0 * theta[0]) * correlation(name, theta[1:], time))


def derivative(f: Function, at: FloatArray) -> FloatArray:
    """Derivatives by four-point differences, in a new first axis."""
    out = []
    for i in range(len(at)):
        move = np.zeros(len(at))
        move[i] = STEP
        near, far = f(at + move) - f(at - move), f(at + 2 * move) - f(at - 2 * move)
        out.append((8.0 * near - far) / (12.0 * STEP))
    return np.array(out)


def matrices(name: str, theta: FloatArray, trial: Trial) -> FloatArray:
    """(N, v, v) Sigma of each subject, with an identity where nothing was seen."""
    by_arm = theta.reshape(int(trial.arm.max()) + 1, -1)
    shape = (len(trial.y), VISITS, VISITS)
    out = np.zeros(shape)
    for arm, one in enumerate(by_arm):
        whole = np.broadcast_to(sigma(name, one, trial.time), shape)
        out[trial.arm == arm] = whole[trial.arm == arm]
    both = trial.seen[:, :, None] * trial.seen[:, None]
    return np.where(both > 0.0, out, 0.0) + np.eye(VISITS) * (1.0 - trial.seen)[:, None]


def reml(name: str, theta: FloatArray, trial: Trial) -> float:
    """-2 restricted log-likelihood, with its constant."""
    V = matrices(name, theta, trial)
    XV = np.swapaxes(trial.X, 1, 2) @ np.linalg.inv(V)
    C = (XV @ trial.X).sum(axis=0)
    beta = np.linalg.solve(C, np.einsum("npv,nv->p", XV, trial.y))
    e = trial.y - trial.X @ beta
    logdet = np.linalg.slogdet(V)[1].sum() + np.linalg.slogdet(C)[1]
    quadratic = np.einsum("nv,nvw,nw->", e, np.linalg.inv(V), e)
    free = trial.seen.sum() - len(beta)
    return float(logdet + quadratic + free * np.log(2.0 * np.pi))


def slope(name: str, theta: FloatArray, trial: Trial) -> FloatArray:
    """Derivatives of `reml`: log|V| + log|C| + e'V^-1 e by its formula."""
    inverse = np.linalg.inv(matrices(name, theta, trial))
    dV = derivative(lambda t: matrices(name, t, trial), theta)
    W = inverse @ trial.X
    C = np.linalg.inv((np.swapaxes(trial.X, 1, 2) @ W).sum(axis=0))
    beta = C @ np.einsum("nvp,nv->p", W, trial.y)
    r = np.einsum("nvw,nw->nv", inverse, trial.y - trial.X @ beta)
    S = inverse - W @ C @ np.swapaxes(W, 1, 2) - r[:, :, None] * r[:, None]
    return np.einsum("anvw,nvw->a", dV, S)


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    """P, Q, R, W and Phi of the vignette."""

    Phi: FloatArray
    P: FloatArray
    Q: FloatArray
    R: FloatArray
    W: FloatArray

    def vcov(self, linear: bool) -> FloatArray:
        second = 0.0 if linear else 0.25
        middle = np.einsum("ab,abij->ij", self.W, self.Q - second * self.R)
        middle -= np.einsum("ab,aij,jk,bkl->il", self.W, self.P, self.Phi, self.P)
        return np.asarray(self.Phi + 2.0 * self.Phi @ middle @ self.Phi)

    def df(self, row: FloatArray) -> float:
        a = np.einsum("i,ij,ajk,kl,l->a", row, self.Phi, self.P, self.Phi, row)
        return float(2.0 * (row @ self.Phi @ row) ** 2 / (a @ self.W @ a))


def adjusted(name: str, theta: FloatArray, trial: Trial) -> Adjusted:
    inverse = np.linalg.inv(matrices(name, theta, trial))
    W = inverse @ trial.X

    def first(t: FloatArray) -> FloatArray:
        return derivative(lambda u: matrices(name, u, trial), t)

    dV, ddV = first(theta), derivative(first, theta)
    hessian = derivative(lambda t: slope(name, t, trial), theta)
    return Adjusted(
        np.linalg.inv((np.swapaxes(trial.X, 1, 2) @ W).sum(axis=0)),
        -np.einsum("nvp,anvw,nwq->apq", W, dV, W),
        np.einsum("nvp,anvw,nwx,bnxy,nyq->abpq", W, dV, inverse, dV, W, optimize=True),
        np.einsum("nvp,abnvw,nwq->abpq", W, ddV, W, optimize=True),
        np.linalg.inv(0.25 * (hessian + hessian.T)),
    )
