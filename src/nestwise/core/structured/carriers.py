"""V^-1 X pattern by pattern, so that X'V^-1 D V^-1 X is cheap for many matrices D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.sums import PatternSums, pattern_sums
from nestwise.core.structured.weighted import Inverted


@dataclass(frozen=True, slots=True, eq=False)
class Carrier:
    """One pattern.

    Parameters
    ----------
    sums : PatternSums
        Of X, or of V^-1 X where random effects join blocks.
    left : (v, v) float64 or None
        V^-1 of the block, when `sums` are of X.
    inverse : (v, v) float64
        V1^-1 of the block.
    active, dV
        Parameters and derivatives of the block.
    """

    sums: PatternSums
    left: FloatArray | None
    inverse: FloatArray
    active: AnyArray
    dV: FloatArray

    def around(self, D: FloatArray) -> FloatArray:
        """What must stand between the sums so that they give X'V^-1 D V^-1 X."""
        return D if self.left is None else np.asarray(self.left @ D @ self.left)


def block_carriers(inverted: Inverted) -> list[Carrier]:
    """A carrier for each pattern; only the first p columns of their sums are meant."""
    problem = inverted.problem
    patterns = problem.blocks.patterns
    pairs = list(zip(patterns, inverted.patterns, strict=True))
    if inverted.equations is None:
        return [
            Carrier(sums, one.inverse, one.inverse, one.covariance.active, one.covariance.dV)
            for sums, (_, one) in zip(problem.sums, pairs, strict=True)
        ]
    W = inverted.times(problem.Q)
    return [
        Carrier(
            pattern_sums(W, pattern.rows),
            None,
            one.inverse,
            one.covariance.active,
            one.covariance.dV,
        )
        for pattern, one in pairs
    ]


def level_sums(inverted: Inverted, par: FloatArray) -> list[tuple[int, FloatArray, FloatArray]]:
    """For each parameter of a trailing term: its place, dG (k, k), and Z'V^-1 X (levels, k, p)."""
    equations, problem = inverted.equations, inverted.problem
    if equations is None:
        return []
    ZW = np.asarray(equations.effects.Z.T @ inverted.times(problem.Q))
    lambdas, out = effect_lambdas(problem.arrays, par), []
    for t, first in zip(problem.blocks.trailing, equations.effects.first, strict=True):
        term = problem.arrays.effects[t]
        k = term.Z.shape[1]
        own = ZW[first : first + term.n_levels * k].reshape(term.n_levels, k, problem.p)
        for i, (u, row, column) in enumerate(problem.arrays.entries):
            if u == t:
                dG = np.zeros((k, k))
                dG[row] = lambdas[t][:, column]
                out.append((i, dG + dG.T, own))
    return out
