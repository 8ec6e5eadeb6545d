"""Slopes of a covariate at the levels of other predictors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean, one_of
from nestwise.inference.ddf import ddf_name
from nestwise.inference.emmeans.estimates import LinearEstimates
from nestwise.inference.emmeans.grid import Levels, ReferenceGrid, reference_grid
from nestwise.inference.emmeans.means import (
    WEIGHTS,
    MarginalMeans,
    averaging,
    interacting,
    label_columns,
)
from nestwise.inference.emmeans.specs import Names, read_specs
from nestwise.inference.emmeans.values import column_numbers
from nestwise.inference.kinds import Fit
from nestwise.inference.wald import quantile

STEP = 1e-3
"""Share of the covariate's range over which its slope is taken, half to each side."""


def emtrends(
    fit: Fit,
    data: Any,
    specs: Names,
    var: str,
    *,
    by: Names = None,
    at: Levels | None = None,
    weights: str = "equal",
    level: float = 0.95,
    ddf: str | None = None,
) -> MarginalMeans:
    """Marginal slopes of a covariate.

    The slope is a central difference quotient of the reference grid, exact where the covariate
    enters as a polynomial of degree two or less.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.
    specs, by, at, weights, level, ddf
        As in `emmeans`; the slope is taken at the mean of `var`, or where `at` says.
    var : str
        A numeric predictor.

    Returns
    -------
    MarginalMeans
        With the column ``<var>_trend``.

    Raises
    ------
    OptionError
        When `var` is no numeric predictor, and as `emmeans`.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.emmeans.means import table
    >>> data = nw.load_dataset("cake")
    >>> m = nw.lmer("angle ~ recipe * temp + (1 | recipe:replicate)", data)
    >>> table(emtrends(m.fit, data, "recipe", "temp"))["temp_trend"].round(4).tolist()
    [0.1537, 0.1646, 0.1558]
    """
    middle = reference_grid(fit, data, at)
    variables = {v.name: v for v in middle.variables}
    if var not in variables:
        raise OptionError(f"var: {var!r} is not among the predictors{did_you_mean(var, variables)}")
    if not variables[var].numeric:
        raise OptionError(f"var: {var!r} is not a number; a slope needs a numeric predictor")
    one_of("weights", weights, WEIGHTS)
    quantile(np.ones(1), level)
    left, right = read_specs(specs, by, list(variables))
    values = _places(fit, data, var, at)
    low, high, step = _shifted(fit, data, var, values, at)
    target = [*left, *right]
    grid = _grid_at(fit, data, var, values, at)
    mean = averaging(grid, target, weights) / step

    def slope(of: FloatArray, back: FloatArray) -> FloatArray:
        return np.asarray(mean @ (of - back), dtype=np.float64)

    rows = LinearEstimates(
        fit,
        label_columns(grid, left, right),
        tuple(right),
        slope(high.L, low.L),
        slope(high.offset, low.offset),
        slope(high.L_full @ high.null_space, low.L_full @ low.null_space),
        ddf_name(fit, ddf),
        level,
    )
    others = tuple(v.name for v in grid.variables if v.name not in target and len(v.values) > 1)
    return MarginalMeans(
        rows,
        f"{var}_trend",
        tuple(v.name for v in grid.variables if v.numeric),
        tuple(name for name in others if name != var),
        interacting(fit, grid, [*target, var]),
        None,
        fit.design.formula.response_label,
        "link",
    )


def _places(fit: Fit, data: Any, var: str, at: Levels | None) -> list[float]:
    """Where the slope is taken: what `at` says, else the mean, even of two values."""
    if at is not None and var in at:
        return [float(v) for v in np.atleast_1d(np.asarray(at[var], dtype=np.float64))]
    return [float(np.mean(column_numbers(fit, data, var)))]


def _grid_at(
    fit: Fit, data: Any, var: str, values: list[float], at: Levels | None
) -> ReferenceGrid:
    return reference_grid(fit, data, {**(at or {}), var: values})


def _shifted(
    fit: Fit, data: Any, var: str, values: list[float], at: Levels | None
) -> tuple[ReferenceGrid, ReferenceGrid, float]:
    """The grid half a step below and above, and the step."""
    numbers = column_numbers(fit, data, var)
    half = 0.5 * STEP * float(np.ptp(numbers))
    if not half > 0.0:
        raise OptionError(f"var: {var!r} is constant, so that it has no slope")
    low = _grid_at(fit, data, var, [v - half for v in values], at)
    high = _grid_at(fit, data, var, [v + half for v in values], at)
    return low, high, 2.0 * half
