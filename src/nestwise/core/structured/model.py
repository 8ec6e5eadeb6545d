"""The arrays of a model with structured residuals, and what its parameters mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.residual.structure import ResidualStructure

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
    """

    codes: IntArray
    n_levels: int
    Z: FloatArray
    scale: FloatArray
    free: tuple[tuple[int, int], ...]


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
        """Entry of Lambda that each of the first parameters is."""
        return tuple((t, r, c) for t, term in enumerate(self.effects) for r, c in term.free)

    @property
    def n_par(self) -> int:
        """Length of par: entries of the Lambdas, then the residuals' parameters."""
        return len(self.entries) + self.errors.n_par


def effect_lambdas(arrays: StructuredArrays, par: FloatArray) -> tuple[FloatArray, ...]:
    """The relative factor Lambda of each term, in scaled columns: tuple of (k, k).

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    par : (m,) float64
        Parameters; only the first ones matter.
    """
    blocks = [np.zeros((len(term.scale), len(term.scale))) for term in arrays.effects]
    for value, (t, r, c) in zip(par, arrays.entries, strict=False):
        blocks[t][r, c] = value
    return tuple(blocks)
