"""Starting values of large nested models from a sample of their top-level groups.

Moments cost nothing beyond the cross-products and are near the optimum unless groups are very
unequal: then they are those of the few largest groups, whatever the number of groups, and a fit of
a thousand groups taken at random is nearer (ADR 13).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.components import component_moments
from nestwise.core.problem import Problem, build_problem
from nestwise.fit.descent import descend
from nestwise.fit.problems import Problems
from nestwise.fit.sample import independent_columns, scattered_levels, taken
from nestwise.fit.start import starting_par

MANY_ROWS, MANY_LEVELS = 100_000, 5_000
"""Rows, and groups at the top, from which a sample is thought of."""

SAMPLE = 1_000
"""Groups that are fitted first."""

WORTH = 30.0
"""Equal groups that moments are worth, up to which the sample is nearer."""

UNEQUAL = 3.0
"""Mean square of the sizes of groups over the square of their mean, from which they are counted."""

ROUGHLY = 1e-2
"""Promised decrease at which the fit of the sample stops."""


def sampled_theta(problems: Problems, reml: bool, control: Control) -> FloatArray | None:
    """theta at the optimum of some of the groups; None where moments are nearer.

    Parameters
    ----------
    problems : Problems
        The model; its working coordinates are those of the answer.
    reml : bool
        REML or ML.
    control : Control
        Options of the optimiser.
    """
    working, arrays = problems.working, problems.arrays
    top = int(np.argmin(arrays.n_levels))
    if not _unequal(working, len(arrays.y), arrays.n_levels[top]):
        return None
    codes, levels = arrays.codes[top], arrays.n_levels[top]
    if moments_worth(np.bincount(codes, minlength=levels).astype(np.float64)) > WORTH:
        return None
    keep = np.flatnonzero(scattered_levels(levels, SAMPLE)[codes])
    fewer = taken(arrays, keep)
    if len(keep) <= fewer.X.shape[1] or not independent_columns(fewer.X):
        return None
    sample = build_problem(fewer, threads=control.threads, solver=control.solver)
    path = descend(sample, reml, starting_par(sample), replace(control, tolerance=ROUGHLY))
    theta = path.point.par / sample.theta_scale
    return theta if np.isfinite(path.point.value) and np.isfinite(theta).all() else None


def moments_worth(sizes: FloatArray) -> float:
    """How many equal groups give a variance as exactly as moments of groups of these sizes.

    The moment estimate weighs the square of a group's mean by the square of its size, so that where
    groups differ much, it varies as the mean of so many.

    Parameters
    ----------
    sizes : (m,) float64
        Rows in each group.

    Examples
    --------
    >>> moments_worth(np.full(50, 4.0)), round(moments_worth(np.array([100.0] + 99 * [1.0])), 2)
    (50.0, 1.02)
    """
    squares = np.square(sizes)
    return float(squares.sum() ** 2 / np.square(squares).sum())


def _unequal(problem: Problem, n: int, levels: int) -> bool:
    """Whether the model is large and nested, and its groups differ so much that they are counted.

    Of nested factors, sums of squares of the sizes are among the moments.
    """
    nested = problem.kernel.dense_order == problem.p
    if not nested or n < MANY_ROWS or levels < MANY_LEVELS:
        return False
    gram, _ = component_moments(problem)
    own = [r == c == 0 and problem.shapes[f][1] == levels for f, r, c in problem.entries.tolist()]
    squares = gram.diagonal()[:-1][own]
    return bool(squares.size and squares.max() * levels > UNEQUAL * float(n) ** 2)
