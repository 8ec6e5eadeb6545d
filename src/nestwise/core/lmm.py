"""Criterion of the linear mixed model and its exact derivatives, in the user's units.

Source: Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), eq. 34 (ML) and 41 (REML);
Gilmour, Thompson & Cullis (1995), Biometrics 51, 1440-1450 (average information).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core import _kernels
from nestwise.core.kernel import KernelResult
from nestwise.core.problem import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The criterion at one theta, with derivatives by theta (user's units, lme4's order).

    Parameters
    ----------
    criterion : float
        Profiled REML criterion or -2 log-likelihood; NaN where the model is degenerate.
    gradient : (m,) float64
        Its derivative.
    gradient_logdet, gradient_pwrss : (m,) float64
        Derivatives of the log-determinants and of rho^2(theta), of which it is made.
    information : (m, m) float64
        Average information; empty unless ``order=2``.
    beta : (p,) float64
        Fixed effects.
    pwrss : float
        rho^2(theta).
    sigma : float
        sqrt(pwrss / df), df = n or n - p.
    ldL2, ldRX2 : float
        log|M| and log|R_X|^2 (X in the user's units).
    kernel : KernelResult
        The same in the kernel's units, and what curvature needs.
    """

    criterion: float
    gradient: FloatArray
    gradient_logdet: FloatArray
    gradient_pwrss: FloatArray
    information: FloatArray
    beta: FloatArray
    pwrss: float
    sigma: float
    ldL2: float
    ldRX2: float
    kernel: KernelResult


def lambda_templates(problem: Problem, theta: FloatArray) -> tuple[FloatArray, ...]:
    """(k, k) relative Cholesky factor of each factor, in the units of `theta`."""
    flat, out, at = flat_lambdas(problem, theta), [], 0
    for k, _ in problem.shapes:
        out.append(flat[at : at + k * k].reshape(k, k))
        at += k * k
    return tuple(out)


def term_lambdas(problem: Problem, theta: FloatArray) -> tuple[FloatArray, ...]:
    """(k, k) relative Cholesky factor of each term, in the user's units."""
    full = lambda_templates(problem, theta)
    return tuple(
        full[t.factor][t.first : t.first + t.k, t.first : t.first + t.k] for t in problem.terms
    )


def flat_lambdas(problem: Problem, par: FloatArray) -> FloatArray:
    """(sum k^2,) Lambdas as the kernel takes them; `par` is theta in the kernel's units."""
    flat = np.zeros(problem.lambda_size)
    flat[problem.lambda_index] = par
    return flat


def degrees(problem: Problem, reml: bool) -> int:
    """Residual degrees of freedom of the criterion: n - p (REML) or n (ML)."""
    return problem.n - problem.p if reml else problem.n


def combine(problem: Problem, result: KernelResult, reml: bool) -> float:
    """The criterion from its parts."""
    if not result.pwrss > 0.0:
        return float("nan")
    df = degrees(problem, reml)
    value = result.ldL2 + df * (1.0 + float(np.log(2.0 * np.pi * result.pwrss / df)))
    if reml:
        value += result.ldRX2 - 2.0 * problem.basis.log_det
    return value - problem.log_weights


def information(problem: Problem, result: KernelResult, reml: bool) -> FloatArray:
    """(m, m) average information of the profiled criterion, in the kernel's units."""
    if not len(result.gram):
        return result.gram
    outer = np.outer(result.score, result.score) / result.pwrss
    average: FloatArray = (result.gram - outer) * (degrees(problem, reml) / result.pwrss)
    return average


def user_beta(problem: Problem, result: KernelResult) -> FloatArray:
    """(p,) fixed effects in the user's units."""
    beta: FloatArray = problem.basis.to_user @ (result.beta + problem.basis.shift)
    return beta


