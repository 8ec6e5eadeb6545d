"""A model made ready for many evaluations: blocks, and sums over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.core import _kernels
from nestwise.core.structured.blocks import LARGEST, Blocks, make_blocks
from nestwise.core.structured.chainsums import make_chain
from nestwise.core.structured.model import StructuredArrays
from nestwise.core.structured.stacks import Stack, make_stacks
from nestwise.core.structured.sums import PatternSums, pattern_sums
from nestwise.core.structured.trailingcolumns import TrailingEffects, trailing_effects


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class StructuredProblem:
    """What evaluations read.

    The fixed effects are in an orthonormal basis Q of the columns of X = Q RX, and the response
    is what ordinary least squares leaves, so that nothing large cancels. Blocks, and what is made
    of them, are formed when they are first asked for.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    largest : int
        Rows of a block up to which random effects are absorbed.
    Q : (n, p) float64
        Orthonormal columns.
    RX : (p, p) float64
        Upper triangular.
    beta0 : (p,) float64
        Ordinary least squares.
    y0 : (n,) float64
        Its residuals.
    chain : Chain or None
        Sums over pairs of neighbours, where they are all that evaluations need.
    threads : int
        Threads of BLAS for questions that are asked of the fit.
    """

    arrays: StructuredArrays
    largest: int
    Q: FloatArray
    RX: FloatArray
    beta0: FloatArray
    y0: FloatArray
    chain: _kernels.Chain | None
    threads: int

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.y0.size)

    @property
    def p(self) -> int:
        """Fixed effects."""
        return int(self.beta0.size)

    @property
    def blocks(self) -> Blocks:
        """Independent blocks of rows and their patterns."""
        return _blocks(self)

    @property
    def sums(self) -> tuple[PatternSums, ...]:
        """Of [Q y0], pattern by pattern."""
        return _sums(self)

    @property
    def trailing(self) -> TrailingEffects | None:
        """Random effects that join blocks."""
        return _trailing(self)

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """Blocks of equal size whose patterns do not repeat, to be evaluated together."""
        return _stacks(self)[0]

    @property
    def loose(self) -> tuple[int, ...]:
        """The patterns that are in no stack."""
        return _stacks(self)[1]


@memo
def _blocks(problem: StructuredProblem) -> Blocks:
    return make_blocks(problem.arrays, problem.largest)


@memo
def _sums(problem: StructuredProblem) -> tuple[PatternSums, ...]:
    data, keep = _data(problem), bool(problem.blocks.trailing)
    return tuple(pattern_sums(data, pattern.rows, keep) for pattern in problem.blocks.patterns)


@memo
def _trailing(problem: StructuredProblem) -> TrailingEffects | None:
    blocks = problem.blocks
    if not blocks.trailing:
        return None
    return trailing_effects(problem.arrays, blocks.trailing, blocks.patterns)


@memo
def _stacks(problem: StructuredProblem) -> tuple[tuple[Stack, ...], tuple[int, ...]]:
    return make_stacks(problem.blocks, _data(problem))


def _data(problem: StructuredProblem) -> FloatArray:
    return np.column_stack([problem.Q, problem.y0])


def make_problem(
    arrays: StructuredArrays, largest: int = LARGEST, threads: int = 1
) -> StructuredProblem:
    """The one pass over the rows.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    largest : int
        Rows of a block up to which random effects are absorbed.
    threads : int
        Threads of BLAS.
    """
    Q, RX, beta0, y0 = _kernels.least_squares(np.asfortranarray(arrays.X), arrays.y)
    chain = make_chain(arrays, Q, y0, RX)
    return StructuredProblem(arrays, largest, Q, RX, beta0, y0, chain, threads)


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
