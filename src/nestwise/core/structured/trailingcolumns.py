"""The columns of random effects that join blocks of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from nestwise._base.arrays import AnyArray
from nestwise._base.errors import FitError
from nestwise.core.structured.model import StructuredArrays

MOST = 5000
"""Random effects that join blocks up to which a dense factor is made."""


@dataclass(frozen=True, slots=True, eq=False)
class TrailingEffects:
    """The columns of the trailing random effects.

    Parameters
    ----------
    Z : (n, q) sparse float64
        Term after term, level after level.
    first : tuple of int
        First column of each trailing term.
    """

    Z: csr_array
    first: tuple[int, ...]


def trailing_effects(arrays: StructuredArrays, trailing: tuple[int, ...]) -> TrailingEffects:
    """Z of the trailing terms as a sparse matrix.

    Raises
    ------
    FitError
        When there are too many effects for a dense factor.
    """
    first = _starts(arrays, trailing)
    if first[-1] > MOST:
        raise FitError(
            f"random effects crossed with the residuals' subjects have {first[-1]} levels and "
            f"effects; beside structured residuals at most {MOST} are possible: use fewer terms"
        )
    return TrailingEffects(effect_columns(arrays, trailing), tuple(int(i) for i in first[:-1]))


def _starts(arrays: StructuredArrays, chosen: tuple[int, ...]) -> AnyArray:
    terms = [arrays.effects[t] for t in chosen]
    sizes = [term.n_levels * term.Z.shape[1] for term in terms]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)


def effect_columns(arrays: StructuredArrays, chosen: tuple[int, ...]) -> csr_array:
    """(n, q) Z of the chosen terms: term after term, level after level."""
    terms, first = [arrays.effects[t] for t in chosen], _starts(arrays, chosen)
    n, rows, columns, values = arrays.y.size, [], [], []
    for term, start in zip(terms, first, strict=False):
        k = term.Z.shape[1]
        for j in range(k):
            rows.append(np.arange(n))
            columns.append(start + term.codes.astype(np.intp) * k + j)
            values.append(term.Z[:, j])
    where = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), where), shape=(n, int(first[-1])))
