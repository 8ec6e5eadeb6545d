"""A linear mixed model as the engine sees it: cross-products, and where theta goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.basis import Basis, compiled_basis
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


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Where terms and theta stand: depends on factors, widths and structures of the terms only."""

    blocks: tuple[TermBlock, ...]
    entries: IntArray
    lambda_index: IntArray
    lambda_size: int
    diagonal: NDArray[np.intp]
    scale_index: NDArray[np.intp]


@lru_cache(maxsize=256)
def _layout(n_factors: int, terms: tuple[tuple[int, int, str], ...]) -> _Layout:
    """The layout of terms, each (factor, columns, structure), in the order of theta."""
    width = [0] * n_factors
    blocks: list[TermBlock] = []
    for factor, k, _ in terms:
        # Terms of the same factor stand side by side among its columns.
        blocks.append(TermBlock(factor, width[factor], k))
        width[factor] += k
    rows = [
        (b.factor, b.first + r, b.first + c)
        for (_, k, structure), b in zip(terms, blocks, strict=True)
        for r, c in STRUCTURES[structure].free(k)
    ]
    before = [sum(width[:f]) for f in range(n_factors)]
    start = [sum(k * k for k in width[:f]) for f in range(n_factors + 1)]
    entries = np.array(rows, dtype=np.int32).reshape(len(rows), 3)
    arrays = (
        entries,
        np.array([start[f] + r * width[f] + c for f, r, c in rows], np.int32),
        np.flatnonzero(entries[:, 1] == entries[:, 2]),
        np.array([before[f] + r for f, r, _ in rows], np.intp),
    )
    for array in arrays:
        array.flags.writeable = False  # shared by all problems of this layout
    return _Layout(tuple(blocks), arrays[0], arrays[1], start[-1], arrays[2], arrays[3])


def _layout_of(arrays: ModelArrays) -> _Layout:
    terms = tuple((t.factor, len(t.columns), t.structure) for t in arrays.terms)
    return _layout(len(arrays.codes), terms)


def _column_scale(column: FloatArray | None) -> float:
    """Root mean square of a random-effects column, 1 for ones and for zeros."""
    if column is None:
        return 1.0
    size = (float(np.vdot(column, column)) / len(column)) ** 0.5
    return size if size > 0.0 else 1.0


def factor_columns(arrays: ModelArrays) -> tuple[FactorColumns, ...]:
    """The columns of each grouping factor, all terms side by side, with their scales."""
    out = []
    for f, (codes, n_levels) in enumerate(zip(arrays.codes, arrays.n_levels, strict=True)):
        columns = tuple(c for t in arrays.terms if t.factor == f for c in t.columns)
        scale = np.array([_column_scale(c) for c in columns])
        out.append(FactorColumns(codes, n_levels, columns, scale))
    return tuple(out)


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
    basis, y = compiled_basis(arrays.y, arrays.X, arrays.intercept)
    factors = factor_columns(arrays)
    kernel = make_kernel(
        KernelInput(
            y, arrays.X, basis.center, basis.scale, arrays.weights, factors, threads, solver
        )
    )
    return assembled_problem(arrays, factors, kernel, basis, _log_weights(arrays.weights))


def entries_of(arrays: ModelArrays) -> IntArray:
    """(m, 3) factor, row and column of each theta."""
    return _layout_of(arrays).entries


def assembled_problem(
    arrays: ModelArrays,
    factors: tuple[FactorColumns, ...],
    kernel: Kernel,
    basis: Basis,
    log_weights: float,
) -> Problem:
    """The problem whose rows have been read.

    Parameters
    ----------
    arrays : ModelArrays
        The model in the user's units.
    factors : tuple of FactorColumns
        From `factor_columns`.
    kernel : Kernel
        The cross-products.
    basis : Basis
        Coordinates of the fixed effects.
    log_weights : float
        Sum of the logarithms of the weights.
    """
    layout = _layout_of(arrays)
    scales = tuple(f.scale for f in factors)
    return Problem(
        kernel=kernel,
        n=len(arrays.y),
        p=arrays.X.shape[1],
        shapes=tuple((len(f.columns), f.n_levels) for f in factors),
        terms=layout.blocks,
        structures=tuple(t.structure for t in arrays.terms),
        entries=layout.entries,
        lambda_index=layout.lambda_index,
        lambda_size=layout.lambda_size,
        diagonal=layout.diagonal,
        theta_scale=np.concatenate(scales)[layout.scale_index],
        column_scales=scales,
        basis=basis,
        log_weights=log_weights,
    )


def relaid(problem: Problem, arrays: ModelArrays) -> Problem:
    """The layout of a problem for further rows of the same columns; its kernel stays as it is.

    Parameters
    ----------
    problem : Problem
        Made from some of the rows: gives the coordinates of the fixed effects.
    arrays : ModelArrays
        All rows: give the numbers of levels and the scales of the random effects.
    """
    factors = factor_columns(arrays)
    scales = tuple(f.scale for f in factors)
    return replace(
        problem,
        n=len(arrays.y),
        shapes=tuple((len(f.columns), f.n_levels) for f in factors),
        theta_scale=np.array([scales[f][r] for f, r, _ in problem.entries], dtype=np.float64),
        column_scales=scales,
    )
