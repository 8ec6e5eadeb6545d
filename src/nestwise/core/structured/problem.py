"""A model made ready for many evaluations: blocks, and sums over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.blocks import LARGEST, Blocks, make_blocks
from nestwise.core.structured.model import StructuredArrays
from nestwise.core.structured.stacks import Stack, make_stacks
from nestwise.core.structured.sums import PatternSums, pattern_sums
from nestwise.core.structured.trailingcolumns import TrailingEffects, trailing_effects


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class StructuredProblem:
    """What evaluations read.

    The fixed effects are in an orthonormal basis Q of the columns of X = Q RX, and the response
    is what ordinary least squares leaves, so that nothing large cancels.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    blocks : Blocks
        Its patterns.
    sums : tuple of PatternSums
        Of [Q y0], pattern by pattern.
    Q : (n, p) float64
        Orthonormal columns.
    RX : (p, p) float64
        Upper triangular.
    beta0 : (p,) float64
        Ordinary least squares.
    y0 : (n,) float64
        Its residuals.
    trailing : TrailingEffects or None
        Random effects that join blocks.
    stacks : tuple of Stack
        Blocks of equal size whose patterns do not repeat, to be evaluated together.
    loose : tuple of int
        The patterns that are in no stack.
    """

    arrays: StructuredArrays
    blocks: Blocks
    sums: tuple[PatternSums, ...]
    Q: FloatArray
    RX: FloatArray
    beta0: FloatArray
    y0: FloatArray
    trailing: TrailingEffects | None
    stacks: tuple[Stack, ...]
    loose: tuple[int, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.y0.size)

    @property
    def p(self) -> int:
        """Fixed effects."""
        return int(self.beta0.size)


def make_problem(arrays: StructuredArrays, largest: int = LARGEST) -> StructuredProblem:
    """Blocks, patterns and sums of a model: the one pass over the rows.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    largest : int
        Rows of a block up to which random effects are absorbed.
    """
    blocks = make_blocks(arrays, largest)
    Q, RX = np.linalg.qr(arrays.X)
    beta0 = np.linalg.solve(RX, Q.T @ arrays.y) if RX.size else np.zeros(0)
    y0 = arrays.y - arrays.X @ beta0
    data = np.column_stack([Q, y0])
    keep = bool(blocks.trailing)
    sums = tuple(pattern_sums(data, pattern.rows, keep) for pattern in blocks.patterns)
    joined = trailing_effects(arrays, blocks.trailing) if keep else None
    stacks, loose = make_stacks(blocks, data)
    return StructuredProblem(arrays, blocks, sums, Q, RX, beta0, y0, joined, stacks, loose)


def user_beta(problem: StructuredProblem, delta: FloatArray) -> FloatArray:
    """Fixed effects in the user's columns, from those of Q."""
    if not delta.size:
        return delta
    return np.asarray(problem.beta0 + np.linalg.solve(problem.RX, delta))


def user_vcov(problem: StructuredProblem, Phi: FloatArray) -> FloatArray:
    """Covariance in the user's columns, from that in Q's; also of stacks (..., p, p)."""
    if not problem.p:
        return Phi
    back = np.linalg.inv(problem.RX)
    return np.asarray(back @ Phi @ back.T)
