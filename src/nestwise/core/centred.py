"""Random slopes of covariates far from zero: an intercept elsewhere, the same covariance of y.

With x around 2000, the intercept at x = 0 is an extrapolation whose correlation with the slope is
all but one; a factor of such a matrix has lost the digits that matter. In a term with an intercept
and a full covariance matrix, b0 + b1 x = (b0 + b1 c) + b1 (x - c): the optimiser may work with
centred columns and hand back theta for the columns as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import term_lambdas
from nestwise.core.problem import ModelArrays, Problem, TermColumns
from nestwise.core.structures.unstructured import lower_triangle

FAR = 3.0
"""Distance of a column's mean from zero, in its standard deviations, from which it is centred."""


@dataclass(frozen=True, slots=True, eq=False)
class Centering:
    """What is taken from the columns of each term.

    Parameters
    ----------
    shifts : tuple of (k,) float64 or None
        For each term the means that are subtracted (0 for its intercept); None: as it is.
    intercepts : tuple of int
        Position of each term's intercept, -1 where there is none.
    """

    shifts: tuple[FloatArray | None, ...]
    intercepts: tuple[int, ...]


def _shift(term: TermColumns) -> FloatArray | None:
    """Means to take from a term's columns, None when none of them is far from zero."""
    if term.structure != "us" or sum(c is None for c in term.columns) != 1 or len(term.columns) < 2:
        return None
    if not any(c is not None and _far(c) for c in term.columns):
        return None
    return np.array([0.0 if c is None else c.mean() for c in term.columns])


def _far(column: FloatArray) -> bool:
    """Whether the mean is more than FAR standard deviations from zero."""
    square = float(column.sum()) ** 2 / len(column)
    return bool(square > FAR**2 * (float(np.vdot(column, column)) - square))


def find_centering(arrays: ModelArrays) -> Centering | None:
    """What to centre, None when every column is near enough to zero.

    Parameters
    ----------
    arrays : ModelArrays
        The model in the user's units.
    """
    shifts = tuple(_shift(t) for t in arrays.terms)
    if all(s is None for s in shifts):
        return None
    places = tuple(
        next((i for i, c in enumerate(t.columns) if c is None), -1) for t in arrays.terms
    )
    return Centering(shifts, places)


def centred_arrays(arrays: ModelArrays, centering: Centering) -> ModelArrays:
    """The model with centred random-effects columns."""
    terms = []
    for term, shift in zip(arrays.terms, centering.shifts, strict=True):
        if shift is None:
            terms.append(term)
            continue
        columns = tuple(
            None if c is None else c - s for c, s in zip(term.columns, shift, strict=True)
        )
        terms.append(replace(term, columns=columns))
    return replace(arrays, terms=tuple(terms))


def _moved(problem: Problem, centering: Centering, theta: FloatArray, sign: float) -> FloatArray:
    """theta after the intercept of each centred term is moved by `sign` times its shifts."""
    out = theta.copy()
    at = 0
    sizes = [_size(problem, i) for i in range(len(problem.terms))]
    for i, Lambda in enumerate(term_lambdas(problem, theta)):
        shift, place = centering.shifts[i], centering.intercepts[i]
        if shift is not None:
            A = Lambda.copy()
            A[place] += sign * (shift @ Lambda)
            L = np.linalg.qr(A.T)[1].T
            L = L * np.where(L.diagonal() < 0.0, -1.0, 1.0)
            out[at : at + sizes[i]] = [L[r, c] for r, c in lower_triangle(len(L))]
        at += sizes[i]
    return out


def _size(problem: Problem, term: int) -> int:
    """Number of theta of one term."""
    t = problem.terms[term]
    factor, row, _ = problem.entries.T
    return int(((factor == t.factor) & (row >= t.first) & (row < t.first + t.k)).sum())


def from_centred(problem: Problem, centering: Centering, theta: FloatArray) -> FloatArray:
    """theta of the columns as they are, from theta of the centred ones."""
    return _moved(problem, centering, theta, -1.0)


def into_centred(problem: Problem, centering: Centering, theta: FloatArray) -> FloatArray:
    """theta of the centred columns, from theta of those as they are."""
    return _moved(problem, centering, theta, 1.0)


def uncentred_modes(centering: Centering, modes: tuple[FloatArray, ...]) -> tuple[FloatArray, ...]:
    """Random effects of the columns as they are, from those of the centred ones.

    Parameters
    ----------
    centering : Centering
        What was taken from the columns.
    modes : tuple of (n_levels, k) float64
        Random effects of each term.
    """
    out = []
    for b, shift, place in zip(modes, centering.shifts, centering.intercepts, strict=True):
        moved = b.copy()
        if shift is not None:
            moved[:, place] -= b @ shift
        out.append(moved)
    return tuple(out)
