"""The arrays of a model with structured residuals, and what its parameters mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.residual.structure import ResidualStructure
from nestwise.core.structures.structure import Pattern

Entry = tuple[int, int, int]
"""Term, row and column of an entry of Lambda."""


@dataclass(frozen=True, slots=True, eq=False)
class ErrorArrays:
    """What the covariance of the residuals depends on.

    Cov(e) = sigma^2 S C S / weights within a subject: C from the structure, S = diag(exp(features
    @ par)) the standard deviations.

    Parameters
    ----------
    structure : ResidualStructure or None
        None when the rows are independent.
    subject : (n,) int32
        Subject of every row.
    arm : (n,) int32
        Rows of different arms have matrices of their own.
    n_arms : int
        Arms.
    visit : (n,) int32
        Visit of every row, from 0.
    n_visits : int
        Visit levels.
    time : (n,) or (n, d) float64
        Times or coordinates.
    distance : float
        Typical distance of neighbouring rows.
    features : (n, s) float64
        Derivatives of the logarithms of the standard deviations.
    weights : (n,) float64 or None
        Prior weights.
    """

    structure: ResidualStructure | None
    subject: IntArray
    arm: IntArray
    n_arms: int
    visit: IntArray
    n_visits: int
    time: FloatArray
    distance: float
    features: FloatArray
    weights: FloatArray | None

    @property
    def n_structure(self) -> int:
        """Parameters of one arm's matrix."""
        return 0 if self.structure is None else int(self.structure.n_par(self.n_visits))

    @property
    def n_par(self) -> int:
        """All parameters of the residuals: arms one after the other, then those of `features`."""
        return self.n_arms * self.n_structure + int(self.features.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class EffectArrays:
    """One random-effects term.

    Parameters
    ----------
    codes : (n,) int32
        Level of every row.
    n_levels : int
        Levels.
    Z : (n, k) float64
        Columns, scaled to root mean square one.
    scale : (k,) float64
        What they were divided by.
    free : tuple of (int, int)
        Entries of the lower triangular Lambda that theta fills, in theta's order.
    pattern : Pattern or None
        What fills them, where they have fewer parameters than entries.
    """

    codes: IntArray
    n_levels: int
    Z: FloatArray
    scale: FloatArray
    free: tuple[tuple[int, int], ...]
    pattern: Pattern | None = None

    @property
    def n_par(self) -> int:
        """Parameters of the term."""
        return len(self.free) if self.pattern is None else int(self.pattern.n_par(len(self.scale)))


@dataclass(frozen=True, slots=True, eq=False)
class StructuredArrays:
    """Everything numeric of a model with structured residuals.

    Parameters
    ----------
    y : (n,) float64
        Response less offset.
    X : (n, p) float64
        Fixed effects, full column rank.
    effects : tuple of EffectArrays
        Random-effects terms; none for generalised least squares.
    errors : ErrorArrays
        The residuals.
    """

    y: FloatArray
    X: FloatArray
    effects: tuple[EffectArrays, ...]
    errors: ErrorArrays

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Place of each entry of the Lambdas: term, row, column."""
        return tuple((t, r, c) for t, term in enumerate(self.effects) for r, c in term.free)

    @property
    def patterned(self) -> bool:
        """Whether some term has fewer parameters than entries of Lambda."""
        return any(term.pattern is not None for term in self.effects)

    @property
    def n_effects(self) -> int:
        """Parameters of the random effects."""
        return sum(term.n_par for term in self.effects)

    @property
    def n_par(self) -> int:
        """Length of par: the random effects' parameters, then the residuals'."""
        return self.n_effects + self.errors.n_par


def effect_lambdas(arrays: StructuredArrays, filled: FloatArray) -> tuple[FloatArray, ...]:
    """The relative factor Lambda of each term, in scaled columns: tuple of (k, k).

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    filled : (t + r,) float64
        From `nestwise.core.structured.filled.fill`; only the first ones matter.
    """
    blocks = [np.zeros((len(term.scale), len(term.scale))) for term in arrays.effects]
    for value, (t, r, c) in zip(filled, arrays.entries, strict=False):
        blocks[t][r, c] = value
    return tuple(blocks)
