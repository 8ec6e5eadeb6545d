"""The lower triangle of the correlations of the fixed effects, with R's short names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.present.abbreviate import abbreviate
from nestwise.present.matrixtext import matrix_lines
from nestwise.present.rformat import format_numbers, round_places

MOST = 12
"""lme4's ``lme4.summary.cor.max``: with more coefficients the block is left out."""


def correlation_lines(names: Sequence[str], vcov: FloatArray) -> list[str]:
    """Lay out the correlations of estimates.

    Parameters
    ----------
    names : sequence of str
        Coefficient names.
    vcov : (p, p) float64
        Their covariance matrix, or anything proportional to it.

    Returns
    -------
    list of str
        Empty when there is only one coefficient.

    Examples
    --------
    >>> import numpy as np
    >>> print(*correlation_lines(["(Intercept)", "Days"], np.array([[4.0, -1.0], [-1.0, 1.0]])),
    ...     sep="\\n")
         (Intr)
    Days -0.500
    """
    p = len(names)
    if p < 2:
        return []
    sd = np.sqrt(np.diag(vcov))
    rounded = [round_places(float(v), 3) + 0.0 for v in (vcov / np.outer(sd, sd)).ravel()]
    texts = np.array(format_numbers(rounded, nsmall=3), dtype=object).reshape(p, p)
    cells = np.where(np.tri(p, k=-1, dtype=bool), texts, "")
    heads = abbreviate(names, 6)
    columns = [(heads[j], list(cells[1:, j])) for j in range(p - 1)]
    return matrix_lines(abbreviate(names, 11)[1:], columns, left=heads)


__all__ = ["MOST", "correlation_lines"]
