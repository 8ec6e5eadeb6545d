"""The criterion, gradient and curvature at one par: what the optimiser steps on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.hessian import second_part
from nestwise.core.kernel import KernelResult
from nestwise.core.lmm import combine, degrees, flat_lambdas, information
from nestwise.core.problem import Problem

NEAR_ZERO = 1e-4
"""Size of Lambda below which the score by the covariance cannot be read off its inverse."""

NUDGE = 3e-3
"""Relative standard deviation that is added where Lambda is singular, to read the score."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One evaluation on the way to the optimum, in the kernel's units.

    Parameters
    ----------
    par : (m,) float64
        theta in the kernel's units, any sign.
    value : float
        Criterion, NaN where the model is degenerate.
    gradient : (m,) float64
        Its derivative by par.
    hessian : (m, m) float64
        Average information plus the curvature of Lambda Lambda' itself; may be indefinite.
    evaluations : int
        Evaluations of the kernel that it took.
    result : KernelResult
        What the kernel returned.
    """

    par: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    evaluations: int
    result: KernelResult


def _inverse(Lambda: FloatArray) -> FloatArray | None:
    """Inverse of a lower triangular Lambda, None where it is too near singular to divide by."""
    if np.abs(Lambda.diagonal()).min() < NEAR_ZERO:
        return None
    inverse: FloatArray = np.asarray(np.linalg.inv(Lambda), dtype=np.float64)
    return inverse if np.abs(inverse).max() < 1.0 / NEAR_ZERO else None


def _score(
    inverse: FloatArray, faces: FloatArray, residual_gram: FloatArray, levels: int, ratio: float
) -> FloatArray:
    """S of one factor: sum_l (Z'P0Z)_ll - (df / rho^2) sum_l v_l v_l'.

    sum_l (Z'P0Z)_ll = Lambda^-T (m I - sum_l C_ll) Lambda^-1, because Lambda'Z'Z Lambda = M - I.
    """
    trace = inverse.T @ (levels * np.eye(len(inverse)) - faces) @ inverse
    score: FloatArray = trace - ratio * residual_gram
    return 0.5 * (score + score.T)


def _scores(
    problem: Problem, flat: FloatArray, r: KernelResult, reml: bool, known_scale: bool = False
) -> tuple[tuple[FloatArray, ...], int]:
    """S of every factor, and the further evaluations that it took (0 or 1).

    Where Lambda is singular, S is read beside it, at Lambda Lambda' + NUDGE^2 I: S is a smooth
    function of the covariance, so that the error is of the order of NUDGE^2.
    """
    blocks = [flat[at].reshape(k, k) for at, k in _parts(problem)]
    inverses = [_inverse(block) for block in blocks]
    extra = 0
    if any(inverse is None for inverse in inverses):
        nudged = [
            _nudged(block) if inverse is None else block
            for block, inverse in zip(blocks, inverses, strict=True)
        ]
        beside = np.concatenate([block.ravel() for block in nudged])
        near = problem.kernel.evaluate(beside, problem.entries, reml, 1)
        extra = 1
        if np.isfinite(near.pwrss) and near.pwrss > 0.0:
            r = near
            inverses = [np.asarray(np.linalg.inv(b), dtype=np.float64) for b in nudged]
    ratio, out = 1.0 if known_scale else degrees(problem, reml) / r.pwrss, []
    for (at, k), inverse, (_, levels) in zip(
        _parts(problem), inverses, problem.shapes, strict=True
    ):
        if inverse is None:
            out.append(np.zeros((k, k)))
            continue
        faces, gram = r.faces[at].reshape(k, k), r.residual_gram[at].reshape(k, k)
        out.append(_score(inverse, faces, gram, levels, ratio))
    return tuple(out), extra


def _nudged(Lambda: FloatArray) -> FloatArray:
    """Lower factor of Lambda Lambda' + NUDGE^2 I, by QR so that nothing is squared."""
    stacked = np.vstack([Lambda.T, NUDGE * np.eye(len(Lambda))])
    return np.asarray(np.linalg.qr(stacked)[1].T)


def _parts(problem: Problem) -> list[tuple[slice, int]]:
    """Where each factor's k x k block stands in flat arrays, and its k."""
    out, at = [], 0
    for k, _ in problem.shapes:
        out.append((slice(at, at + k * k), k))
        at += k * k
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What an evaluation gives before it is put into the optimiser's coordinates.

    Parameters
    ----------
    value : float
        Criterion.
    gradient, information : (e,), (e, e) float64
        By the entries asked for.
    scores : tuple of (k, k) float64
        S of each factor: derivative by Lambda Lambda'.
    evaluations : int
        Evaluations of the kernel.
    result : KernelResult
        What the kernel returned.
    """

    value: float
    gradient: FloatArray
    information: FloatArray
    scores: tuple[FloatArray, ...]
    evaluations: int
    result: KernelResult


def evaluate_parts(problem: Problem, par: FloatArray, entries: IntArray, reml: bool) -> Parts:
    """Criterion at par, with derivatives by any entries of the Lambdas.

    Parameters
    ----------
    problem : Problem
        The model.
    par : (m,) float64
        theta in the kernel's units.
    entries : (e, 3) int32
        Factor, row and column of the entries to differentiate by, also above the diagonal.
    reml : bool
        REML or ML.
    """
    flat = flat_lambdas(problem, par)
    r = problem.kernel.evaluate(flat, entries, reml, 2)
    value = combine(problem, r, reml)
    if not np.isfinite(value):
        return Parts(float("nan"), np.zeros(0), np.zeros((0, 0)), (), 1, r)
    scores, extra = _scores(problem, flat, r, reml)
    gradient = r.grad_logdet + (degrees(problem, reml) / r.pwrss) * r.grad_pwrss
    return Parts(value, gradient, information(problem, r, reml), scores, 1 + extra, r)


def known_scale_point(problem: Problem, par: FloatArray) -> Point:
    """ldL2 + rho^2 with its derivatives: the criterion of ML when the residual variance is one.

    Parameters
    ----------
    problem : Problem
        The model.
    par : (m,) float64
        theta in the kernel's units.
    """
    flat = flat_lambdas(problem, par)
    r = problem.kernel.evaluate(flat, problem.entries, False, 2)
    m, value = len(par), r.ldL2 + r.pwrss
    if not np.isfinite(value):
        return Point(par, float("nan"), np.zeros(m), np.eye(m), 1, r)
    scores, extra = _scores(problem, flat, r, False, known_scale=True)
    hessian = r.gram + second_part(problem, scores)
    return Point(par, value, r.grad_logdet + r.grad_pwrss, hessian, 1 + extra, r)


def evaluate_point(problem: Problem, par: FloatArray, reml: bool) -> Point:
    """Evaluate everything that a Newton step needs.

    Parameters
    ----------
    problem : Problem
        The model.
    par : (m,) float64
        theta in the kernel's units.
    reml : bool
        REML or ML.
    """
    parts = evaluate_parts(problem, par, problem.entries, reml)
    if not np.isfinite(parts.value):
        m = len(par)
        return Point(par, parts.value, np.zeros(m), np.eye(m), 1, parts.result)
    hessian = parts.information + second_part(problem, parts.scores)
    return Point(par, parts.value, parts.gradient, hessian, parts.evaluations, parts.result)
