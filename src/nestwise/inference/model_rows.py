"""Rows of data as coefficients of the fixed and random effects of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise._base.options import flag
from nestwise.core.equations import Rows
from nestwise.core.problem import Problem
from nestwise.design import NewData, encode_new
from nestwise.design.model import Design
from nestwise.design.table import Source, open_table, read_column, require_columns
from nestwise.formula.syntax import Name, columns_of
from nestwise.inference.random_selection import Selection, select_random


@dataclass(frozen=True, slots=True, eq=False)
class ModelRows:
    """What a prediction is made of.

    Parameters
    ----------
    X : (r, p) float64
        Fixed effects of the complete rows.
    Z : tuple of tuple of (r,) float64 or None
        Random-effects columns of each term; None is constantly one.
    codes : tuple of (r,) int32
        Level of each grouping factor, -1 where it is missing or unseen.
    offset, weights : (r,) float64 or None
        Offset, and prior weights (known for the rows of the fit only).
    kept : (n_rows,) bool or None
        Which of the rows given are complete; None when all are.
    selection : tuple of (term, columns)
        The random effects that the prediction is conditional on.
    """

    X: FloatArray
    Z: tuple[tuple[FloatArray | None, ...], ...]
    codes: tuple[IntArray, ...]
    offset: FloatArray | None
    weights: FloatArray | None
    kept: BoolArray | None
    selection: Selection


class Designed(Protocol):
    """A fit of any kind: it has a design."""

    @property
    def design(self) -> Design: ...


class WithEquations(Protocol):
    """A fit whose random effects solve mixed-model equations."""

    @property
    def problem(self) -> Problem: ...


def model_rows(
    fit: Designed, data: Any = None, *, re_form: str | None = "all", allow_new_levels: bool = False
) -> ModelRows:
    """Encode new rows, or take those of the fit.

    Parameters
    ----------
    fit : a fit
        Of any kind.
    data : table, optional
        New rows; the rows used in the fit when None.
    re_form : str or None
        Random effects to condition on.
    allow_new_levels : bool
        Whether groups that the fit has not seen are allowed.

    Returns
    -------
    ModelRows

    Raises
    ------
    DataError
        When columns are missing from `data`, or a group is new.
    OptionError
        When `re_form` asks for what the fit does not have.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> rows = model_rows(m.fit, {"Days": [0, 10], "Subject": ["308", "309"]})
    >>> rows.X.tolist(), rows.codes[0].tolist()
    ([[1.0, 0.0], [1.0, 10.0]], [0, 1])
    """
    design = fit.design
    flag("allow_new_levels", allow_new_levels)
    selection = select_random(design, re_form)
    if data is None:
        return ModelRows(
            design.fixed.X,
            tuple(term.Z for term in design.terms),
            tuple(factor.codes for factor in design.factors),
            design.offset,
            design.weights,
            None,
            selection,
        )
    new = encode_new(design, data)
    if not allow_new_levels:
        _check_known(design, selection, new, open_table(data))
    return ModelRows(new.X, new.Z, tuple(new.codes), new.offset, None, new.kept, selection)


def point_predictions(
    rows: ModelRows, factors: tuple[int, ...], beta: FloatArray, modes: tuple[FloatArray, ...]
) -> FloatArray:
    """X beta + Z b (+ offset) of the chosen random effects.

    Parameters
    ----------
    rows : ModelRows
        The rows.
    factors : tuple of int
        For each random term its grouping factor.
    beta : (p,) float64
        Fixed effects.
    modes : tuple of (n_levels, k) float64
        Effects of each random term; an unknown level has none.

    Returns
    -------
    (r,) float64
    """
    mu = np.asarray(rows.X @ beta, dtype=np.float64)
    if rows.offset is not None:
        mu += rows.offset
    for t, columns in rows.selection:
        # The row of zeros appended last is what code -1 picks.
        known = np.vstack([modes[t], np.zeros(modes[t].shape[1])])
        level = rows.codes[factors[t]]
        for j in columns:
            effect, z = known[level, j], rows.Z[t][j]
            mu += effect if z is None else z * effect
    return mu


def equation_rows(fit: WithEquations, rows: ModelRows) -> Rows:
    """The rows as the mixed-model equations take them: chosen effects only.

    Parameters
    ----------
    fit : LmmFit or GlmmFit
        The fit.
    rows : ModelRows
        The rows.

    Returns
    -------
    Rows
    """
    n, chosen = len(rows.X), dict(rows.selection)
    Z = [np.zeros((n, k)) for k, _ in fit.problem.shapes]
    used = [False for _ in Z]
    for t, block in enumerate(fit.problem.terms):
        for j in chosen.get(t, ()):
            z = rows.Z[t][j]
            Z[block.factor][:, block.first + j] = 1.0 if z is None else z
            used[block.factor] = True
    none = np.full(n, -1, dtype=np.int32)
    levels = tuple(
        np.ascontiguousarray(codes, dtype=np.int32) if use else none
        for codes, use in zip(rows.codes, used, strict=True)
    )
    return Rows(rows.X, levels, tuple(Z))


def spread(rows: ModelRows, values: FloatArray) -> FloatArray:
    """Values of the complete rows among all rows given, NaN elsewhere."""
    if rows.kept is None:
        return values
    everything = np.full(rows.kept.size, np.nan)
    everything[rows.kept] = values
    return everything


def _check_known(design: Design, selection: Selection, new: NewData, source: Source) -> None:
    for t, _ in selection:
        index = design.terms[t].factor
        unknown = np.flatnonzero(new.codes[index] < 0)
        if unknown.size:
            name = design.factors[index].name
            row = unknown[0] if new.kept is None else np.flatnonzero(new.kept)[unknown[0]]
            shown = _level_in_row(design, name, source, int(row))
            raise DataError(
                f"row {row + 1} has {name} = {shown}, which the fit has not seen (it knows "
                f"{design.factors[index].n_levels} levels); pass allow_new_levels=True to predict "
                "such rows without an effect of this group"
            )


def _level_in_row(design: Design, name: str, source: Source, row: int) -> str:
    """What the new data hold in the variables of a grouping factor."""
    bar = next(bar for bar in design.formula.random if bar.name == name)
    require_columns(source, columns_of(*(node for _, node in bar.groups)))
    parts = []
    for label, node in bar.groups:
        if not isinstance(node, Name):
            parts.append(label)
            continue
        column = read_column(source, node.id)
        value = column.values[row]
        if column.levels is not None:
            value = column.levels[value] if value >= 0 else "missing"
        parts.append(str(value))
    return ":".join(parts)
