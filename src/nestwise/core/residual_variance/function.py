"""What a variance function is: log standard deviations, linear in its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nestwise._base.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class VarianceFunction:
    """How the residual standard deviation depends on a factor or a covariate.

    The standard deviation of a row, relative to sigma, is ``exp(features @ par)``. Being linear in
    par, the logarithm has `features` as derivative and no second derivative.

    Parameters
    ----------
    name : str
        How it is written: ``"power"`` in ``variance="power(age)"``; ``"ident"`` for a factor.
    meaning : str
        One line for the documentation.
    reads : str
        ``"levels"`` (codes of a factor) or ``"covariate"`` (numbers, maybe the fitted values).
    n_par : callable
        Number of levels to number of parameters; covariates count as 1 level.
    features : callable
        ``features(values, n_levels)`` gives (n, n_par): codes from 0 or covariate values.
    check : callable
        What is wrong with the values, in words; empty when nothing is.
    natural : callable
        ``natural(par, labels)``: names, values and their derivatives (m, n_par).
    """

    name: str
    meaning: str
    reads: str
    n_par: Callable[[int], int]
    features: Callable[[FloatArray, int], FloatArray]
    check: Callable[[FloatArray], str]
    natural: Callable[[FloatArray, Sequence[str]], tuple[tuple[str, ...], FloatArray, FloatArray]]
