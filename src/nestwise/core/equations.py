"""The mixed-model equations solved for given rows: the joint covariance of (beta, b).

Source: Henderson (1975), Biometrics 31, 423-447: with K the coefficient matrix of the mixed-model
equations, Var(beta_hat, b_hat - b) = sigma^2 K^-1 (in the coordinates of K).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.lmm import flat_lambdas, lambda_templates
from nestwise.core.problem import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows x'beta + z'b of a model, in the user's units.

    Parameters
    ----------
    X : (r, p) float64
        Coefficients of the fixed effects.
    levels : tuple of (r,) int32
        For each grouping factor the level of each row, -1 for none.
    Z : tuple of (r, k) float64
        For each grouping factor the coefficients of its k effects (all terms side by side).
    """

    X: FloatArray
    levels: tuple[IntArray, ...]
    Z: tuple[FloatArray, ...]


def row_variances(problem: Problem, theta: FloatArray, rows: Rows) -> FloatArray:
    """Variance of x'(beta_hat - beta) + z'(b_hat - b) of each row, relative to sigma^2.

    Parameters
    ----------
    problem : Problem
        The model.
    theta : (m,) float64
        Relative covariance parameters, user's units.
    rows : Rows
        The rows; effects of levels -1 count nothing.

    Returns
    -------
    (r,) float64
        Times sigma^2 it is the prediction-error variance given theta.
    """
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    values = [
        np.ascontiguousarray(z @ La)
        for z, La in zip(rows.Z, lambda_templates(problem, theta), strict=True)
    ]
    X = np.ascontiguousarray(rows.X @ problem.basis.to_user)
    return problem.kernel.row_forms(flat, rows.levels, values, X)


def joint_covariance(problem: Problem, theta: FloatArray, rows: Rows) -> FloatArray:
    """Covariance of x'(beta_hat - beta) + z'(b_hat - b) between rows, relative to sigma^2.

    Parameters
    ----------
    problem, theta, rows
        As in `row_variances`.

    Returns
    -------
    (r, r) float64
        One right-hand side a row; nothing of order q x q is formed.
    """
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    lambdas = lambda_templates(problem, theta)
    r = len(rows.X)
    blocks = []
    for (k, m), level, z, La in zip(problem.shapes, rows.levels, rows.Z, lambdas, strict=True):
        block = np.zeros((m, k, r))
        known = np.flatnonzero(level >= 0)
        block[level[known], :, known] = (z @ La)[known]
        blocks.append(block.reshape(m * k, r))
    A = np.vstack([*blocks, (rows.X @ problem.basis.to_user).T])
    covariance: FloatArray = A.T @ problem.kernel.solve(flat, A)
    return 0.5 * (covariance + covariance.T)


def beta_covariance(problem: Problem, theta: FloatArray, rows: Rows) -> FloatArray:
    """Covariance of x'(beta_hat - beta) + z'(b_hat - b) of each row with beta_hat, over sigma^2.

    Parameters
    ----------
    problem, theta, rows
        As in `row_variances`.

    Returns
    -------
    (r, p) float64
        p right-hand sides, however many rows there are.
    """
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    q = sum(k * m for k, m in problem.shapes)
    rhs = np.zeros((q + problem.p, problem.p))
    rhs[q:] = problem.basis.to_user.T
    solved = problem.kernel.solve(flat, rhs)
    out: FloatArray = rows.X @ problem.basis.to_user @ solved[q:]
    at = 0
    lambdas = lambda_templates(problem, theta)
    for (k, m), level, z, La in zip(problem.shapes, rows.levels, rows.Z, lambdas, strict=True):
        block = solved[at : at + k * m].reshape(m, k, problem.p)
        known = np.flatnonzero(level >= 0)
        out[known] += np.einsum("rk,rkp->rp", (z @ La)[known], block[level[known]])
        at += k * m
    return out
