"""The reference grid: every combination of factor levels, covariates held at their means.

Source: Searle, Speed & Milliken (1980), Am. Stat. 34, 216-221; Lenth, emmeans for R (its
documented rules for what is a factor and where covariates are held).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import DataError, OptionError, did_you_mean
from nestwise.design import encode_new
from nestwise.design.centering import for_average_group, only_groups
from nestwise.design.encoder import Encoder
from nestwise.design.table import Source, open_table, read_column
from nestwise.design.values import Factor, Logical, Value, as_float, take_rows, value_of_column
from nestwise.formula.syntax import Call, Name, columns_of, walk
from nestwise.inference.kinds import Fit

COERCING = frozenset({"factor", "as.factor", "ordered", "C"})
"""Functions that make a factor of a column of numbers."""

FEW = 2
"""A covariate with this many distinct values or fewer is treated as a factor."""

LARGEST = 1_000_000
"""Cells of a grid."""

Levels = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class GridVariable:
    """One predictor on the grid.

    Parameters
    ----------
    name : str
        Its column.
    values : (k,) ndarray
        Levels, or the values at which a covariate is held.
    numeric : bool
        Whether the values are numbers.
    codes : (n,) intp
        Position of each used row's value among `values`, -1 when it is none of them.
    """

    name: str
    values: AnyArray
    numeric: bool
    codes: AnyArray


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceGrid:
    """All combinations of the variables' values; the first varies fastest.

    Parameters
    ----------
    variables : tuple of GridVariable
        The predictors of the fixed part.
    L : (cells, p) float64
        Kept columns of the fixed effects in every cell.
    L_full : (cells, p_full) float64
        All columns, also those left out of the fit.
    offset : (cells,) float64
        Offset in every cell.
    null_space : (p_full, d) float64
        Directions that the data say nothing of; a row is estimable when it is orthogonal to them.
    """

    variables: tuple[GridVariable, ...]
    L: FloatArray
    L_full: FloatArray
    offset: FloatArray
    null_space: FloatArray

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each variable."""
        return tuple(len(v.values) for v in self.variables)


def reference_grid(fit: Fit, data: Any, at: Levels | None = None) -> ReferenceGrid:
    """Build the reference grid of the fixed effects.

    Factors, truth values, and columns of numbers that the formula turns into factors or that have
    at most two values take all their levels; other covariates their mean over the rows used. A
    column that only says by which groups to centre is no predictor: the grid is that of a group
    whose mean is the mean of all rows.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.
    at : mapping, optional
        Column to the values it takes instead.

    Returns
    -------
    ReferenceGrid

    Raises
    ------
    OptionError
        When `at` names no predictor, or a level that does not exist.
    DataError
        When `data` lacks a column.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("cake")
    >>> m = nw.lmer("angle ~ recipe * temp + (1 | recipe:replicate)", data)
    >>> grid = reference_grid(m.fit, data)
    >>> [(v.name, v.values.tolist()) for v in grid.variables]
    [('recipe', ['A', 'B', 'C']), ('temp', [200.0])]
    """
    source = open_table(data)
    names, coerced = _predictors(fit)
    wanted = _checked(at, names)
    averaged = only_groups(fit.design.formula) - set(wanted)
    names = tuple(name for name in names if name not in averaged)
    variables = tuple(
        _variable(fit, source, name, name in coerced, wanted.get(name)) for name in names
    )
    cells = int(np.prod([len(v.values) for v in variables], dtype=np.float64))
    if cells > LARGEST:
        raise OptionError(
            f"the reference grid has {cells} cells; give some predictors fewer values by at={{}}"
        )
    columns = _crossed(variables, cells)
    L_full, offset = _encoded(fit, columns | dict.fromkeys(averaged, np.full(cells, np.nan)), cells)
    fixed = fit.design.fixed
    kept = list(fit.design.encoder.kept)
    return ReferenceGrid(variables, L_full[:, kept], L_full, offset, _null_space(fixed.full, kept))


def _predictors(fit: Fit) -> tuple[tuple[str, ...], set[str]]:
    """Columns of the fixed part, and those among them that it turns into factors."""
    linear = fit.design.formula.fixed
    used = {v for term in linear.terms for v in term.variables} | set(linear.offsets)
    nodes = [node for label, node in linear.variables if label in used]
    names = list(columns_of(*nodes))
    extra = fit.design.encoder.offset
    if extra is not None and extra not in names:
        names.append(extra)
    calls = [c for n in nodes for c in walk(n) if isinstance(c, Call) and c.function in COERCING]
    coerced = {c.args[0].id for c in calls if c.args and isinstance(c.args[0], Name)}
    return tuple(names), coerced


