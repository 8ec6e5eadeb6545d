"""The criterion, gradient and curvature at one par: what the optimiser steps on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.kernel import KernelResult
from nestwise.core.lmm import combine, degrees, flat_lambdas, information
from nestwise.core.problem import Problem

NEAR_ZERO = 1e-4
"""Diagonal of Lambda below which the variance score cannot be read off the inverse."""


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
    scores : tuple of (k, k) float64
        For each factor the derivative S of the criterion by the relative covariance
        Lambda Lambda' (symmetric); gradient = lower triangle of 2 S Lambda.
    result : KernelResult
        What the kernel returned.
    """

    par: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    scores: tuple[FloatArray, ...]
    result: KernelResult


def _score(
    Lambda: FloatArray, faces: FloatArray, residual_gram: FloatArray, levels: int, ratio: float
) -> FloatArray | None:
    """S of one factor, or None where Lambda is too near singular to divide by.

    sum_l (Z'P0Z)_ll = Lambda^-T (m I - sum_l C_ll) Lambda^-1, because Lambda'Z'Z Lambda = M - I.
    """
    if np.abs(Lambda.diagonal()).min() < NEAR_ZERO:
        return None
    inverse = np.linalg.inv(Lambda)
    trace = inverse.T @ (levels * np.eye(len(Lambda)) - faces) @ inverse
    score: FloatArray = trace - ratio * residual_gram
    return 0.5 * (score + score.T)


def _scores(
    problem: Problem, flat: FloatArray, r: KernelResult, ratio: float, before: Point | None
) -> tuple[FloatArray, ...]:
    """S of every factor; near a singular Lambda the one of the point before, which is close."""
    out, at = [], 0
    for f, (k, levels) in enumerate(problem.shapes):
        part = slice(at, at + k * k)
        at += k * k
        score = _score(
            flat[part].reshape(k, k),
            r.faces[part].reshape(k, k),
            r.residual_gram[part].reshape(k, k),
            levels,
            ratio,
        )
        if score is None:
            score = np.zeros((k, k)) if before is None else before.scores[f]
        out.append(score)
    return tuple(out)


def _second_part(problem: Problem, scores: tuple[FloatArray, ...]) -> FloatArray:
    """(m, m): 2 S[r, r'] for entries (r, c), (r', c) in the same column of the same factor."""
    factor, row, column = problem.entries.T
    same = (factor[:, None] == factor) & (column[:, None] == column)
    widest = max(k for k, _ in problem.shapes)
    stacked = np.zeros((len(scores), widest, widest))
    for f, score in enumerate(scores):
        stacked[f, : len(score), : len(score)] = score
    return np.where(same, 2.0 * stacked[factor[:, None], row[:, None], row], 0.0)


def evaluate_point(
    problem: Problem, par: FloatArray, reml: bool, before: Point | None = None
) -> Point:
    """Evaluate everything that a Newton step needs.

    Parameters
    ----------
    problem : Problem
        The model.
    par : (m,) float64
        theta in the kernel's units.
    reml : bool
        REML or ML.
    before : Point, optional
        The point that the step came from.
    """
    flat = flat_lambdas(problem, par)
    r = problem.kernel.evaluate(flat, problem.entries, reml, 2)
    value = combine(problem, r, reml)
    if not np.isfinite(value):
        m = len(par)
        return Point(par, float("nan"), np.zeros(m), np.eye(m), (), r)
    ratio = degrees(problem, reml) / r.pwrss
    scores = _scores(problem, flat, r, ratio, before)
    hessian = information(problem, r, reml) + _second_part(problem, scores)
    gradient = r.grad_logdet + ratio * r.grad_pwrss
    return Point(par, value, gradient, hessian, scores, r)
