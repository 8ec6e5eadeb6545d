"""Conditional covariances of random effects beside structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.blocks import LARGEST
from nestwise.core.structured.filled import fill
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.trailing import effect_spread
from nestwise.core.structured.weighted import Inverted, invert
from nestwise.core.threads import limited


def conditional_covariances(problem: StructuredProblem, par: FloatArray) -> tuple[FloatArray, ...]:
    """Covariance of the effects of each level given the data, over sigma^2: (n_levels, k, k).

    G - G (Z'V^-1 Z)_ll G for each level of each term, fixed effects as known; user's units.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.

    Source
    ------
    Robinson (1991), Stat. Sci. 6, 15-32, section 5.
    """
    inverted, out = invert(problem, par), []
    equations = inverted.equations
    with limited(LARGEST, problem.threads):
        selected = None if equations is None else equations.effects.pattern.inverse(equations.L)
    for t, Lambda in enumerate(effect_lambdas(problem.arrays, fill(problem.arrays, par))):
        term = problem.arrays.effects[t]
        if t in problem.blocks.trailing:
            assert selected is not None
            own = Lambda @ _trailing_faces(inverted, selected, t) @ Lambda.T
        else:
            G = Lambda @ Lambda.T
            own = G - G @ _absorbed_faces(inverted, selected, t) @ G
        out.append(np.asarray(own / np.outer(term.scale, term.scale)))
    return tuple(out)


def _trailing_faces(inverted: Inverted, selected: FloatArray, t: int) -> FloatArray:
    """(n_levels, k, k) diagonal blocks of M^-1 of a term that joins blocks."""
    problem, equations = inverted.problem, inverted.equations
    assert equations is not None
    k, n_levels = problem.arrays.effects[t].Z.shape[1], problem.arrays.effects[t].n_levels
    first = equations.effects.first[problem.blocks.trailing.index(t)]
    column = (first + np.arange(n_levels * k, dtype=np.int32)).reshape(n_levels, k)
    shape = (n_levels, k, k)
    rows = np.broadcast_to(column[:, :, None], shape).astype(np.int32).ravel()
    columns = np.broadcast_to(column[:, None, :], shape).astype(np.int32).ravel()
    return selected[equations.effects.pattern.positions(rows, columns)].reshape(shape)


def _absorbed_faces(inverted: Inverted, selected: FloatArray | None, t: int) -> FloatArray:
    """(n_levels, k, k) diagonal blocks of Z'V^-1 Z of a term within blocks."""
    problem, equations = inverted.problem, inverted.equations
    term = problem.arrays.effects[t]
    k = term.Z.shape[1]
    faces = np.zeros((term.n_levels, k, k))
    for at, (pattern, one) in enumerate(
        zip(problem.blocks.patterns, inverted.patterns, strict=True)
    ):
        inverse = np.broadcast_to(one.inverse, (*pattern.rows.shape, pattern.rows.shape[1]))
        if equations is not None and selected is not None:
            places = equations.effects.places[at]
            spread = effect_spread(equations, selected, pattern.rows, places)
            inverse = inverse - one.inverse @ spread @ one.inverse
        codes, Z = term.codes[pattern.rows], term.Z[pattern.rows]
        same = inverse * (codes[:, :, None] == codes[:, None, :])
        for j in range(k):
            weighted = np.einsum("nr,nrs->ns", Z[:, :, j], same)
            for m in range(k):
                np.add.at(faces[:, j, m], codes, weighted * Z[:, :, m])
    return faces
