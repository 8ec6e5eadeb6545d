"""Sums over pairs of neighbouring rows, made once for a model whose residuals form a chain."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core import _kernels
from nestwise.core.structured.model import ErrorArrays, StructuredArrays


def make_chain(
    arrays: StructuredArrays, Q: FloatArray, y0: FloatArray, RX: FloatArray
) -> _kernels.Chain | None:
    """Sort the rows and sum over pairs of neighbours; None where the model is of another kind.

    Parameters
    ----------
    arrays : StructuredArrays
        The model.
    Q : (n, p) float64
        Orthonormal basis of its fixed effects, X = Q RX.
    y0 : (n,) float64
        Residuals of ordinary least squares.
    RX : (p, p) float64
        Upper triangular.
    """
    errors = arrays.errors
    if not _is_plain(errors):
        return None
    assert errors.structure is not None
    by_time = errors.structure.neighbours == "time"
    return _kernels.chain(
        Q,
        y0,
        errors.subject,
        errors.time if by_time else errors.visit.astype(np.float64),
        errors.weights,
        [term.codes for term in arrays.effects],
        [np.ascontiguousarray(term.Z) for term in arrays.effects],
        np.array(arrays.entries, dtype=np.int32).reshape(-1, 3),
        by_time,
        RX,
    )


def _is_plain(errors: ErrorArrays) -> bool:
    """One correlation for all subjects, and standard deviations that are known."""
    structure = errors.structure
    if structure is None or structure.neighbours is None or errors.n_par != 1:
        return False
    return errors.n_structure == 1 and errors.time.ndim == 1
