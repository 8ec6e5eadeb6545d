"""A linear mixed model as the engine sees it: cross-products, and where theta goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.basis import Basis, make_basis, residual
from nestwise.core.compiled import compiled_kernel
from nestwise.core.kernel import FactorColumns, Kernel, KernelInput
from nestwise.core.structures.registry import STRUCTURES


@dataclass(frozen=True, slots=True, eq=False)
class TermColumns:
    """One random-effects term: its factor, its columns there, its structure.

    Parameters
    ----------
    factor : int
        Index of the grouping factor.
    columns : tuple of (n,) float64 or None
        The k columns; None is constantly one.
    structure : str
        A name in `STRUCTURES`.
    """

    factor: int
    columns: tuple[FloatArray | None, ...]
    structure: str


@dataclass(frozen=True, slots=True, eq=False)
class ModelArrays:
    """The arrays of a model, in the user's units.

    Parameters
    ----------
    y : (n,) float64
        Response less offset.
    X : (n, p) float64
        Fixed effects, full column rank.
    intercept : int
        Position of the column of ones in X, -1 when there is none.
    weights : (n,) float64 or None
        Prior weights, positive.
    codes : tuple of (n,) int32
        Levels of each grouping factor.
    n_levels : tuple of int
        Their numbers.
    terms : tuple of TermColumns
        The terms, in the order of theta.
    """

    y: FloatArray
    X: FloatArray
    intercept: int
    weights: FloatArray | None
    codes: tuple[IntArray, ...]
    n_levels: tuple[int, ...]
    terms: tuple[TermColumns, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TermBlock:
    """Where a term stands: `first` to `first + k` among the columns of `factor`."""

    factor: int
    first: int
    k: int


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Problem:
    """Cross-products with the maps between the user's parameters and the kernel's.

    Parameters
    ----------
    kernel : Kernel
        The cross-products and what can be computed from them.
    n, p : int
        Rows and fixed effects.
    shapes : tuple of (k, n_levels)
        Width and levels of each factor.
    terms : tuple of TermBlock
        Where the terms stand.
    structures : tuple of str
        Their covariance structures, names in `STRUCTURES`.
    entries : (m, 3) int32
        For each theta its (factor, row, column) in the factor's Lambda.
    lambda_index : (m,) int32
        Where each theta stands in the flat Lambdas that the kernel takes.
    lambda_size : int
        Their length, the sum of k^2 over factors.
    diagonal : (d,) int
        Positions in theta of the diagonal entries of the Lambdas.
    theta_scale : (m,) float64
        theta in the kernel's units is theta times this.
    column_scales : tuple of (k,) float64
        The scale of each factor's columns.
    basis : Basis
        Coordinates of the fixed effects.
    log_weights : float
        Sum of the logarithms of the prior weights.
    """

    kernel: Kernel
    n: int
    p: int
    shapes: tuple[tuple[int, int], ...]
    terms: tuple[TermBlock, ...]
    structures: tuple[str, ...]
    entries: IntArray
    lambda_index: IntArray
    lambda_size: int
    diagonal: NDArray[np.intp]
    theta_scale: FloatArray
    column_scales: tuple[FloatArray, ...]
    basis: Basis
    log_weights: float


def _blocks(arrays: ModelArrays) -> tuple[TermBlock, ...]:
    """Terms of the same factor stand side by side among its columns."""
    width = [0] * len(arrays.codes)
    out = []
    for term in arrays.terms:
        out.append(TermBlock(term.factor, width[term.factor], len(term.columns)))
        width[term.factor] += len(term.columns)
    return tuple(out)


def _column_scale(column: FloatArray | None) -> float:
    """Root mean square of a random-effects column, 1 for ones and for zeros."""
    if column is None:
        return 1.0
    size = float(np.linalg.norm(column)) / len(column) ** 0.5
    return size if size > 0.0 else 1.0


def factor_columns(arrays: ModelArrays) -> tuple[FactorColumns, ...]:
    """The columns of each grouping factor, all terms side by side, with their scales."""
    out = []
    for f, (codes, n_levels) in enumerate(zip(arrays.codes, arrays.n_levels, strict=True)):
        columns = tuple(c for t in arrays.terms if t.factor == f for c in t.columns)
        scale = np.array([_column_scale(c) for c in columns])
        out.append(FactorColumns(codes, n_levels, columns, scale))
    return tuple(out)


def _entries(arrays: ModelArrays, blocks: tuple[TermBlock, ...]) -> IntArray:
    """(m, 3): factor, row and column of each theta, in the user's order."""
    rows = [
        (b.factor, b.first + r, b.first + c)
        for t, b in zip(arrays.terms, blocks, strict=True)
        for r, c in STRUCTURES[t.structure].free(b.k)
    ]
    return np.array(rows, dtype=np.int32).reshape(len(rows), 3)


def _log_weights(weights: FloatArray | None) -> float:
    """Sum of the logarithms; NaN where a working weight is not positive."""
    if weights is None:
        return 0.0
    return float(np.log(weights).sum()) if weights.min() > 0.0 else float("nan")


def build_problem(
    arrays: ModelArrays,
    make_kernel: Callable[[KernelInput], Kernel] = compiled_kernel,
    threads: int = 1,
    solver: str = "auto",
) -> Problem:
    """Read the rows once and keep what every evaluation needs.

    Parameters
    ----------
    arrays : ModelArrays
        The model in the user's units.
    make_kernel : callable
        The compiled kernel, or its NumPy twin `nestwise.core.reference.dense_kernel`.
    threads : int
        Threads that the linear algebra may use.
    solver : str
        How a remainder of crossed factors is factorised: ``"auto"``, ``"dense"``, ``"sparse"``.

    Returns
    -------
    Problem
        From here on nothing depends on the number of rows.
    """
    basis = make_basis(arrays.y, arrays.X, arrays.intercept)
    factors = factor_columns(arrays)
    y = residual(arrays.y, arrays.X, basis, arrays.intercept)
    kernel = make_kernel(
        KernelInput(
            y, arrays.X, basis.center, basis.scale, arrays.weights, factors, threads, solver
        )
    )
    blocks = _blocks(arrays)
    entries = _entries(arrays, blocks)
    scales = tuple(f.scale for f in factors)
    widths = [len(f.columns) for f in factors]
    start = [sum(k * k for k in widths[:f]) for f in range(len(widths) + 1)]
    return Problem(
        kernel=kernel,
        n=len(arrays.y),
        p=arrays.X.shape[1],
        shapes=tuple((len(f.columns), f.n_levels) for f in factors),
        terms=blocks,
        structures=tuple(t.structure for t in arrays.terms),
        entries=entries,
        lambda_index=np.array([start[f] + r * widths[f] + c for f, r, c in entries], np.int32),
        lambda_size=start[-1],
        diagonal=np.flatnonzero(entries[:, 1] == entries[:, 2]),
        theta_scale=np.array([scales[f][r] for f, r, _ in entries], dtype=np.float64),
        column_scales=scales,
        basis=basis,
        log_weights=_log_weights(arrays.weights),
    )
