"""What Kenward & Roger's adjustment is made of, for all variance components.

Source: Kenward & Roger (1997), Biometrics 53, 983-997; notation of Halekoh & Hojsgaard (2014),
J. Stat. Softw. 59(9), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import Problem

LARGE = 1500
"""Order of the dense remainder up to which traces are computed from the matrix itself."""

INSIDE = 1e-7
"""Variance, relative to the residual's, by which singular matrices are moved inside."""

STEP = 1e-4
"""Relative step of the differences: their error is of the order of its square."""


@dataclass(frozen=True, slots=True, eq=False)
class VarianceComponents:
    """Forms and traces at sigma = 1; V = sum_a t_a V_a, the residual being the last component.

    The components are those of the engine (scaled columns), as is X; degrees of freedom do not
    depend on such units.

    Parameters
    ----------
    P : (m + 1, p, p) float64
        -X'V^-1 V_a V^-1 X.
    Q : (m + 1, m + 1, p, p) float64
        X'V^-1 V_a V^-1 V_b V^-1 X.
    traces : (m + 1, m + 1) float64
        tr(V^-1 V_a V^-1 V_b).
    """

    P: FloatArray
    Q: FloatArray
    traces: FloatArray


def variance_components(problem: Problem, theta: FloatArray) -> VarianceComponents:
    """Forms and traces of all variance components, from blocks and faces of the elimination.

    Parameters
    ----------
    problem : Problem
        The model.
    theta : (m,) float64
        Relative covariance parameters, user's units.

    Returns
    -------
    VarianceComponents
        Nothing of order n x n or q x q is formed on the way. Where factors are crossed, what is
        left when all that can be is eliminated by level is dense up to order `LARGE`; beyond it
        the traces are differences of exact first derivatives, which need its sparse factor only.

    Notes
    -----
    The traces are minus the second derivatives of log|V| by the components. Those with the
    residual follow from V = sum_a t_a V_a (Euler): sum_b t_b tr(V^-1 V_a V^-1 V_b) = tr(V^-1 V_a).
    """
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    exact = problem.kernel.dense_order <= LARGE
    sums = problem.kernel.kenward_roger(flat, problem.entries, exact)
    first, second = sums.first, sums.second
    if not exact:
        first, second = traces_by_differences(problem, flat)
    m, p = len(problem.entries), problem.p
    t = component_values(problem, flat)
    traces = np.empty((m + 1, m + 1))
    traces[:m, :m] = second
    traces[:m, m] = traces[m, :m] = first - second @ t
    traces[m, m] = problem.n - float(first @ t) - float(traces[m, :m] @ t)
    return VarianceComponents(
        P=-sums.plain.reshape(m + 1, p, m + 1, p)[m].transpose(1, 0, 2),
        Q=sums.weighted.reshape(m + 1, p, m + 1, p).transpose(0, 2, 1, 3),
        traces=traces,
    )


def traces_by_differences(problem: Problem, flat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """tr(V0^-1 V_a), (m,), and tr(V0^-1 V_a V0^-1 V_b), (m, m), by the gradient of log|V0|.

    Covariance matrices that are nearly singular are first moved inside by `INSIDE`.

    Parameters
    ----------
    problem : Problem
        The model.
    flat : (sum k^2,) float64
        Its Lambdas in the kernel's units.
    """
    covariances = []
    for Lambda in _blocks(problem, flat):
        T = Lambda @ Lambda.T
        low = float(np.linalg.eigvalsh(T)[0])
        covariances.append(T if low > 10.0 * INSIDE else T + INSIDE * np.eye(len(T)))
    second = np.empty((len(problem.entries),) * 2)
    for b, (f, r, c) in enumerate(problem.entries.tolist()):
        T = covariances[f]
        step = min(STEP * float(np.sqrt(T[r, r] * T[c, c])), 0.4 * float(np.linalg.eigvalsh(T)[0]))
        ends = []
        for sign in (1.0, -1.0):
            moved = list(covariances)
            moved[f] = T.copy()
            moved[f][r, c] += sign * step
            moved[f][c, r] = moved[f][r, c]
            ends.append(_first_traces(problem, moved))
        second[:, b] = -(ends[0] - ends[1]) / (2.0 * step)
    return _first_traces(problem, covariances), 0.5 * (second + second.T)


def _first_traces(problem: Problem, covariances: list[FloatArray]) -> FloatArray:
    """(m,): tr(V0^-1 V_a) from d log|M| / d Lambda = 2 sum_l (G Lambda)_ll, G = Z'V0^-1 Z."""
    lambdas = [np.linalg.cholesky(T) for T in covariances]
    lower = [(f, r, c) for f, L in enumerate(lambdas) for r in range(len(L)) for c in range(r + 1)]
    flat = np.concatenate([L.ravel() for L in lambdas])
    entries = np.array(lower, dtype=np.int32)
    gradient = problem.kernel.evaluate(flat, entries, False, 1).grad_logdet
    product = {key: 0.5 * g for key, g in zip(lower, gradient.tolist(), strict=True)}
    G = [np.zeros_like(L) for L in lambdas]
    # Only the lower triangle of G Lambda is known: solve for G from its last row upwards.
    for f, r, c in sorted(lower, key=lambda key: (key[0], -key[1], -key[2])):
        L = lambdas[f]
        rest = float(G[f][r, c + 1 :] @ L[c + 1 :, c])
        G[f][r, c] = G[f][c, r] = (product[f, r, c] - rest) / L[c, c]
    return np.array([G[f][r, c] * (1.0 if r == c else 2.0) for f, r, c in problem.entries.tolist()])


def _blocks(problem: Problem, flat: FloatArray) -> list[FloatArray]:
    out, at = [], 0
    for k, _ in problem.shapes:
        out.append(flat[at : at + k * k].reshape(k, k))
        at += k * k
    return out


def component_values(problem: Problem, flat: FloatArray) -> FloatArray:
    """(m,) the (co)variances Lambda Lambda' at the free entries, relative to sigma^2."""
    covariances = [(Lambda @ Lambda.T).ravel() for Lambda in _blocks(problem, flat)]
    return np.asarray(np.concatenate(covariances)[problem.lambda_index])
