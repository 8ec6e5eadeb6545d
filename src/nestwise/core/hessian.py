"""Exact Hessian of the unprofiled criterion.

By differences of its exact gradient, which work everywhere and cost two evaluations a parameter, or
from one full inverse where there are many parameters for the size of the matrix.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.kernel import KernelResult
from nestwise.core.lmm import degrees, flat_lambdas, lambda_templates
from nestwise.core.problem import Problem
from nestwise.core.trace_products import divisible, trace_products

STEP = 1e-4
"""Relative step of the central differences: their error is of the order of its square."""

DEAR, LARGE = 500, 20_000
"""Order of the dense remainder, and random effects, from which gradients are so dear that
differences are one-sided."""

ONE_SIDED = 5e-7
"""Their relative step. They miss the curvature by 1e-6, central ones by 1e-8 (measured)."""

MANY = 6
"""Parameters from which one full inverse may be cheaper than an evaluation for each."""

FULL = 2_000
"""Random effects up to which a full inverse is made: it takes 30 MiB, and a few copies."""


def hessian(
    problem: Problem,
    theta: FloatArray,
    sigma: float,
    reml: bool,
    here: KernelResult | None = None,
) -> FloatArray:
    """Second derivatives of the deviance (ML or REML) in (theta, sigma).

    Parameters
    ----------
    problem : Problem
        The model.
    theta : (m,) float64
        Where, in the user's units.
    sigma : float
        Residual standard deviation.
    reml : bool
        REML or ML deviance.
    here : KernelResult, optional
        An exact evaluation at `theta` with average information, if there is one.

    Returns
    -------
    (m + 1, m + 1) float64
        Symmetric; the last row and column belong to sigma. Twice its inverse is the asymptotic
        covariance of (theta, sigma).

    Notes
    -----
    The deviance is ``ldL2 [+ ldRX2] + df log(2 pi sigma^2) + pwrss / sigma^2``.
    """
    m, scale = len(theta), problem.theta_scale
    flat = flat_lambdas(problem, theta * scale)
    lambdas = lambda_templates(problem, theta * scale) if inverse_pays(problem) else ()
    direct = len(lambdas) > 0 and divisible(lambdas)
    if here is None:
        here = problem.kernel.evaluate(flat, problem.entries, reml, 2 if direct else 1)
    inner = (
        _by_inverse(problem, lambdas, here, sigma, reml)
        if direct
        else _by_differences(problem, flat, theta * scale, here, sigma, reml)
    )
    H = np.empty((m + 1, m + 1))
    H[:m, :m] = scale * scale[:, None] * inner
    H[:m, m] = H[m, :m] = (-2.0 / sigma**3) * scale * here.grad_pwrss
    H[m, m] = -2.0 * degrees(problem, reml) / sigma**2 + 6.0 * here.pwrss / sigma**4
    return H


def inverse_pays(problem: Problem) -> bool:
    """Whether q^2 numbers cost less than two evaluations for each parameter.

    Parameters
    ----------
    problem : Problem
        The model; one evaluation is taken to be q + s^3 multiplications, s the order of what is
        dense, and the inverse q^2 s.
    """
    q, s = sum(k * m for k, m in problem.shapes), problem.kernel.dense_order
    m = len(problem.entries)
    return m >= MANY and q <= FULL and q * q * s < 2 * m * (10 * q + s**3)


def one_sided(problem: Problem) -> bool:
    """Whether differences of gradients are one-sided, and so hold six digits in place of eight.

    Parameters
    ----------
    problem : Problem
        The model.
    """
    q = sum(k * m for k, m in problem.shapes)
    return problem.kernel.dense_order >= DEAR or q >= LARGE


def _by_differences(
    problem: Problem,
    flat: FloatArray,
    par: FloatArray,
    here: KernelResult,
    sigma: float,
    reml: bool,
) -> FloatArray:
    """(m, m): differences of gradients, central or one-sided."""
    dear, precision = one_sided(problem), 1.0 / sigma**2
    steps = (ONE_SIDED if dear else STEP) * np.maximum(np.abs(par), 0.1)
    base = here.grad_logdet + precision * here.grad_pwrss if dear else None
    return problem.kernel.gradient_differences(flat, problem.entries, reml, precision, steps, base)


def _by_inverse(
    problem: Problem,
    lambdas: tuple[FloatArray, ...],
    here: KernelResult,
    sigma: float,
    reml: bool,
) -> FloatArray:
    """(m, m): 2 y'P V_i P V_j P y / sigma^2 - tr(P V_i P V_j) + the bend of Lambda Lambda'."""
    flat = np.concatenate([La.ravel() for La in lambdas])
    traces = trace_products(problem, flat, lambdas, reml)
    sums = np.split(here.residual_gram, np.cumsum([La.size for La in lambdas])[:-1])
    scores = tuple(
        first - residual.reshape(first.shape) / sigma**2
        for first, residual in zip(traces.first, sums, strict=True)
    )
    return 2.0 * here.gram / sigma**2 - traces.second + second_part(problem, scores)


def second_part(problem: Problem, scores: tuple[FloatArray, ...]) -> FloatArray:
    """(m, m): 2 S[r, r'] for entries (r, c) and (r', c) in the same column of the same factor.

    S is the derivative by Lambda Lambda'; gradient = lower triangle of 2 S Lambda.

    Parameters
    ----------
    problem : Problem
        Positions of the entries.
    scores : tuple of (k, k) float64
        S of each factor, symmetric.
    """
    factor, row, column = problem.entries.T
    same = (factor[:, None] == factor) & (column[:, None] == column)
    widest = max(k for k, _ in problem.shapes)
    stacked = np.zeros((len(scores), widest, widest))
    for f, score in enumerate(scores):
        stacked[f, : len(score), : len(score)] = score
    return np.where(same, 2.0 * stacked[factor[:, None], row[:, None], row], 0.0)
