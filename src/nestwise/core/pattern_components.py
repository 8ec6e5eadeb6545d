"""Kenward & Roger's forms by the parameters of structured terms, in which V is not linear.

With t_a the (co)variances in which V = sum_a t_a V_a is linear, and phi the parameters that fill
them, forms by phi follow from those by t and the derivatives of t by phi; the second derivatives of
V add a term of their own.

Source: Kenward & Roger (1997), Biometrics 53, 983-997, eq. 3 (R_ij = X'V^-1 V_ij V^-1 X).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise.core.kenward import VarianceComponents
from nestwise.core.lmm import flat_lambdas, lambda_templates, term_lambdas
from nestwise.core.patterns import pattern_places, theta_of
from nestwise.core.problem import Problem

LEAST = 1e-3
"""Pivot of a relative Lambda below which Kenward & Roger's forms are not formed."""

STEP = 1e-3
"""Step of the four-point differences of exact first derivatives."""


@dataclass(frozen=True, slots=True, eq=False)
class StructuredComponents:
    """Forms by the parameters phi (variances, covariances or correlations) and the residual's.

    Parameters
    ----------
    linear : VarianceComponents
        P, Q and traces by phi.
    R : (n_par + 1, n_par + 1, p, p) float64
        X'V^-1 V_ij V^-1 X.
    """

    linear: VarianceComponents
    R: FloatArray


def structured_components(
    problem: Problem, par: FloatArray, parts: VarianceComponents
) -> StructuredComponents:
    """Carry the forms of the linear components to the parameters of the structures.

    Parameters
    ----------
    problem : Problem
        The model.
    par : (n_par,) float64
        As in `nestwise.core.patterns`.
    parts : VarianceComponents
        From `nestwise.core.kenward.variance_components`.

    Raises
    ------
    OptionError
        Where a variance of a structured term is zero or its correlations are at their limits.
    """
    _refuse_limits(problem, par)
    n = len(par)
    J = np.zeros((n + 1, len(problem.entries) + 1))
    J[:n, :-1], J[n, -1] = _by_phi(problem, par), 1.0
    second = np.zeros((n + 1, n + 1, J.shape[1]))
    second[:n, :n, :-1] = _second(problem, par)
    linear = VarianceComponents(
        P=np.einsum("ia,apq->ipq", J, parts.P),
        Q=np.einsum("ia,jb,abpq->ijpq", J, J, parts.Q),
        traces=J @ parts.traces @ J.T,
    )
    return StructuredComponents(linear, -np.einsum("ija,apq->ijpq", second, parts.P))


def _refuse_limits(problem: Problem, par: FloatArray) -> None:
    """Variances near zero and correlations at their limits leave V no usable derivatives."""
    theta, _ = theta_of(problem, par)
    lambdas = term_lambdas(problem, theta * problem.theta_scale)
    for (pattern, *_), Lambda in zip(pattern_places(problem), lambdas, strict=True):
        if pattern is not None and np.abs(Lambda.diagonal()).min() < LEAST:
            raise OptionError(
                "ddf='kenward-roger' needs structured random effects whose variances are above "
                "zero and whose correlations are inside their limits, and those of this fit are "
                "not; use ddf='satterthwaite' or a simpler term"
            )


def _by_par(problem: Problem, par: FloatArray) -> FloatArray:
    """(n_par, m) derivatives of the (co)variances Lambda Lambda', kernel's units, by par."""
    theta, slopes = theta_of(problem, par)
    scale = problem.theta_scale
    lambdas = lambda_templates(problem, theta * scale)
    out = np.zeros_like(slopes)
    for i, slope in enumerate(slopes):
        moved, at, pieces = flat_lambdas(problem, slope * scale), 0, []
        for L in lambdas:
            dL = moved[at : at + L.size].reshape(L.shape)
            pieces.append((dL @ L.T + L @ dL.T).ravel())
            at += L.size
        out[i] = np.concatenate(pieces)[problem.lambda_index]
    return out


def _by_phi(problem: Problem, par: FloatArray) -> FloatArray:
    """(n_par, m) derivatives of the (co)variances by phi; plain terms keep them as parameters."""
    by_par = _by_par(problem, par)
    for pattern, k, own, filled in pattern_places(problem):
        if pattern is None:
            by_par[own] = 0.0
            by_par[own, filled] = np.eye(filled.stop - filled.start)
        else:
            by_par[own] = np.linalg.solve(pattern.natural(par[own], k)[1].T, by_par[own])
    return by_par


def _second(problem: Problem, par: FloatArray) -> FloatArray:
    """(n_par, n_par, m) second derivatives of the (co)variances by phi."""
    n = len(par)
    out = np.zeros((n, n, len(problem.entries)))
    for pattern, k, own, _ in pattern_places(problem):
        if pattern is None:
            continue
        change = np.array([_difference(problem, par, i) for i in range(own.start, own.stop)])
        by_phi = np.linalg.inv(pattern.natural(par[own], k)[1])
        out[own] = np.einsum("ij,ibm->jbm", by_phi, change)
    return 0.5 * (out + out.transpose(1, 0, 2))


def _difference(problem: Problem, par: FloatArray, i: int) -> FloatArray:
    """(n_par, m) derivative of `_by_phi` by one par, by four-point differences."""
    move = np.zeros(len(par))
    move[i] = STEP
    near = _by_phi(problem, par + move) - _by_phi(problem, par - move)
    far = _by_phi(problem, par + 2.0 * move) - _by_phi(problem, par - 2.0 * move)
    return np.asarray((8.0 * near - far) / (12.0 * move[i]))
