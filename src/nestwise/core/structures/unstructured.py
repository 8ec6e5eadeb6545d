"""The general positive semidefinite covariance: what a plain bar means."""

from __future__ import annotations

from functools import lru_cache

from nestwise.core.structures.structure import Structure


@lru_cache(maxsize=64)
def lower_triangle(k: int) -> tuple[tuple[int, int], ...]:
    """Positions of a k x k lower triangle by columns, as lme4 orders theta.

    Examples
    --------
    >>> lower_triangle(2)
    ((0, 0), (1, 0), (1, 1))
    """
    return tuple((row, column) for column in range(k) for row in range(column, k))


US = Structure("us", lower_triangle, "any variances, any correlations")
