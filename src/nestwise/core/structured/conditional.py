"""Conditional covariances of random effects beside structured residuals."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.filled import fill
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.trailing import block_inverse
from nestwise.core.structured.trailingcolumns import effect_columns
from nestwise.core.structured.weighted import Inverted, invert


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
    inverted = invert(problem, par)
    out = []
    for t, Lambda in enumerate(effect_lambdas(problem.arrays, fill(problem.arrays, par))):
        term = problem.arrays.effects[t]
        G = Lambda @ Lambda.T
        face = _faces(inverted, t)
        out.append(np.asarray((G - G @ face @ G) / np.outer(term.scale, term.scale)))
    return tuple(out)


def _faces(inverted: Inverted, t: int) -> FloatArray:
    """(n_levels, k, k) diagonal blocks of Z'V^-1 Z of one term."""
    problem, equations = inverted.problem, inverted.equations
    term = problem.arrays.effects[t]
    k = term.Z.shape[1]
    faces = np.zeros((term.n_levels, k, k))
    for pattern, one in zip(problem.blocks.patterns, inverted.patterns, strict=True):
        codes, Z = term.codes[pattern.rows], term.Z[pattern.rows]
        same = codes[:, :, None] == codes[:, None, :]
        for j in range(k):
            for m in range(k):
                value = Z[:, :, None, j] * one.inverse * Z[:, None, :, m] * same
                np.add.at(faces[:, j, m], codes, value.sum(axis=2))
    if equations is None:
        return faces
    weighted = block_inverse(problem, inverted.patterns) @ effect_columns(problem.arrays, (t,))
    seen = equations.Lambda.T @ (equations.effects.Z.T @ weighted).toarray()
    inner = solve_triangular(equations.L, seen, lower=True).reshape(-1, term.n_levels, k)
    return np.asarray(faces - np.einsum("qlk,qlm->lkm", inner, inner))