def _checked(at: Levels | None, names: tuple[str, ...]) -> dict[str, list[Any]]:
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise OptionError(f"at={at!r} must map predictors to values, as {{'x': [1, 2]}}")
    out = {}
    for name, values in at.items():
        if name not in names:
            raise OptionError(f"at: {name!r} is no predictor{did_you_mean(str(name), names)}")
        scalar = isinstance(values, str) or np.ndim(values) == 0
        out[name] = [values] if scalar else list(values)
        if not out[name]:
            raise OptionError(f"at: {name!r} has no values; give at least one")
    return out


def _variable(
    fit: Fit, source: Source, name: str, coerced: bool, at: list[Any] | None
) -> GridVariable:
    value: Value = value_of_column(read_column(source, name))
    if fit.design.kept is not None:
        value = take_rows(value, fit.design.kept)
    if isinstance(value, Factor):
        return _factor(fit, name, value, at)
    numbers = value.values if isinstance(value, Logical) else as_float(value, name)
    distinct, codes = np.unique(numbers, return_inverse=True)
    if at is not None:
        return _held(name, numbers, distinct, at, coerced or isinstance(value, Logical))
    if coerced or isinstance(value, Logical) or len(distinct) <= FEW:
        return GridVariable(name, distinct, not isinstance(value, Logical), codes)
    mean = np.array([float(np.mean(numbers))])
    return GridVariable(name, mean, True, np.zeros(numbers.size, dtype=np.intp))


def _factor(fit: Fit, name: str, value: Factor, at: list[Any] | None) -> GridVariable:
    used = fit.design.encoder.coded.get(name)
    levels = value.levels[np.unique(value.codes)] if used is None else used
    if at is not None:
        known = [str(level) for level in levels]
        for level in at:
            if str(level) not in known:
                raise OptionError(
                    f"at: {name} has no level {str(level)!r}{did_you_mean(str(level), known)}"
                )
        levels = np.array([str(level) for level in at], dtype=object)
    place = {str(level): i for i, level in enumerate(levels)}
    lookup = np.array([place.get(str(level), -1) for level in value.levels], dtype=np.intp)
    return GridVariable(name, np.array(levels, dtype=object), False, lookup[value.codes])


def _held(
    name: str, numbers: AnyArray, distinct: AnyArray, at: list[Any], levels_only: bool
) -> GridVariable:
    """Numbers or truth values at the values asked for."""
    try:
        held = np.array(at, dtype=numbers.dtype)
    except (TypeError, ValueError):
        raise OptionError(f"at: the values of {name!r} must be numbers, got {at!r}") from None
    if numbers.dtype.kind != "b" and not np.isfinite(held).all():
        raise OptionError(f"at: the values of {name!r} must be finite, got {at!r}")
    strange = [v for v in held.tolist() if levels_only and v not in distinct]
    if strange:
        shown = ", ".join(str(v) for v in distinct[:12].tolist())
        raise OptionError(f"at: {name} has no level {strange[0]!r}; known levels are: {shown}")
    codes = np.full(numbers.size, -1, dtype=np.intp)
    for i, v in enumerate(held.tolist()):
        codes[numbers == v] = i
    if held.size == 1:
        codes[:] = 0
    return GridVariable(name, held, numbers.dtype.kind != "b", codes)


def _crossed(variables: tuple[GridVariable, ...], cells: int) -> dict[str, AnyArray]:
    """Columns of the grid as a table; a single column of ones for a model without predictors."""
    columns, run = {}, 1
    for v in variables:
        k = len(v.values)
        columns[v.name] = v.values[(np.arange(cells) // run) % k]
        run *= k
    return columns or {"": np.ones(cells)}


def _encoded(fit: Fit, columns: dict[str, AnyArray], cells: int) -> tuple[FloatArray, FloatArray]:
    """All columns of X, and the offset, in every cell."""
    encoder = fit.design.encoder
    fixed_only: Encoder = replace(
        encoder,
        formula=replace(encoder.formula, random=()),
        groups=(),
        kept=tuple(range(len(encoder.names))),
        offset_by_row=False,
        state=for_average_group(encoder.state),
    )
    new = encode_new(fixed_only, columns)
    if new.kept is not None:
        raise DataError(
            "the reference grid has cells where the formula gives no number (such as the log of a "
            "negative mean); give the covariates other values by at={...}"
        )
    offset = np.zeros(cells) if new.offset is None else new.offset
    if encoder.offset_by_row and fit.design.offset is not None:
        offset = offset + float(np.mean(fit.design.offset))
    return new.X, offset


def _null_space(full: FloatArray | None, kept: list[int]) -> FloatArray:
    """(p_full, d): each dropped column less what the kept columns make of it."""
    if full is None:
        return np.zeros((len(kept), 0))
    dropped = [j for j in range(full.shape[1]) if j not in set(kept)]
    made = np.linalg.lstsq(full[:, kept], full[:, dropped], rcond=None)[0]
    basis = np.zeros((full.shape[1], len(dropped)))
    basis[kept] = -made
    basis[dropped, np.arange(len(dropped))] = 1.0
    return np.asarray(basis / np.linalg.norm(basis, axis=0), dtype=np.float64)
