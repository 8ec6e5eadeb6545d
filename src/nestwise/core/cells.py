"""Cross-products of a simulated response, drawn without its rows.

Rows that share a level of every grouping factor form a cell. Within a cell the response meets the
rest of the model only through U'Wy, U the distinct columns of X and Z there, and through y'Wy. With
y = U gamma + e these are U'WU gamma + U'We and its square; U'We is normal with covariance
sigma^2 U'WU, and what is left of e'We is sigma^2 times a chi-square: exact, and the cost is that of
the cells, not of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.optimum import ResponseStatistics
from nestwise.core.problem import ModelArrays, Problem

PIVOT = 1e-11
"""Pivot, relative to its diagonal, that counts as zero in the factor of a cell."""

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class ModelCells:
    """Where one model finds its columns and levels among the cells.

    Parameters
    ----------
    x_at : (p,) int
        Column of U for each column of X.
    z_at : tuple of (k,) int
        Columns of U for each term.
    factors : tuple of int
        Factor of each term.
    levels : tuple of (G,) int
        Level of each cell, for each factor.
    n_levels : tuple of int
        Their numbers.
    intercept : int
        Position of the column of ones in X, -1 when there is none.
    """

    x_at: Positions
    z_at: tuple[Positions, ...]
    factors: tuple[int, ...]
    levels: tuple[Positions, ...]
    n_levels: tuple[int, ...]
    intercept: int


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of one or more models of the same rows.

    Parameters
    ----------
    gram : (G, K, K) float64
        U'WU of each cell.
    root : (G, K, K) float64
        Its lower factor, with zero columns where it is singular.
    active : (G, K) float64
        1 for columns of `root` that are not zero, else 0.
    free : int
        Degrees of freedom of e'We that U'We does not hold.
    models : tuple of ModelCells
        One for each model.
    """

    gram: FloatArray
    root: FloatArray
    active: FloatArray
    free: int
    models: tuple[ModelCells, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """U'Wy of each cell, (G, K), and y'Wy, for one simulated y."""

    Uy: FloatArray
    yy: float


def make_cells(models: Sequence[ModelArrays]) -> Cells | None:
    """Gather the rows of some models into cells; None where that would not be less work.

    Parameters
    ----------
    models : sequence of ModelArrays
        Of the same rows, response and weights.

    Examples
    --------
    >>> import numpy as np
    >>> from nestwise.core.problem import TermColumns
    >>> codes = np.repeat(np.arange(2, dtype=np.int32), 5)
    >>> rows = ModelArrays(np.zeros(10), np.ones((10, 1)), 0, None, (codes,), (2,),
    ...                    (TermColumns(0, (None,), "us"),))
    >>> cells = make_cells([rows])
    >>> cells.gram.ravel().tolist(), cells.free
    ([5.0, 5.0], 8)
    """
    n = len(models[0].y)
    columns, places = _columns(models)
    cell, n_cells = _number_cells(models, n // (2 * len(columns)))
    if n_cells == 0:
        return None
    weights = models[0].weights
    K = len(columns)
    gram = np.empty((n_cells, K, K))
    for i in range(K):
        weighted = columns[i] if weights is None else columns[i] * weights
        for j in range(i + 1):
            sums = np.bincount(cell, weighted * columns[j], minlength=n_cells)
            gram[:, i, j] = gram[:, j, i] = sums
    root, active = semidefinite_roots(gram)
    first = np.empty(n_cells, dtype=np.intp)
    first[cell] = np.arange(n)
    found = tuple(
        ModelCells(
            x_at,
            z_at,
            tuple(t.factor for t in model.terms),
            tuple(codes[first].astype(np.intp) for codes in model.codes),
            model.n_levels,
            model.intercept,
        )
        for model, (x_at, z_at) in zip(models, places, strict=True)
    )
    return Cells(gram, root, active, n - int(active.sum()), found)


def _columns(
    models: Sequence[ModelArrays],
) -> tuple[list[FloatArray], list[tuple[Positions, tuple[Positions, ...]]]]:
    """The distinct columns of all models, and where each model finds its own."""
    columns: list[FloatArray] = []
    at: dict[bytes, int] = {}
    ones = np.ones(len(models[0].y))

    def place(column: FloatArray | None) -> int:
        values = ones if column is None else np.ascontiguousarray(column)
        key = blake2b(values.data).digest()
        if key not in at:
            at[key] = len(columns)
            columns.append(values)
        return at[key]

    places = [
        (
            np.array([place(model.X[:, j]) for j in range(model.X.shape[1])], dtype=np.intp),
            tuple(np.array([place(c) for c in t.columns], dtype=np.intp) for t in model.terms),
        )
        for model in models
    ]
    return columns, places


def _number_cells(models: Sequence[ModelArrays], most: int) -> tuple[AnyArray, int]:
    """Cell of each row and their number; 0 when there are more than `most`."""
    cell: AnyArray = np.zeros(len(models[0].y), dtype=np.int64)
    n_cells = 1
    seen: list[AnyArray] = []
    for model in models:
        for codes, m in zip(model.codes, model.n_levels, strict=True):
            if m > most or any(codes is s or np.array_equal(codes, s) for s in seen):
                if m > most:
                    return cell, 0
                continue
            seen.append(codes)
            cell, n_cells = (cell * m + codes, n_cells * m)
            if len(seen) > 1:
                _, cell = np.unique(cell, return_inverse=True)
                n_cells = int(cell.max()) + 1
            if n_cells > most:
                return cell, 0
    return cell, n_cells


def semidefinite_roots(gram: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower factors of a stack of semidefinite matrices, and which of their columns are not zero.

    Parameters
    ----------
    gram : (G, K, K) float64

    Examples
    --------
    >>> import numpy as np
    >>> semidefinite_roots(np.array([[[4.0, 2.0], [2.0, 1.0]]]))[0]
    array([[[2., 0.],
            [1., 0.]]])
    """
    K = gram.shape[1]
    root, active = np.zeros_like(gram), np.zeros(gram.shape[:2])
    for j in range(K):
        done = root[:, j, :j]
        pivot = gram[:, j, j] - np.einsum("gi,gi->g", done, done)
        good = pivot > PIVOT * gram[:, j, j]
        size = np.sqrt(np.where(good, pivot, 1.0))
        rest = gram[:, j + 1 :, j] - np.einsum("gri,gi->gr", root[:, j + 1 :, :j], done)
        root[:, j, j] = np.where(good, size, 0.0)
        root[:, j + 1 :, j] = np.where(good[:, None], rest / size[:, None], 0.0)
        active[:, j] = good
    return root, active


def draw(
    cells: Cells,
    model: int,
    beta: FloatArray,
    lambdas: tuple[FloatArray, ...],
    sigma: float,
    rng: np.random.Generator,
) -> Drawn:
    """Simulate a response and keep its cross-products.

    Parameters
    ----------
    cells : Cells
        The rows.
    model : int
        Which of its models is true.
    beta : (p,) float64
        Fixed effects of that model; less the first fit, so that no digits are lost.
    lambdas : tuple of (k, k) float64
        Relative Cholesky factor of each term.
    sigma : float
        Residual standard deviation.
    rng : Generator
        Source of randomness.
    """
    own, (n_cells, K) = cells.models[model], cells.active.shape
    gamma = np.zeros((n_cells, K))
    gamma[:, own.x_at] = beta
    for at, f, L in zip(own.z_at, own.factors, lambdas, strict=True):
        b = rng.standard_normal((own.n_levels[f], len(L))) @ (sigma * L.T)
        gamma[:, at] += b[own.levels[f]]
    z = rng.standard_normal((n_cells, K)) * cells.active
    noise = sigma * np.matmul(cells.root, z[:, :, None])[:, :, 0]
    mean = np.matmul(cells.gram, gamma[:, :, None])[:, :, 0]
    left = float(rng.chisquare(cells.free)) if cells.free > 0 else 0.0
    flat, own_square = gamma.ravel(), float(z.ravel() @ z.ravel())
    yy = float(flat @ (mean + 2.0 * noise).ravel()) + sigma**2 * (own_square + left)
    return Drawn(mean + noise, yy)


def statistics(
    cells: Cells, model: int, problem: Problem, drawn: Drawn, shift: FloatArray | None = None
) -> ResponseStatistics:
    """What the compiled optimiser needs of the response, for one of the models.

    Parameters
    ----------
    cells : Cells
        The rows.
    model : int
        Which model is fitted.
    problem : Problem
        Its cross-products.
    drawn : Drawn
        The response, less the first fit of the problem or, with `shift`, of another.
    shift : (K,) float64, optional
        Coefficients of the columns of U to take out as well.
    """
    own, Uy, yy = cells.models[model], drawn.Uy, drawn.yy
    if shift is not None:
        fitted = cells.gram @ shift
        yy += float(shift @ (fitted - 2.0 * Uy).sum(axis=0))
        Uy = Uy - fitted
    sums, basis = Uy.sum(axis=0)[own.x_at], problem.basis
    # With an intercept its column of ones carries the sum of y; else nothing is centred.
    centred = sums if own.intercept < 0 else sums - basis.center * sums[own.intercept]
    Zy = []
    for f, (m, scale) in enumerate(zip(own.n_levels, problem.column_scales, strict=True)):
        mine = [c for at, g in zip(own.z_at, own.factors, strict=True) if g == f for c in at]
        levels = own.levels[f]
        sums_f = [np.bincount(levels, Uy[:, c], minlength=m) for c in mine]
        Zy.append((np.stack(sums_f, axis=1) / scale).ravel())
    return ResponseStatistics(np.concatenate(Zy), centred / basis.scale, yy)


__all__ = ["Cells", "Drawn", "ModelCells", "draw", "make_cells", "semidefinite_roots", "statistics"]
