"""B-spline and natural cubic spline bases, with R's knots and boundary rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.interpolate import BSpline

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError


def learn_spline(
    x: FloatArray,
    *,
    natural: bool,
    df: int | None,
    knots: tuple[float, ...] | None,
    degree: int,
    intercept: bool,
    boundary: tuple[float, ...] | None,
) -> dict[str, Any]:
    """Place the knots: interior ones at equally spaced quantiles of what lies inside.

    Parameters
    ----------
    x : (n,) float64
        NaN where missing.
    natural : bool
        Natural cubic spline (``ns``) rather than a B-spline (``bs``).
    df : int or None
        Number of columns; decides how many interior knots there are.
    knots : tuple of float or None
        Interior knots, instead of `df`.
    degree : int
        Degree of the pieces.
    intercept : bool
        Whether the constant is in the span of the columns.
    boundary : tuple of two floats or None
        Boundary knots; the range of x when not given.

    Returns
    -------
    dict
        Plain numbers: what `basis_spline` and `natural_spline` need.

    Raises
    ------
    DataError
        When df is too small or there are no numbers.
    """
    seen = x[~np.isnan(x)]
    if seen.size == 0:
        raise DataError("a spline needs numbers, but all are missing")
    low, high = boundary if boundary is not None else (float(seen.min()), float(seen.max()))
    if not low < high:
        raise DataError("a spline needs at least two distinct values")
    if knots is None:
        inner = _quantile_knots(
            seen[(seen >= low) & (seen <= high)], _n_knots(natural, df, degree, intercept)
        )
    else:
        inner = tuple(sorted(knots))
    return {
        "natural": natural,
        "knots": list(inner),
        "boundary": [float(low), float(high)],
        "degree": degree,
        "intercept": intercept,
    }


def _n_knots(natural: bool, df: int | None, degree: int, intercept: bool) -> int:
    smallest = 1 + intercept if natural else degree + intercept
    if df is None:
        return 0
    if df < smallest:
        raise DataError(f"df = {df} is too small for this spline; it must be at least {smallest}")
    return df - smallest


def _quantile_knots(inside: FloatArray, number: int) -> tuple[float, ...]:
    if number == 0:
        return ()
    places = np.linspace(0, 1, number + 2)[1:-1]
    return tuple(np.quantile(inside, places).tolist())


def _design(x: FloatArray, state: dict[str, Any], derivative: int = 0) -> FloatArray:
    """All B-splines (or a derivative of them) at x; beyond the boundary the outer pieces go on."""
    degree = int(state["degree"])
    low, high = state["boundary"]
    knots = np.concatenate(
        [[low] * (degree + 1), np.asarray(state["knots"], dtype=np.float64), [high] * (degree + 1)]
    )
    count = len(knots) - degree - 1
    spline = BSpline(knots, np.eye(count), degree, extrapolate=True)
    return np.asarray(spline(x, nu=derivative), dtype=np.float64)


def basis_spline(x: FloatArray, state: dict[str, Any]) -> FloatArray:
    """B-spline basis; without intercept the first column is left out.

    Notes
    -----
    de Boor (1978), A Practical Guide to Splines.
    """
    basis = _with_missing(x, state)
    return basis if state["intercept"] else basis[:, 1:]


def _with_missing(x: FloatArray, state: dict[str, Any]) -> FloatArray:
    seen = ~np.isnan(x)
    if seen.all():
        return _design(x, state)
    values = _design(x[seen], state)
    basis = np.full((x.size, values.shape[1]), np.nan)
    basis[seen] = values
    return basis


def natural_spline(x: FloatArray, state: dict[str, Any]) -> FloatArray:
    """Natural cubic spline basis: second derivatives vanish at the boundary, linear beyond it.

    Notes
    -----
    The cubic B-splines are multiplied by an orthonormal basis of the null space of the two
    boundary constraints, taken from Householder reflections of these constraints.
    """
    low, high = state["boundary"]
    ends = np.array([low, high])
    constraint = _design(ends, state, derivative=2)
    basis = _with_missing(np.clip(x, low, high), state)
    beyond = (x < low) | (x > high)
    if beyond.any():
        slopes = _design(ends, state, derivative=1)
        side = (x[beyond] > high).astype(np.intp)
        basis[beyond] += slopes[side] * (x[beyond] - ends[side])[:, None]
    if not state["intercept"]:
        basis, constraint = basis[:, 1:], constraint[:, 1:]
    rotation = np.linalg.qr(constraint.T, mode="complete")[0]
    return np.asarray(basis @ rotation[:, 2:])
