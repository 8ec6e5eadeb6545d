"""Estimated marginal means: averages of the reference grid.

Source: Searle, Speed & Milliken (1980), Am. Stat. 34, 216-221.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.table import Table
from nestwise.formula.syntax import columns_of
from nestwise.inference.ddf import ddf_name
from nestwise.inference.emmeans.estimates import LinearEstimates, numbers
from nestwise.inference.emmeans.grid import Levels, ReferenceGrid, reference_grid
from nestwise.inference.emmeans.specs import Names, read_specs
from nestwise.inference.emmeans.transform import Transform, scale_of
from nestwise.inference.kinds import Fit, GlmmFit
from nestwise.inference.wald import quantile

WEIGHTS = ("equal", "proportional", "outer", "cells")
SCALES = ("link", "response")


@dataclass(frozen=True, slots=True, eq=False)
class MarginalMeans:
    """Marginal means, or trends, and how to show them.

    Parameters
    ----------
    rows : LinearEstimates
        The estimates.
    name : str
        Column of the estimate: ``"emmean"``, or ``"x_trend"``.
    numeric : tuple of str
        Label columns that hold numbers; contrasts put the column's name before the level.
    averaged : tuple of str
        Factors that were averaged over.
    misleading : bool
        Whether one of these interacts with a variable of the means.
    transform : Transform or None
        Of the response, when it can be undone.
    response_label : str
        The response as written.
    scale : str
        ``"link"``: that of the fit; ``"response"``: transformed back.
    """

    rows: LinearEstimates
    name: str
    numeric: tuple[str, ...]
    averaged: tuple[str, ...]
    misleading: bool
    transform: Transform | None
    response_label: str
    scale: str


def emmeans(
    fit: Fit,
    data: Any,
    specs: Names,
    *,
    by: Names = None,
    at: Levels | None = None,
    weights: str = "equal",
    level: float = 0.95,
    ddf: str | None = None,
    type: str = "link",
) -> MarginalMeans:
    """Estimated marginal means of factor levels and their combinations.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.
    specs : str or sequence of str
        Predictors whose levels get a mean: ``"a"``, ``["a", "b"]``, ``"a * b"``, ``"a | b"``;
        ``"1"`` for the overall mean.
    by : str or sequence of str, optional
        Predictors that group the means.
    at : mapping, optional
        Values of predictors on the reference grid, in place of all levels or the mean.
    weights : str
        How the other factors are averaged over: ``"equal"``, ``"proportional"`` to how often
        their combinations occur, ``"outer"`` (product of their margins) or ``"cells"`` (as they
        occur with each level).
    level : float
        Of the intervals.
    ddf : str, optional
        Degrees of freedom, as in `nestwise.inference.ddf`.
    type : str
        ``"link"``, the scale of the fit, or ``"response"``: a log or a root undone.

    Returns
    -------
    MarginalMeans

    Raises
    ------
    OptionError
        When a predictor, level or option does not exist.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("cake")
    >>> m = nw.lmer("angle ~ recipe + temperature + (1 | recipe:replicate)", data)
    >>> t = table(emmeans(m.fit, data, "recipe"))
    >>> t["recipe"].tolist(), t["emmean"].round(2).tolist()
    (['A', 'B', 'C'], [33.12, 31.64, 31.6])
    """
    grid = reference_grid(fit, data, at)
    left, right = read_specs(specs, by, [v.name for v in grid.variables])
    one_of("weights", weights, WEIGHTS)
    transform = scale_of(fit)
    check_scale(type, transform, fit)
    quantile(np.ones(1), level)
    target = [*left, *right]
    mean = averaging(grid, target, weights)
    rows = LinearEstimates(
        fit,
        label_columns(grid, left, right),
        tuple(right),
        mean @ grid.L,
        mean @ grid.offset,
        mean @ (grid.L_full @ grid.null_space),
        ddf_name(fit, ddf),
        level,
    )
    others = tuple(v.name for v in grid.variables if v.name not in target and len(v.values) > 1)
    return MarginalMeans(
        rows,
        "emmean",
        tuple(v.name for v in grid.variables if v.numeric),
        others,
        interacting(fit, grid, target),
        transform,
        fit.design.formula.response_label,
        type,
    )


def check_scale(scale: str, transform: Transform | None, fit: Fit) -> None:
    """Refuse an unknown scale, and the response scale where nothing can be undone."""
    one_of("type", scale, SCALES)
    label = fit.design.formula.response_label
    if isinstance(fit, GlmmFit):
        return
    if scale == "response" and transform is None and label not in fit.design.formula.columns:
        raise OptionError(
            f"type='response': {label!r} cannot be transformed back; use type='link', or a "
            "response such as log(y) or sqrt(y)"
        )


def averaging(grid: ReferenceGrid, target: Sequence[str], weights: str) -> FloatArray:
    """(rows, cells): the weights that make each mean of the cells of the grid.

    Rows run over the combinations of `target`, the first varying fastest.
    """
    names = [v.name for v in grid.variables]
    sizes = grid.sizes or (1,)
    keep = [names.index(name) for name in target]
    rest = [j for j in range(len(names)) if j not in keep]
    place = np.unravel_index(np.arange(int(np.prod(sizes))), sizes, order="F")
    row, other = _position(place, keep, sizes), _position(place, rest, sizes)
    n_rows = int(np.prod([sizes[j] for j in keep], dtype=np.int64))
    mean = np.zeros((n_rows, row.size))
    mean[row, np.arange(row.size)] = _cell_weights(grid, keep, rest, weights)[row, other]
    total = mean.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(mean / total, dtype=np.float64)


def _position(
    place: tuple[AnyArray, ...], which: Sequence[int], sizes: tuple[int, ...]
) -> AnyArray:
    """Position of every cell among the combinations of some of the variables."""
    at, run = np.zeros(place[0].size, dtype=np.intp), 1
    for j in which:
        at = at + run * place[j]
        run *= sizes[j]
    return at


def _cell_weights(
    grid: ReferenceGrid, keep: list[int], rest: list[int], weights: str
) -> FloatArray:
    """(rows, others): weight of each combination of the variables averaged over, in each row."""
    sizes = grid.sizes
    n_rows = int(np.prod([sizes[j] for j in keep], dtype=np.int64))
    n_others = int(np.prod([sizes[j] for j in rest], dtype=np.int64))
    if weights == "equal" or not rest:
        return np.ones((n_rows, n_others))
    codes = [v.codes for v in grid.variables]
    seen = np.logical_and.reduce([c >= 0 for c in codes])
    place = tuple(c[seen] for c in codes)
    row, other = _position(place, keep, sizes), _position(place, rest, sizes)
    counts = np.zeros((n_rows, n_others))
    np.add.at(counts, (row if keep else np.zeros_like(other), other), 1.0)
    if weights == "cells":
        return counts
    margin = counts.sum(axis=0)
    if weights == "outer":
        table = margin.reshape([sizes[j] for j in rest], order="F")
        margin = np.ones(1)
        for axis in range(table.ndim):
            side = table.sum(axis=tuple(a for a in range(table.ndim) if a != axis))
            margin = np.multiply.outer(side, margin).ravel()
    return np.tile(margin, (n_rows, 1))


def label_columns(grid: ReferenceGrid, left: list[str], right: list[str]) -> dict[str, AnyArray]:
    """Columns that name the rows, the first varying fastest; ``1`` for the overall mean."""
    found = {v.name: v.values for v in grid.variables}
    names = [*left, *right]
    n = int(np.prod([len(found[name]) for name in names], dtype=np.int64))
    columns, run = {}, 1
    for name in names:
        values = found[name]
        columns[name] = values[(np.arange(n) // run) % len(values)]
        run *= len(values)
    return columns if left else {"1": np.array(["overall"] * n, dtype=object), **columns}


def interacting(fit: Fit, grid: ReferenceGrid, target: Sequence[str]) -> bool:
    """Whether a term joins a variable of the means with a predictor that is not one of them."""
    fixed, formula = fit.design.fixed, fit.design.formula.fixed
    nodes = dict(formula.variables)
    for variables in fixed.variables:
        columns = set(columns_of(*(nodes[v] for v in variables)))
        if len(variables) > 1 and columns & set(target) and columns - set(target):
            return True
    return False


def table(means: MarginalMeans, level: float | None = None) -> Table:
    """Means with standard errors and intervals.

    Parameters
    ----------
    means : MarginalMeans
        The means.
    level : float, optional
        Of the intervals; that of the means by default.

    Returns
    -------
    Table
        The label columns, then ``emmean se df lower upper``; ``response`` in place of ``emmean``
        on the scale of the response.
    """
    found = numbers(means.rows)
    half = quantile(found.df, means.rows.level if level is None else level) * found.se
    columns = {"estimate": found.estimate, "se": found.se, "df": found.df}
    limits = {"lower": found.estimate - half, "upper": found.estimate + half}
    name = means.name
    if means.scale == "response" and means.transform is not None:
        undo = means.transform
        name = "response"
        columns["se"] = np.abs(undo.slope(found.estimate)) * found.se
        columns["estimate"] = undo.back(found.estimate)
        low, high = (undo.back(limit) for limit in limits.values())
        limits = {"lower": np.minimum(low, high), "upper": np.maximum(low, high)}
    estimate = columns.pop("estimate")
    return Table({**means.rows.labels, name: estimate, **columns, **limits})
