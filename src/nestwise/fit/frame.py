"""Coordinates in which a nearly singular covariance is a bowl and not a curved valley.

A lower triangular Lambda whose j-th diagonal tends to zero leaves rows below j free to rotate
between columns; steps in theta then follow a bend. With the rows in the order of a pivoted Cholesky
factor the small pivots come last, where only entries that are themselves small are free. The
kernel keeps its row order: Lambda = Pi L Q for an orthogonal Q, and derivatives by L follow from
those by all k x k entries of Lambda.

Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, section 10.3 (pivoting).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.lmm import lambda_templates
from nestwise.core.problem import Problem, TermBlock
from nestwise.fit.point import Point, evaluate_parts

SMALL = 0.05
"""Relative standard deviation of a pivot from which its place matters."""

MISPLACED = 0.01
"""A pivot below this share of a later one's variance is out of order."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Row orders of the terms.

    Parameters
    ----------
    orders : tuple of (k,) int or None
        For each term the order of its rows in L; None for terms that stay as they are.
    """

    orders: tuple[IntArray | None, ...]


def positions(problem: Problem, term: TermBlock) -> IntArray:
    """Where the theta of one term stand."""
    factor, row, _ = problem.entries.T
    inside = (factor == term.factor) & (row >= term.first) & (row < term.first + term.k)
    return np.flatnonzero(inside).astype(np.int32)


def rotates(problem: Problem, term: TermBlock) -> bool:
    """Whether a term has a full covariance matrix of at least two effects."""
    return term.k > 1 and len(positions(problem, term)) == term.k * (term.k + 1) // 2


def _block(problem: Problem, templates: tuple[FloatArray, ...], term: TermBlock) -> FloatArray:
    part = slice(term.first, term.first + term.k)
    return templates[term.factor][part, part]


def pivot_order(Lambda: FloatArray) -> IntArray:
    """(k,) order in which a pivoted Cholesky factorisation of Lambda Lambda' takes the rows."""
    rest = Lambda @ Lambda.T
    order: list[int] = []
    for _ in range(len(rest)):
        left = [i for i in range(len(rest)) if i not in order]
        best = max(left, key=lambda i: float(rest[i, i]))
        order.append(best)
        if rest[best, best] > 0.0:
            rest = rest - np.outer(rest[:, best], rest[best]) / rest[best, best]
    return np.array(order, dtype=np.int32)


def out_of_order(L: FloatArray) -> bool:
    """Whether a small pivot of a lower factor stands before a larger one."""
    k = len(L)
    for j in range(k - 1):
        pivot = abs(float(L[j, j]))
        if pivot < SMALL:
            later = float((L[j + 1 :, j:] ** 2).sum(axis=1).max())
            if pivot**2 < MISPLACED * later:
                return True
    return False


def needs_frame(problem: Problem, par: FloatArray) -> bool:
    """Whether some term's small pivots stand before larger ones; `par` in any row order."""
    if (np.abs(par[problem.diagonal]) >= SMALL).all():
        return False
    templates = lambda_templates(problem, par)
    return any(
        rotates(problem, t) and out_of_order(_block(problem, templates, t)) for t in problem.terms
    )


def pivoted_frame(problem: Problem, par: FloatArray) -> Frame:
    """The frame in which no pivot of `par` (standard order) is misplaced."""
    templates = lambda_templates(problem, par)
    return Frame(
        tuple(
            pivot_order(_block(problem, templates, t)) if rotates(problem, t) else None
            for t in problem.terms
        )
    )