def evaluate(problem: Problem, theta: FloatArray, reml: bool = True, order: int = 1) -> Evaluation:
    """The criterion at `theta`, its gradient, and with ``order=2`` the average information.

    Parameters
    ----------
    problem : Problem
        The model.
    theta : (m,) float64
        Relative covariance parameters, user's units, lme4's order.
    reml : bool
        REML criterion, else -2 log-likelihood.
    order : int
        0: criterion only; 1: with gradient; 2: with average information.

    Returns
    -------
    Evaluation
        See there.
    """
    scale = problem.theta_scale
    r = problem.kernel.evaluate(flat_lambdas(problem, theta * scale), problem.entries, reml, order)
    df = degrees(problem, reml)
    logdet, pwrss = r.grad_logdet, r.grad_pwrss
    if len(logdet):
        logdet, pwrss = logdet * scale, pwrss * scale
    hessian = information(problem, r, reml)
    return Evaluation(
        criterion=combine(problem, r, reml),
        gradient=logdet + (df / r.pwrss) * pwrss,
        gradient_logdet=logdet,
        gradient_pwrss=pwrss,
        information=hessian * np.outer(scale, scale) if len(hessian) else hessian,
        beta=user_beta(problem, r) if len(r.beta) == problem.p else np.full(problem.p, np.nan),
        pwrss=r.pwrss,
        sigma=float(np.sqrt(r.pwrss / df)) if r.pwrss > 0 else float("nan"),
        ldL2=r.ldL2,
        ldRX2=r.ldRX2 - 2.0 * problem.basis.log_det,
        kernel=r,
    )


def covariance_from(problem: Problem, RX: FloatArray) -> FloatArray:
    """(p, p) (X'V0^-1 X)^-1 in the user's units from the kernel's lower factor."""
    half = problem.basis.to_user @ _kernels.invert_lower(RX).T
    return np.asarray(half @ half.T)


def unscaled_vcov(problem: Problem, theta: FloatArray) -> FloatArray:
    """(p, p) (X'V0^-1 X)^-1: times sigma^2 it is the covariance of the fixed effects."""
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    return covariance_from(problem, problem.kernel.evaluate(flat, problem.entries, True, 0).RX)


def vcov_derivatives(problem: Problem, theta: FloatArray) -> FloatArray:
    """(m, p, p) derivatives of `unscaled_vcov` by theta: C (X'V^-1 V_i V^-1 X) C."""
    flat = flat_lambdas(problem, theta * problem.theta_scale)
    forms = problem.kernel.vcov_forms(flat, problem.entries)
    RX = problem.kernel.evaluate(flat, problem.entries, True, 0).RX
    inverse = np.linalg.inv(RX)
    half = problem.basis.to_user @ inverse.T @ inverse
    return np.asarray(half @ forms @ half.T * problem.theta_scale[:, None, None])


def conditional_covariance(problem: Problem, theta: FloatArray) -> tuple[FloatArray, ...]:
    """(n_levels, k, k) for each term: conditional covariance of b given y, relative to sigma^2.

    The fixed effects are held at their estimates, as lme4's ``ranef(condVar=TRUE)`` does.
    """
    flat = problem.kernel.conditional_faces(flat_lambdas(problem, theta * problem.theta_scale))
    full = lambda_templates(problem, theta)
    per_factor, at = [], 0
    for (k, m), La in zip(problem.shapes, full, strict=True):
        C = flat[at : at + m * k * k].reshape(m, k, k)
        per_factor.append(La @ C @ La.T)
        at += m * k * k
    return tuple(
        per_factor[t.factor][:, t.first : t.first + t.k, t.first : t.first + t.k]
        for t in problem.terms
    )


def conditional_modes(
    problem: Problem, theta: FloatArray, result: KernelResult
) -> tuple[FloatArray, ...]:
    """(n_levels, k) conditional modes b = Lambda u of each term, in the user's units."""
    # Lambda in the kernel's units gives b of the scaled columns; dividing by the scale of a
    # column is the same as Lambda in the user's units.
    full = lambda_templates(problem, theta)
    per_factor, at = [], 0
    for (k, m), La in zip(problem.shapes, full, strict=True):
        per_factor.append(result.u[at : at + m * k].reshape(m, k) @ La.T)
        at += m * k
    return tuple(per_factor[t.factor][:, t.first : t.first + t.k] for t in problem.terms)
