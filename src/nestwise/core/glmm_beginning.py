"""Compiled starting values of generalised models; `nestwise.fit.glmm_start` is their twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core import _kernels
from nestwise.core.basis import known_basis
from nestwise.core.compiled import ALWAYS_FITS, SOLVERS, CompiledKernel
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.problem import (
    ModelArrays,
    Problem,
    assembled_problem,
    entries_of,
    factor_columns,
)

DISPERSIONS = (None, "scale", "shape")
"""Kinds of dispersion parameters; positions are the C++ codes."""

ROUNDS = 3
"""Working linear mixed models that are fitted, at most."""

FEW_ROWS = 5000
"""Rows up to which one is enough, since further gradients of the criterion itself cost less."""

FEW_EFFECTS = 64
"""Fixed effects whose curvature is a small matrix."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where to begin.

    Parameters
    ----------
    layout : Problem
        The last working linear mixed model.
    par : (m,) float64
        Entries of Lambda, absolute, kernel's units.
    beta : (p,) float64
        Coefficients of the scaled X.
    phi : float or None
        Dispersion.
    u : (q,) float64
        Spherical modes, sd 1 each.
    weight : float
        What the weights of the working model were divided by, a power of two: where the dispersion
        is a scale they have the unit of its inverse.
    """

    layout: Problem
    par: FloatArray
    beta: FloatArray
    phi: float | None
    u: FloatArray
    weight: float = 1.0


def compiled_beginning(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: FamilyRows,
    eta: FloatArray,
    threads: int,
    solver: str,
    rounds: int = ROUNDS,
) -> tuple[Start, FloatArray] | None:
    """A few working linear mixed models; None where the way is not an easy one.

    Parameters
    ----------
    arrays : ModelArrays
        The rows; `y` is not used.
    offset : (n,) float64
        Known part of the linear predictor.
    rows : FamilyRows
        Log-likelihood of the rows.
    eta : (n,) float64
        A first linear predictor, from the response.
    threads, solver
        As in `KernelInput`.
    rounds : int
        Most working models; one where rows are few in any case.

    Returns
    -------
    (Start, (size, size) float64) or None
        With the curvature of the working linear mixed model; NaN along log phi, where nobody knows
        it.
    """
    n, p = arrays.X.shape
    name = rows.compiled
    widths = sorted(m for m in arrays.n_levels)
    if not name or p > FEW_EFFECTS or sum(widths[:-1]) > ALWAYS_FITS:
        return None
    factors, entries = factor_columns(arrays), entries_of(arrays)
    dispersion = rows.family.dispersion
    found = _kernels.begin_glmm(
        name,
        DISPERSIONS.index(dispersion),
        rows.y,
        rows.weights,
        offset,
        np.ascontiguousarray(eta),
        np.asfortranarray(arrays.X),
        arrays.intercept,
        1 if n < FEW_ROWS else rounds,
        [f.codes for f in factors],
        [f.n_levels for f in factors],
        [list(f.columns) for f in factors],
        [f.scale for f in factors],
        entries,
        SOLVERS.index(solver),
        float("inf"),
    )
    if found is None:
        return None
    handle, center, scale, shift, par, beta, phi, u, curvature, log_weights = found
    basis = known_basis(center, scale, shift, arrays.intercept)
    layout = assembled_problem(arrays, factors, CompiledKernel(handle, threads), basis, log_weights)
    if dispersion is None:
        return Start(layout, par, beta, None, u), curvature
    wider = np.zeros((len(curvature) + 1, len(curvature) + 1))
    wider[:-1, :-1] = curvature
    wider[-1, -1] = np.nan
    return Start(layout, par, beta, phi, u), wider
