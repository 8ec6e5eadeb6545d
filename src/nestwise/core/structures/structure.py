"""What a covariance structure is: which entries of the Cholesky factor its theta fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Structure:
    """A covariance structure of one random-effects term.

    Parameters
    ----------
    name : str
        How it is written in a formula, ``us(x | g)``.
    free : callable
        Width k to the positions (row, column) of the k x k lower triangular Lambda that theta
        fills, in theta's order.
    meaning : str
        One line for the documentation.
    """

    name: str
    free: Callable[[int], tuple[tuple[int, int], ...]]
    meaning: str
