"""Estimable functions: how the coefficients of a model relate to a parameter for every cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import FitError
from nestwise._base.memo import memo
from nestwise.design.coding import code_linear, code_variable, is_categorical
from nestwise.design.model import Design
from nestwise.design.rank import redundant_columns
from nestwise.design.values import Factor, Logical, Numeric, Value
from nestwise.formula.model import Linear

ROUNDING = 1e-7
"""Relative size below which a coefficient found on the data counts as zero."""

NOTHING = 1e-10
"""The same for a coefficient found on made-up rows, which are well conditioned."""


@dataclass(frozen=True, slots=True, eq=False)
class CellParameters:
    """The coefficients of a design, and those of treatment coding, in terms of cells.

    A cell parameter stands for every cell of every term. Row i of a matrix of forms holds the
    weights of the cell parameters in coefficient i, so that ``L @ forms`` is the function of the
    cells that L beta estimates.

    Parameters
    ----------
    forms : (p, c) float64
        Of the coefficients that the model has.
    treatment : (p, c) float64
        Of the coefficients that it would have with treatment contrasts for all factors.
    treatment_assign : (p,) int64
        Term of each of the latter, -1 for the intercept.
    """

    forms: FloatArray
    treatment: FloatArray
    treatment_assign: IntArray


@memo
def cell_parameters(design: Design) -> CellParameters:
    """Express the coefficients of a design by cell parameters, whatever its contrasts.

    With X_o the matrix of all indicators X_o = X B, and B is found on made-up rows that fill every
    cell of every term; it holds for the rows of the data as well, where cells may be empty.

    Parameters
    ----------
    design : Design
        A design.

    Returns
    -------
    CellParameters

    Raises
    ------
    FitError
        When the columns of X do not span those of the indicators.

    Source
    ------
    Goodnight (1980), Commun. Stat. A 9, 167-180 (estimable functions).

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("angle ~ recipe + (1 | replicate)", nw.load_dataset("cake"))
    >>> cell_parameters(m.fit.design).forms.round(6).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, -1.0, 1.0, 0.0], [0.0, -1.0, 0.0, 1.0]]
    """
    linear, fixed = design.formula.fixed, design.fixed
    grid = _grid(linear, dict(fixed.prototypes))
    X, _ = _coded(linear, grid, design.encoder.contrasts)
    plain = {label: _plain(value) for label, value in grid.items()}
    X_t, assign = _coded(linear, plain, dict.fromkeys(grid, "treatment"))
    cells = _indicators(linear, grid, len(X))
    change = _expressed(X, np.hstack([X_t, cells]), design)
    B, B_t = change[:, X_t.shape[1] :], _expressed(X_t, cells, design)
    if fixed.full is None:
        return CellParameters(B, B_t, assign)
    data_t = np.asfortranarray(fixed.full @ change[:, : X_t.shape[1]])
    dropped = redundant_columns(data_t, fixed.intercept)
    kept = np.array([j for j in range(data_t.shape[1]) if j not in dropped], dtype=np.intp)
    return CellParameters(
        _combined(fixed.X, fixed.full) @ B,
        _combined(data_t[:, kept], data_t) @ B_t,
        assign[kept],
    )


def _coded(
    linear: Linear, grid: Mapping[str, Value], contrasts: Mapping[str, str]
) -> tuple[FloatArray, IntArray]:
    columns = code_linear(linear, grid, contrasts)
    n = _rows(grid)
    X = np.column_stack([np.ones(n) if c.values is None else c.values for c in columns])
    return X, np.array([c.term for c in columns])


def _plain(value: Value) -> Value:
    """A factor without wishes about its contrasts."""
    return Factor(value.codes, value.levels) if isinstance(value, Factor) else value


def _expressed(X: FloatArray, target: FloatArray, design: Design) -> FloatArray:
    """B with X B = target."""
    B, *_ = np.linalg.lstsq(X, target, rcond=None)
    if np.abs(X @ B - target).max(initial=0.0) > ROUNDING * np.abs(target).max(initial=1.0):
        raise FitError(
            f"the columns of {design.formula.text!r} do not determine a mean for every cell; give "
            "all factors their usual contrasts"
        )
    B[np.abs(B) < NOTHING] = 0.0
    return np.asarray(B)


def _combined(X: FloatArray, full: FloatArray) -> FloatArray:
    """D with full = X D; rounding errors are set to zero."""
    D, *_ = np.linalg.lstsq(X, full, rcond=None)
    D[np.abs(D) < ROUNDING] = 0.0
    return np.asarray(D)


def _rows(grid: Mapping[str, Value]) -> int:
    for value in grid.values():
        return len(value.codes) if isinstance(value, Factor) else len(value.values)
    return 1


def _n_columns(value: Value) -> int:
    if isinstance(value, Numeric) and value.values.ndim == 2:
        return int(value.values.shape[1])
    return 1


def _n_levels(value: Value) -> int:
    return len(value.levels) if isinstance(value, Factor) else 2


def _grid(linear: Linear, values: dict[str, Value]) -> dict[str, Value]:
    """Rows that fill all cells of every term, each with as many covariate values as it takes."""
    labels = sorted({v for t in linear.terms for v in t.variables})
    factors = [v for v in labels if is_categorical(values[v])]
    products = [
        int(np.prod([_n_columns(values[v]) for v in t.variables if v not in factors]))
        for t in linear.terms
    ]
    combinations: list[tuple[int, ...]] = []
    for term in linear.terms:
        ranges = [range(_n_levels(values[v]) if v in term.variables else 1) for v in factors]
        combinations += product(*ranges)
    filled = sorted(set(combinations))
    unique = np.array(filled, dtype=np.int32).reshape(len(filled), len(factors))
    codes = np.repeat(unique, sum(products) + 1, axis=0)
    rng = np.random.default_rng(0)
    grid: dict[str, Value] = {}
    for label in labels:
        value = values[label]
        if isinstance(value, Factor):
            column = np.ascontiguousarray(codes[:, factors.index(label)])
            grid[label] = Factor(column, value.levels, value.ordered, value.contrast)
        elif isinstance(value, Logical):
            grid[label] = Logical(codes[:, factors.index(label)] == 1)
        else:
            numbers = rng.normal(size=(len(codes), *value.values.shape[1:]))
            grid[label] = Numeric(numbers, value.suffixes)
    return grid


def _indicators(linear: Linear, grid: Mapping[str, Value], n: int) -> FloatArray:
    """A column for every cell of every term."""
    blocks = [np.ones((n, 1))] if linear.intercept else []
    for term in linear.terms:
        block = np.ones((n, 1))
        for variable in term.variables:
            pieces = code_variable(variable, grid[variable], True, None)
            columns = np.column_stack([numbers for _, numbers in pieces])
            block = (block[:, :, None] * columns[:, None, :]).reshape(n, -1)
        blocks.append(block)
    return np.hstack(blocks) if blocks else np.zeros((n, 0))
