"""Likelihoods with structured residuals from n x n matrices, written from the definitions only."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray


def loglik(
    y: FloatArray, X: FloatArray, V: FloatArray, sigma: float | None = None, reml: bool = True
) -> tuple[float, FloatArray, FloatArray, float]:
    """Log-likelihood, coefficients, their standard errors and sigma for Cov(y) = sigma^2 V.

    Without `sigma` it is profiled out.
    """
    n, p = X.shape
    L = np.linalg.cholesky(V)
    Xw, yw = np.linalg.solve(L, X), np.linalg.solve(L, y)
    C = np.linalg.inv(Xw.T @ Xw)
    beta = C @ Xw.T @ yw
    rss = float(np.sum((yw - Xw @ beta) ** 2))
    df = n - p if reml else n
    s2 = rss / df if sigma is None else sigma**2
    value = -0.5 * (df * np.log(2 * np.pi * s2) + rss / s2) - np.log(np.diag(L)).sum()
    if reml:
        value -= 0.5 * np.linalg.slogdet(Xw.T @ Xw)[1]
    return float(value), beta, np.sqrt(s2 * np.diag(C)), float(np.sqrt(s2))


def blocks(subject: FloatArray, R: FloatArray) -> FloatArray:
    """R where rows share a subject, else zero."""
    return np.where(subject[:, None] == subject[None, :], R, 0.0)


def lags(index: FloatArray) -> FloatArray:
    return np.abs(index[:, None] - index[None, :])


def correlation(kind: str, natural: FloatArray, index: FloatArray, time: FloatArray) -> FloatArray:
    """Correlations of all rows as if of one subject, from natural parameters.

    `index` counts visits from 0; `time` is (n,) or (n, d).
    """
    k, at = lags(index).astype(int), time if time.ndim == 2 else time[:, None]
    d = np.sqrt(((at[:, None, :] - at[None, :, :]) ** 2).sum(axis=2))
    rho = float(natural[0])
    if kind == "cs":
        return np.where(k == 0, 1.0, rho)
    if kind == "ar1":
        return rho**k
    if kind == "car1":
        return rho**d
    if kind == "toep":
        return np.append(1.0, natural)[k]
    if kind == "ad":
        v = len(natural) + 1
        C = np.array(
            [[np.prod(natural[min(a, b) : max(a, b)]) for a in range(v)] for b in range(v)]
        )
        i = index.astype(int)
        return C[i[:, None], i]
    if kind == "us":
        v = int(index.max()) + 1
        C = np.eye(v)
        C[np.triu_indices(v, 1)] = natural
        C = C + C.T - np.eye(v)
        i = index.astype(int)
        return C[i[:, None], i]
    c = float(natural[1]) if len(natural) > 1 else 0.0
    shape = np.exp(-d / rho) if kind == "exp" else np.exp(-((d / rho) ** 2))
    return np.where(d == 0.0, 1.0, (1.0 - c) * shape)
