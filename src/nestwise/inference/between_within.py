"""Between-within (inner-outer) degrees of freedom of nested designs, as nlme's lme has them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise.design.model import Design
from nestwise.fit.result import LmmFit

NEGLIGIBLE = 1e-9
"""Weights of a contrast below this share of the largest count as zero."""


def between_within_df(fit: LmmFit, L: FloatArray) -> FloatArray:
    """Degrees of freedom of contrasts by the level at which their coefficients vary.

    A contrast gets the smallest of those of its coefficients.

    Parameters
    ----------
    fit : LmmFit
        A fit with nested grouping factors.
    L : (q, p) float64
        One contrast a row.

    Returns
    -------
    (q,) float64

    Raises
    ------
    OptionError
        When grouping factors are crossed.

    Source
    ------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, p. 91.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> between_within_df(m.fit, np.eye(2)).tolist()
    [161.0, 161.0]
    """
    size = np.abs(L)
    used = size > NEGLIGIBLE * size.max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.where(used, _by_coefficient(fit), np.inf).min(axis=1, initial=np.inf))


@memo
def _by_coefficient(fit: LmmFit) -> FloatArray:
    return by_coefficient(fit.design, outermost_first(fit.design))


def by_coefficient(design: Design, chain: list[tuple[IntArray, int]]) -> FloatArray:
    """m_i - (m_{i-1} + p_i) for the level i at which each column of X is estimated, m_0 = 1.

    Without an intercept nlme has one more at every level, and so has this.

    Parameters
    ----------
    design : Design
        The columns.
    chain : list of (codes, n_levels)
        Nested factors, outermost first.
    """
    sizes = [1, *(n for _, n in chain), len(design.y)]
    X, innermost = design.fixed.X, len(chain) + 1
    # The intercept is estimated at level 0 but tested with the innermost degrees of freedom.
    level = [
        0
        if j == 0 and design.fixed.intercept
        else next(
            (i for i, (codes, n) in enumerate(chain, 1) if _constant(X[:, j], codes, n)), innermost
        )
        for j in range(X.shape[1])
    ]
    more = 0 if design.fixed.intercept else 1
    df = [sizes[i] - sizes[i - 1] - level.count(i) + more for i in range(1, innermost + 1)]
    return np.array([float(df[(i or innermost) - 1]) for i in level])


def outermost_first(design: Design) -> list[tuple[IntArray, int]]:
    """Nested grouping factors, outermost first.

    Raises
    ------
    OptionError
        When factors are crossed.
    """
    factors = sorted(design.factors, key=lambda f: f.n_levels)
    for outer, inner in pairwise(factors):
        parent = np.zeros(inner.n_levels, dtype=outer.codes.dtype)
        parent[inner.codes] = outer.codes
        if not np.array_equal(parent[inner.codes], outer.codes):
            raise OptionError(
                f"ddf='between-within' needs nested grouping factors, but {inner.name!r} and "
                f"{outer.name!r} are crossed; use ddf='satterthwaite' or 'kenward-roger'"
            )
    return [(f.codes, f.n_levels) for f in factors]


def _constant(x: FloatArray, codes: IntArray, n_levels: int) -> bool:
    """Whether a column does not vary within the levels of a factor."""
    first = np.zeros(n_levels)
    first[codes] = x
    return bool(np.array_equal(first[codes], x))
