"""What a covariance structure is: which entries of Lambda there are, and what fills them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nestwise._base.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A Lambda with fewer parameters than entries.

    Parameters
    ----------
    n_par : callable
        Width k to the number of parameters.
    factor : callable
        ``factor(par, k)`` gives Lambda (k, k), lower triangular, and its derivatives by par
        (n_par, k, k). All parameters are free on the real line.
    nearest : callable
        ``nearest(covariance)``: parameters of a covariance matrix (k, k), relative to sigma^2;
        exact when the matrix has the pattern.
    n_sds : callable
        Width to the number of standard deviations among the parameters: 1, or one for each effect.
    natural : callable
        ``natural(par, k)``: (n_par,) variances and correlations, covariances where the matrix is
        linear in them; and their derivatives by par.
    """

    n_par: Callable[[int], int]
    factor: Callable[[FloatArray, int], tuple[FloatArray, FloatArray]]
    nearest: Callable[[FloatArray], FloatArray]
    n_sds: Callable[[int], int]
    natural: Callable[[FloatArray, int], tuple[FloatArray, FloatArray]]


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
    correlated : bool
        Whether effects may be correlated.
    pattern : Pattern or None
        What fills the entries of Lambda; None where each of them is a parameter of its own.
    """

    name: str
    free: Callable[[int], tuple[tuple[int, int], ...]]
    meaning: str
    correlated: bool = True
    pattern: Pattern | None = None
