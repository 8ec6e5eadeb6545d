"""Which (co)variances the data cannot tell apart, in words.

The covariance of y is linear in its components, V = sum tau_i V_i + sigma^2 I. Components whose
V_i are linearly dependent cannot be told apart by any method; the Gram matrix tr(V_i V_j), made
from the cross-products, shows it whatever the estimates are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.core import _kernels
from nestwise.core.components import component_moments
from nestwise.core.problem import Problem
from nestwise.design.model import Design
from nestwise.fit.point import Point

DEPENDENT = 1e-10
"""Eigenvalue of the Gram matrix (unit diagonal) that counts as zero."""

AFFORDABLE = 2_000_000
"""Numbers that the projected Gram matrix may take; beyond, only V itself is looked at."""

CURVED = 1e-3
"""Eigenvalue of a Hessian (unit diagonal) from which no direction can be flat."""

INTERIOR = 1e-2
"""Relative standard deviation from which a variance is clearly not zero."""

SHARE = 1e-3
"""Share of a direction below which a component is not named."""


@dataclass(frozen=True, slots=True, eq=False)
class FlatDirection:
    """A combination of variance components that leaves the covariance of y unchanged.

    Parameters
    ----------
    weights : (m + 1,) float64
        Change of each component (in the order of theta, then the residual variance), scaled so
        that the largest is one.
    """

    weights: FloatArray


def flat_directions(problem: Problem) -> tuple[FlatDirection, ...]:
    """Directions in the space of variance components that the design cannot see.

    Parameters
    ----------
    problem : Problem
        The model; only its cross-products matter, not its response.
    """
    gram, _ = component_moments(problem)
    size = np.sqrt(gram.diagonal())
    unseen = size == 0.0
    size[unseen] = 1.0
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    out = []
    for i in np.flatnonzero(values < DEPENDENT):
        weights = vectors[:, i] / size
        weights[:-1] /= _component_scale(problem)  # the kernel's columns are scaled
        out.append(FlatDirection(weights / np.abs(weights).max()))
    return tuple(out)


def _component_scale(problem: Problem) -> FloatArray:
    """(m,) what a component of scaled columns is divided by to be one of the user's columns."""
    return np.array(
        [problem.column_scales[f][r] * problem.column_scales[f][c] for f, r, c in problem.entries]
    )


def component_names(design: Design, problem: Problem) -> tuple[str, ...]:
    """Names of the variance components, in the order of theta, and the residual variance."""
    names = []
    for term, block in zip(design.terms, problem.terms, strict=True):
        for f, r, c in problem.entries.tolist():
            row, column = r - block.first, c - block.first
            if f != block.factor or not (0 <= column < block.k and 0 <= row < block.k):
                continue
            a, b = term.columns[row], term.columns[column]
            kind = f"the variance of {a}" if r == c else f"the covariance of {b} and {a}"
            names.append(f"{kind} by {design.factors[term.factor].name}")
    return (*names, "the residual variance")


def constant_within(codes: IntArray, n_levels: int, column: FloatArray | None) -> bool:
    """Whether a column has a single value within every level."""
    if column is None:
        return True
    low, high = np.full(n_levels, np.inf), np.full(n_levels, -np.inf)
    np.minimum.at(low, codes, column)
    np.maximum.at(high, codes, column)
    return bool((low == high).all())


def _reason(design: Design) -> str:
    """Why, where it can be seen: slopes of covariates that do not vary within groups."""
    found = [
        f"'{name}' is constant within every level of '{design.factors[t.factor].name}'"
        for t in design.terms
        for name, column in zip(t.columns, t.Z, strict=True)
        if column is not None
        and constant_within(
            design.factors[t.factor].codes, design.factors[t.factor].n_levels, column
        )
    ]
    return f", because {' and '.join(found)}" if found else ""


def projected_directions(problem: Problem) -> tuple[FlatDirection, ...]:
    """Directions that are seen in V but not in what REML looks at, V less the fixed effects.

    The Gram matrix is tr(Q V_i Q V_j), Q = I - X (X'X)^-1 X'; large models are left out.

    Parameters
    ----------
    problem : Problem
        The model.
    """
    m, p = len(problem.entries), problem.p
    effects = sum(k * levels for k, levels in problem.shapes)
    if p == 0 or effects * p * (m + 1) > AFFORDABLE:
        return ()
    full, _ = component_moments(problem)
    sums = problem.kernel.kenward_roger(np.zeros(problem.lambda_size), problem.entries, False)
    # At Lambda = 0 these are the p x p blocks X'V_i V_j X, with V = I in the last place.
    blocks = sums.weighted.reshape(m + 1, p, m + 1, p).transpose(0, 2, 1, 3)
    inverse = np.linalg.inv(blocks[m, m])
    twice = np.einsum("ab,ijba->ij", inverse, blocks)
    half = inverse @ blocks[:, m].transpose(0, 2, 1)
    both = np.einsum("iab,jba->ij", half, half)
    gram = full - twice - twice.T + both
    size = np.sqrt(full.diagonal())
    size[size == 0.0] = 1.0
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    out = []
    for i in np.flatnonzero(values < DEPENDENT * 10.0):
        weights = vectors[:, i] / size
        weights[:-1] /= _component_scale(problem)
        out.append(FlatDirection(weights / np.abs(weights).max()))
    return tuple(out)


