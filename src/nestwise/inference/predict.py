"""Predicted responses, for the rows of the fit and for new ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.design import NewData, encode_new
from nestwise.design.model import Design
from nestwise.design.table import Source, open_table, read_column, require_columns
from nestwise.formula.syntax import Name, columns_of
from nestwise.inference.kinds import Fit, LmmFit
from nestwise.inference.random_selection import Selection, select_random
from nestwise.inference.residuals import fixed_part


def predict(
    fit: Fit,
    data: Any = None,
    *,
    re_form: str | None = "all",
    allow_new_levels: bool = False,
) -> FloatArray:
    """Predicted responses, on the scale of the (transformed) response, offset included.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table, optional
        New rows; the rows used in the fit when None.
    re_form : str or None
        ``"all"`` random effects, none of them (None: the population), or some, as ``"(1 | g)"``.
    allow_new_levels : bool
        Whether a group that the fit has not seen, or that is missing, has the effect zero; else
        it is an error.

    Returns
    -------
    (n_rows,) float64
        NaN where a variable other than a group is missing.

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
    >>> predict(m.fit, {"Days": [0, 10], "Subject": ["308", "308"]}).round(2).tolist()
    [253.66, 450.33]
    >>> predict(m.fit, {"Days": [0, 10]}, re_form=None).round(2).tolist()
    [251.41, 356.08]
    """
    design = fit.design
    selection = select_random(design, re_form) if isinstance(fit, LmmFit) else ()
    if data is None:
        mu = fixed_part(fit)
        return mu + _random(fit, selection, _own_columns(design), _own_codes(design), mu.size)
    new = encode_new(design, data)
    codes = dict(enumerate(new.codes))
    if not allow_new_levels:
        _check_known(design, selection, new, open_table(data))
    mu = np.asarray(new.X @ fit.beta, dtype=np.float64)
    if new.offset is not None:
        mu += new.offset
    mu += _random(fit, selection, new.Z, codes, mu.size)
    if new.kept is None:
        return mu
    everything = np.full(new.kept.size, np.nan)
    everything[new.kept] = mu
    return everything


def response(design: Design, data: Any) -> FloatArray | None:
    """The response of new rows, when the data have its columns.

    Parameters
    ----------
    design : Design
        The arrays of the fit.
    data : table
        New rows.

    Returns
    -------
    (n_rows,) float64 or None
        NaN in incomplete rows.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("log(Reaction) ~ Days", nw.load_dataset("sleepstudy"))
    >>> response(m.fit.design, {"Reaction": [1.0], "Days": [0]}).tolist()
    [0.0]
    """
    source = open_table(data)
    if any(name not in source.columns for name in columns_of(design.formula.response)):
        return None
    new = encode_new(design, source, need_response=True)
    if new.y is None or new.kept is None:
        return new.y
    everything = np.full(new.kept.size, np.nan)
    everything[new.kept] = new.y
    return everything


Columns = tuple[tuple[FloatArray | None, ...], ...]


def _own_columns(design: Design) -> Columns:
    return tuple(term.Z for term in design.terms)


def _own_codes(design: Design) -> dict[int, IntArray]:
    return {i: factor.codes for i, factor in enumerate(design.factors)}


def _random(
    fit: Fit, selection: Selection, Z: Columns, codes: dict[int, IntArray], n: int
) -> FloatArray:
    """Sum of the chosen random effects of every row; zero where the level is unknown (-1)."""
    total = np.zeros(n)
    if not isinstance(fit, LmmFit):
        return total
    for t, columns in selection:
        level = codes[fit.design.terms[t].factor]
        # The row of zeros appended last is what code -1 picks.
        modes = np.vstack([fit.modes[t], np.zeros(fit.modes[t].shape[1])])
        for j in columns:
            effect, z = modes[level, j], Z[t][j]
            total += effect if z is None else z * effect
    return total


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