def _triangular(A: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower L and orthogonal Q with A = L Q."""
    q, r = np.linalg.qr(A.T)
    return np.asarray(r.T), np.asarray(q.T)


def into_frame(problem: Problem, frame: Frame, par: FloatArray) -> FloatArray:
    """par in the frame, from par in standard order."""
    templates, out = lambda_templates(problem, par), par.copy()
    for term, order in zip(problem.terms, frame.orders, strict=True):
        if order is not None:
            L, _ = _triangular(_block(problem, templates, term)[order])
            out[positions(problem, term)] = _by_columns(L)
    return out


def _by_columns(L: FloatArray) -> FloatArray:
    """Lower triangle by columns, the order of theta."""
    k = len(L)
    return np.concatenate([L[j:, j] for j in range(k)])


def _rotation(
    problem: Problem, frame: Frame, par: FloatArray
) -> tuple[FloatArray, list[FloatArray | None]]:
    """par in standard order, and for each term the Q of Pi L = Lambda Q."""
    templates, out = lambda_templates(problem, par), par.copy()
    rotations: list[FloatArray | None] = []
    for term, order in zip(problem.terms, frame.orders, strict=True):
        if order is None:
            rotations.append(None)
            continue
        turned = np.empty((term.k, term.k))
        turned[order] = _block(problem, templates, term)
        Lambda, Q = _triangular(turned)
        out[positions(problem, term)] = _by_columns(Lambda)
        rotations.append(Q)
    return out, rotations


def out_of_frame(problem: Problem, frame: Frame, par: FloatArray) -> FloatArray:
    """par in standard order, from par in the frame; diagonals may have any sign."""
    return _rotation(problem, frame, par)[0]


def _all_entries(problem: Problem, frame: Frame) -> tuple[IntArray, list[IntArray]]:
    """Entries to ask the kernel for, and where those of each term begin among them."""
    rows: list[tuple[int, int, int]] = []
    starts = []
    for term, order in zip(problem.terms, frame.orders, strict=True):
        at = len(rows)
        if order is None:
            own = positions(problem, term)
            rows += [tuple(int(v) for v in problem.entries[i]) for i in own]  # type: ignore[misc]
        else:
            f, k = term.first, range(term.k)
            rows += [(term.factor, f + r, f + c) for r in k for c in k]
        starts.append(np.arange(at, len(rows), dtype=np.int32))
    return np.array(rows, dtype=np.int32), starts


def _jacobian(
    problem: Problem, frame: Frame, rotations: list[FloatArray | None], starts: list[IntArray]
) -> FloatArray:
    """(m, all entries): derivative of the entries of Lambda by par in the frame."""
    T = np.zeros((len(problem.entries), sum(len(s) for s in starts)))
    for term, order, Q, own in zip(problem.terms, frame.orders, rotations, starts, strict=True):
        rows = positions(problem, term)
        if order is None or Q is None:
            T[rows, own] = 1.0
            continue
        square = own.reshape(term.k, term.k)
        for i in rows:
            _, r, c = problem.entries[i]
            # A unit step in L moves row order[r] of Lambda = (Pi L) Q' along Q e_c.
            T[i, square[order[r - term.first]]] = Q[:, c - term.first]
    return T


def _second_part(problem: Problem, frame: Frame, scores: tuple[FloatArray, ...]) -> FloatArray:
    """(m, m) curvature of Lambda Lambda' itself: 2 S between rows of the same column of L."""
    row = problem.entries[:, 1].copy()
    for term, order in zip(problem.terms, frame.orders, strict=True):
        if order is not None:
            own = positions(problem, term)
            row[own] = term.first + order[row[own] - term.first]
    factor, column = problem.entries[:, 0], problem.entries[:, 2]
    same = (factor[:, None] == factor) & (column[:, None] == column)
    out = np.zeros((len(row), len(row)))
    for f, S in enumerate(scores):
        at = np.flatnonzero(factor == f)
        out[np.ix_(at, at)] = 2.0 * S[np.ix_(row[at], row[at])]
    return np.where(same, out, 0.0)


def evaluate_in_frame(problem: Problem, frame: Frame, par: FloatArray, reml: bool) -> Point:
    """As `evaluate_point`, with par and derivatives in the frame.

    Parameters
    ----------
    problem : Problem
        The model.
    frame : Frame
        Row orders.
    par : (m,) float64
        In the frame.
    reml : bool
        REML or ML.
    """
    standard, rotations = _rotation(problem, frame, par)
    entries, starts = _all_entries(problem, frame)
    parts = evaluate_parts(problem, standard, entries, reml)
    if not np.isfinite(parts.value):
        return Point(par, parts.value, np.zeros_like(par), np.eye(len(par)), 1, parts.result)
    T = _jacobian(problem, frame, rotations, starts)
    hessian = T @ parts.information @ T.T + _second_part(problem, frame, parts.scores)
    return Point(par, parts.value, T @ parts.gradient, hessian, parts.evaluations, parts.result)
