"""Independent effects with a variance each: what a double bar means for a factor."""

from __future__ import annotations

from functools import lru_cache

from nestwise.core.structures.structure import Structure


@lru_cache(maxsize=64)
def diagonal(k: int) -> tuple[tuple[int, int], ...]:
    """Positions of the diagonal of a k x k matrix.

    Examples
    --------
    >>> diagonal(2)
    ((0, 0), (1, 1))
    """
    return tuple((i, i) for i in range(k))


DIAG = Structure("diag", diagonal, "a variance for each effect, no correlations", correlated=False)
