"""Fitted lines of every group beside the population's, and how far pooling shrinks them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError, did_you_mean, one_of
from nestwise.design import level_labels
from nestwise.design.centering import for_average_group, only_groups
from nestwise.design.model import GroupingFactor
from nestwise.design.table import Source, open_table, read_column
from nestwise.design.values import Factor, Numeric, Value, as_float, take_rows, value_of_column
from nestwise.fit.result import LmmFit
from nestwise.formula.syntax import columns_of
from nestwise.inference.predict import predict

POINTS = 41
"""Points of each line."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupLines:
    """Lines over a covariate, the other predictors held.

    Parameters
    ----------
    group : str
        Grouping factor.
    levels : (g,) ndarray
        Its levels.
    x : (m,) float64
        Where the lines are evaluated.
    population : (m,) float64
        Without random effects.
    lines : (g, m) float64
        With those of the group.
    pooled : (2,) float64
        Level at the mean of x and slope there, of the population.
    partial : (g, 2) float64
        The same of each group.
    separate : (g, 2) float64
        The same from least squares within each group alone, moved to the held values of the other
        predictors; NaN where x does not vary.
    held : tuple of str
        How the other predictors are held, as ``"sex = F"``.
    """

    group: str
    levels: AnyArray
    x: FloatArray
    population: FloatArray
    lines: FloatArray
    pooled: FloatArray
    partial: FloatArray
    separate: FloatArray
    held: tuple[str, ...]


def group_lines(fit: LmmFit, data: Any, x: str, group: str | None = None) -> GroupLines:
    """Predict along a covariate for every level of a grouping factor.

    Parameters
    ----------
    fit : LmmFit
        The fit.
    data : table
        What it was fitted to.
    x : str
        A numeric predictor.
    group : str, optional
        Grouping factor; the one with the fewest levels by default.

    Returns
    -------
    GroupLines
        Other predictors at their mean or most common level; those that make up the grouping factor
        as each group has them.

    Raises
    ------
    OptionError
        When `x` is no numeric predictor or `group` no grouping factor.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> lines = group_lines(m.fit, data, "Days")
    >>> lines.partial[0].round(2).tolist()
    [342.16, 19.67]
    """
    source = open_table(data)
    values = _predictors(fit, source)
    if x not in values:
        raise OptionError(f"x={x!r} is not among the predictors{did_you_mean(str(x), values)}")
    if not isinstance(values[x], Numeric):
        raise OptionError(f"x={x!r} is not a number; lines need a numeric predictor")
    names = [factor.name for factor in fit.design.factors]
    chosen = fit.design.factors[-1 if group is None else names.index(one_of("group", group, names))]
    own = as_float(values[x], x)
    places = np.append(np.linspace(own.min(), own.max(), POINTS), own.mean())
    averaged = only_groups(fit.design.formula)
    fit = _for_average_group(fit) if averaged else fit
    held = {name: _typical(value) for name, value in values.items() if name != x}
    held |= dict.fromkeys(averaged, (np.nan, "an average group"))
    table = {x: places, **{name: [value] * places.size for name, (value, _) in held.items()}}
    population = predict(fit, table, re_form=None)
    lines = _with_groups(fit, chosen, table, places.size)
    step = 1e-4 * float(np.ptp(own)) or 1.0
    near: dict[str, Any] = {x: own.mean() + np.array([-step, step])}
    near |= {name: [value] * 2 for name, (value, _) in held.items()}
    slope = np.diff(predict(fit, near, re_form=None))[0] / (2 * step)
    slopes = np.diff(_with_groups(fit, chosen, near, 2), axis=1)[:, 0] / (2 * step)
    moved = fit.design.y - predict(fit) + _own_lines(chosen, lines[:, -1], slopes, own)
    return GroupLines(
        group=chosen.name,
        levels=np.asarray(level_labels(chosen), dtype=object),
        x=places[:-1],
        population=population[:-1],
        lines=lines[:, :-1],
        pooled=np.array([population[-1], slope]),
        partial=np.column_stack([lines[:, -1], slopes]),
        separate=_least_squares(chosen, own - own.mean(), moved),
        held=tuple(
            f"{name} = {shown}" for name, (_, shown) in held.items() if name not in chosen.variables
        ),
    )


def _for_average_group(fit: LmmFit) -> LmmFit:
    """The fit with the mean of all rows where a column to centre by is missing."""
    encoder = fit.design.encoder
    state = for_average_group(encoder.state)
    return replace(fit, design=replace(fit.design, encoder=replace(encoder, state=state)))


def _predictors(fit: LmmFit, source: Source) -> dict[str, Value]:
    """Values, in the rows used, of the columns that fixed and random effects are made of."""
    formula = fit.design.formula
    linears = (formula.fixed, *(bar.within for bar in formula.random))
    nodes = [node for linear in linears for _, node in linear.variables]
    kept = fit.design.kept
    out: dict[str, Value] = {}
    for name in columns_of(*nodes):
        value = value_of_column(read_column(source, name))
        out[name] = value if kept is None else take_rows(value, kept)
    return out


def _typical(value: Value) -> tuple[Any, str]:
    """Mean of numbers, most common level of a factor, and how to write it."""
    if isinstance(value, Numeric):
        mean = float(np.mean(value.values))
        return mean, f"{mean:.4g}"
    if isinstance(value, Factor):
        level = str(value.levels[int(np.argmax(np.bincount(value.codes)))])
        return level, level
    truth = bool(np.mean(value.values) >= 0.5)
    return truth, str(truth)


def _with_groups(
    fit: LmmFit, factor: GroupingFactor, table: dict[str, Any], size: int
) -> FloatArray:
    """(g, size): predictions of the table's rows in every level; other factors count nothing."""
    g = factor.n_levels
    columns = {name: np.tile(np.asarray(v), g) for name, v in table.items()}
    for name, part in zip(factor.variables, factor.parts, strict=True):
        columns[name] = np.repeat(part, size)
    mu = predict(fit, columns, allow_new_levels=True)
    return np.asarray(mu.reshape(g, size), dtype=np.float64)


def _own_lines(
    factor: GroupingFactor, level: FloatArray, slope: FloatArray, x: FloatArray
) -> FloatArray:
    """The group's straight line at the x of every row."""
    return np.asarray(level[factor.codes] + slope[factor.codes] * (x - x.mean()), dtype=np.float64)


def _least_squares(factor: GroupingFactor, x: FloatArray, y: FloatArray) -> FloatArray:
    """(g, 2): level at x = 0 and slope within each group; NaN where x does not vary."""
    codes, g = factor.codes, factor.n_levels
    n = np.bincount(codes, minlength=g)
    mean_x, mean_y = (np.bincount(codes, v, g) / n for v in (x, y))
    dx, dy = x - mean_x[codes], y - mean_y[codes]
    sxx, sxy = np.bincount(codes, dx * dx, g), np.bincount(codes, dx * dy, g)
    slope = np.full(g, np.nan)
    np.divide(sxy, sxx, out=slope, where=sxx > 1e-10 * float(np.sum(x * x)))
    return np.column_stack([mean_y - slope * mean_x, slope])
