"""Sums over patterns that an evaluation fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.model import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Sums over patterns; the arrays are filled in place.

    Parameters
    ----------
    trace, score : (m,) float64
        tr(P dV) (ML: tr(V^-1 dV)), and y'P dV P y.
    gram : (m, m) float64
        w_i'V^-1 w_j with w_i = dV_i P y.
    mixed : (m, p) float64
        w_i'V^-1 Q.
    """

    trace: FloatArray
    score: FloatArray
    gram: FloatArray
    mixed: FloatArray

    @staticmethod
    def zeros(m: int, p: int) -> Totals:
        """Nothing yet."""
        return Totals(np.zeros(m), np.zeros(m), np.zeros((m, m)), np.zeros((m, p)))


def add_curvature(extra: FloatArray, entries: tuple[Entry, ...], t: int, inner: FloatArray) -> None:
    """Add <d2V, S> of the entries of one Lambda: 2 Z'S Z for two entries of the same column.

    Parameters
    ----------
    extra : (m, m) float64
        Filled in place.
    entries : tuple of (term, row, column)
        What the first parameters are.
    t : int
        The term.
    inner : (k, k) float64
        Sum over levels of Z'S Z.
    """
    own = [(i, r, c) for i, (term, r, c) in enumerate(entries) if term == t]
    for i, r, c in own:
        for j, r2, c2 in own:
            if c == c2:
                extra[i, j] += 2.0 * inner[r, r2]
