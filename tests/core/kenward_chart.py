"""R of Kenward and Roger by brute force: V by its parameters, all derivatives by differences."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.dense import dense_covariance
from nestwise.core.structured.filled import fill
from nestwise.core.structured.model import StructuredArrays, effect_lambdas

STEP = 1e-3


def symmetric(m: int) -> FloatArray:
    """Weights of pairs of parameters."""
    A = np.random.default_rng(m).normal(size=(m, m))
    return np.asarray(A + A.T)


def theta_of(arrays: StructuredArrays, psi: FloatArray, linear: bool) -> FloatArray:
    """The adjustment's parameters of psi = (par, log sigma).

    Variances and covariances of random effects (of a pattern: variances, then correlations; if
    `linear`, covariances), what the residual structure says, logarithms of standard deviations.
    """
    errors, par, scale = arrays.errors, psi[:-1], np.exp(2.0 * psi[-1])
    out, at = [], 0
    lambdas = effect_lambdas(arrays, fill(arrays, par))
    for term, Lambda in zip(arrays.effects, lambdas, strict=True):
        own = par[at : at + term.n_par]
        at += term.n_par
        if term.pattern is None:
            rows, columns = np.array(term.free).T
            out.append(scale * (Lambda @ Lambda.T)[rows, columns])
            continue
        k = len(term.scale)
        values = term.pattern.natural(own, k)[0]
        variances = len(values) if linear else term.pattern.n_sds(k)
        out.append(np.append(scale * values[:variances], values[variances:]))
    for _ in range(errors.n_arms if errors.structure is not None else 0):
        own = par[at : at + errors.n_structure]
        at += errors.n_structure
        assert errors.structure is not None
        out.append(errors.structure.chart(own, errors.n_visits)[0])
    return np.concatenate([*out, psi[at:]])


def curvature(arrays: StructuredArrays, par: FloatArray, W: FloatArray, linear: bool) -> FloatArray:
    """W'V_ab W along `theta_of`, in the coordinates of (par, log sigma) at sigma = 1."""
    m, here = par.size + 1, np.append(par, 0.0)
    steps = STEP * np.eye(m)

    def both(psi: FloatArray) -> FloatArray:
        V = np.exp(2.0 * psi[-1]) * dense_covariance(arrays, fill(arrays, psi[:-1]))[0]
        return np.append((W.T @ V @ W).ravel(), theta_of(arrays, psi, linear))

    first = np.array([(both(here + h) - both(here - h)) / (2 * STEP) for h in steps])
    second = np.zeros((m, m, first.shape[1]))
    for i, g in enumerate(steps):
        for j, h in enumerate(steps[: i + 1]):
            change = both(here + g + h) + both(here - g - h)
            change -= both(here + g - h) + both(here - g + h)
            second[i, j] = second[j, i] = change / (4 * STEP**2)
    p = W.shape[1] ** 2
    bent = second[:, :, p:] @ np.linalg.inv(first[:, p:])
    out = second[:, :, :p] - bent @ first[:, :p]
    return np.asarray(out.reshape(m, m, W.shape[1], W.shape[1]))