def well_determined(problem: Problem, point: Point) -> bool:
    """Whether the criterion is clearly curved in every direction, so that none can be flat.

    Dependent components leave the average information, and with it the Hessian by Lambda,
    singular, unless a variance is zero.

    Parameters
    ----------
    problem : Problem
        The model.
    point : Point
        The optimum.
    """
    if (np.abs(point.par[problem.diagonal]) < INTERIOR).any():
        return False
    size = point.hessian.diagonal()
    if not size.min() > CURVED * max(1.0, float(size.max())):
        return False
    if len(size) == 1:
        return True
    half = np.sqrt(size)
    return _kernels.smallest_eigenvalue(point.hessian / half / half[:, None]) > CURVED


def flat_at_optimum(
    function: Callable[[FloatArray], Point], point: Point
) -> tuple[FlatDirection, ...]:
    """Directions in which the criterion itself does not change: REML's projection can cause it.

    A random intercept for a factor that is also among the fixed effects is an example: V depends
    on its variance, the REML criterion does not.

    Parameters
    ----------
    function : callable
        par to `Point`.
    point : Point
        The optimum.
    """
    values, vectors = np.linalg.eigh(point.hessian)
    flat = np.flatnonzero(np.abs(values) < 1e-9 * max(1.0, float(np.abs(values).max())))
    out = []
    for i in flat:
        sides = [function(point.par + step * vectors[:, i]).value for step in (-0.1, 0.1)]
        if max(abs(side - point.value) for side in sides) < 1e-8 * max(1.0, abs(point.value)):
            weights = np.append(vectors[:, i], 0.0)
            out.append(FlatDirection(weights / np.abs(weights).max()))
    return tuple(out)


def _together(names: list[str]) -> str:
    """What cannot be told: one component from nothing, or several from each other."""
    if len(names) == 1:
        return f"{names[0]} from zero"
    return f"{', '.join(names[:-1])} and {names[-1]} apart"


def not_separable(
    design: Design, problem: Problem, directions: tuple[FlatDirection, ...]
) -> tuple[Diagnostic, ...]:
    """What a flat REML criterion means, for each direction of `flat_at_optimum`."""
    names = component_names(design, problem)
    out = []
    for d in directions:
        involved = [names[i] for i in np.flatnonzero(np.abs(d.weights) > SHARE)]
        out.append(
            Diagnostic(
                "not-identifiable",
                f"The criterion cannot tell {_together(involved)}: the fixed effects already take "
                "up what would.",
                "Leave the term out, or take its factor out of the fixed effects; do not interpret "
                "these variances.",
            )
        )
    return tuple(out)


def _sets(directions: tuple[FlatDirection, ...]) -> list[list[int]]:
    """Components of the directions, those of directions that share any joined."""
    sets: list[set[int]] = []
    for d in directions:
        own = {int(i) for i in np.flatnonzero(np.abs(d.weights) > SHARE)}
        for other in [s for s in sets if s & own]:
            own |= other
            sets.remove(other)
        sets.append(own)
    return [sorted(s) for s in sets]


def identifiability(design: Design, problem: Problem) -> tuple[Diagnostic, ...]:
    """One diagnostic for each set of components that the data cannot identify.

    Several flat directions with components in common are one set: which of their combinations
    the decomposition returned means nothing.

    Parameters
    ----------
    design : Design
        Gives the names and the reason.
    problem : Problem
        Gives the cross-products.
    """
    directions = flat_directions(problem)
    if not directions:
        return ()
    names, reason = component_names(design, problem), _reason(design)
    out = []
    for together in _sets(directions):
        involved = [names[i] for i in together]
        listed = (
            " and ".join(involved)
            if len(involved) < 3
            else (", ".join(involved[:-1]) + " and " + involved[-1])
        )
        one = len(involved) == 1
        what, them = ("do not determine", "it") if one else ("cannot tell apart", "them")
        shown = "the one shown is" if one else "those shown are"
        out.append(
            Diagnostic(
                "not-identifiable",
                f"The data {what} {listed}{reason}: many values of {them} give the same "
                f"criterion, and {shown} one of these.",
                "Fixed effects and their tests are not affected; do not interpret these "
                "variances and correlations, and simplify the random-effects term.",
            )
        )
    return tuple(out)
