"""Conditional covariances of random effects beside structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.derivatives import factored
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem


def conditional_covariances(problem: StructuredProblem, par: FloatArray) -> tuple[FloatArray, ...]:
    """Covariance of the effects of each level given the data, over sigma^2: (n_levels, k, k).

    G - G (Z'V^-1 Z)_ll G for each level of each term, fixed effects as known; user's units.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    """
    arrays, blocks = problem.arrays, problem.blocks
    faces = [np.zeros((t.n_levels, t.Z.shape[1], t.Z.shape[1])) for t in arrays.effects]
    for pattern, one in zip(blocks.patterns, factored(problem, par), strict=True):
        for place, t in enumerate(blocks.absorbed):
            Z, level = pattern.Z[place], pattern.level[place]
            codes = arrays.effects[t].codes[pattern.rows]
            for local in np.unique(level):
                at = np.flatnonzero(level == local)
                faces[t][codes[:, at[0]]] += Z[at].T @ one.inverse[np.ix_(at, at)] @ Z[at]
    out = []
    for Lambda, term, face in zip(effect_lambdas(arrays, par), arrays.effects, faces, strict=True):
        G = Lambda @ Lambda.T
        scale = np.outer(term.scale, term.scale)
        out.append(np.asarray((G - G @ face @ G) / scale))
    return tuple(out)
