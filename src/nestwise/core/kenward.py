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
        Nothing of order n x n or q x q is formed on the way, unless factors are crossed: what is
        left when all that can be is eliminated by level is dense.

    Notes
    -----
    The traces are minus the second derivatives of log|V| by the components. Those with the
    residual follow from V = sum_a t_a V_a (Euler): sum_b t_b tr(V^-1 V_a V^-1 V_b) = tr(V^-1 V_a).
    """
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    sums = problem.kernel.kenward_roger(flat, problem.entries)
    m, p = len(problem.entries), problem.p
    t = component_values(problem, flat)
    traces = np.empty((m + 1, m + 1))
    traces[:m, :m] = sums.second
    traces[:m, m] = traces[m, :m] = sums.first - sums.second @ t
    traces[m, m] = problem.n - float(sums.first @ t) - float(traces[m, :m] @ t)
    return VarianceComponents(
        P=-sums.plain.reshape(m + 1, p, m + 1, p)[m].transpose(1, 0, 2),
        Q=sums.weighted.reshape(m + 1, p, m + 1, p).transpose(0, 2, 1, 3),
        traces=traces,
    )


def component_values(problem: Problem, flat: FloatArray) -> FloatArray:
    """(m,) the (co)variances Lambda Lambda' at the free entries, relative to sigma^2."""
    covariances, at = [], 0
    for k, _ in problem.shapes:
        Lambda = flat[at : at + k * k].reshape(k, k)
        covariances.append((Lambda @ Lambda.T).ravel())
        at += k * k
    return np.asarray(np.concatenate(covariances)[problem.lambda_index])
