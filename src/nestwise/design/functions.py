"""The functions that a formula may call, on arrays; stateful ones remember what they learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError
from nestwise.design.contrasts import evaluate_polynomials, orthogonal_polynomials
from nestwise.design.splines import basis_spline, learn_spline, natural_spline

State = dict[str, Any]

ELEMENTWISE: dict[str, Callable[[FloatArray], FloatArray]] = {
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "floor": np.floor,
    "ceiling": np.ceil,
}


def learn_poly(x: FloatArray, degree: int) -> State:
    """Coefficients of orthogonal polynomials on the points that are not missing."""
    seen = x[~np.isnan(x)]
    if not 1 <= degree < np.unique(seen).size:
        raise DataError(
            f"poly(x, {degree}) needs a degree of at least 1 and more distinct values than that"
        )
    mean = float(seen.mean())
    _, centres, norms = orthogonal_polynomials(seen - mean, degree)
    return {"mean": mean, "centres": centres.tolist(), "norms": norms.tolist()}


def apply_poly(x: FloatArray, state: State) -> FloatArray:
    """Orthogonal polynomials by learned coefficients."""
    return evaluate_polynomials(
        x - state["mean"], np.array(state["centres"]), np.array(state["norms"])
    )


def learn_scale(x: FloatArray, center: object, scale: object) -> State:
    """Mean and standard deviation, as R's ``scale`` takes them; numbers are used as they are."""
    seen = x[~np.isnan(x)]
    if seen.size == 0:
        return {"center": 0.0, "scale": 1.0}
    middle = _amount(center, float(seen.mean()), 0.0)
    # Without centring R divides by the root mean square, with n - 1 below.
    spread = float(np.sqrt(np.sum((seen - middle) ** 2) / max(seen.size - 1, 1)))
    divisor = _amount(scale, spread, 1.0)
    if divisor == 0:
        raise DataError("scale(x): all values are equal, so there is no spread to divide by")
    return {"center": middle, "scale": divisor}


def _amount(asked: object, learned: float, neutral: float) -> float:
    if isinstance(asked, bool) or asked is None:
        return learned if asked else neutral
    if isinstance(asked, (int, float)):
        return float(asked)
    raise DataError(f"scale(x): center and scale are TRUE, FALSE or a number, got {asked!r}")


def apply_scale(x: FloatArray, state: State) -> FloatArray:
    """Shift and divide by the learned amounts."""
    return np.asarray((x - state["center"]) / state["scale"])


def round_half_even(x: FloatArray, digits: int) -> FloatArray:
    """Round to decimals: the nearer of the two neighbours in double precision, ties to even.

    Examples
    --------
    >>> round_half_even(np.array([2.45, 0.15, 5.015, 2.5]), 1).tolist()
    [2.5, 0.1, 5.0, 2.5]
    """
    unit = 10.0**digits
    low, high = np.floor(x * unit), np.ceil(x * unit)
    below, above = x - low / unit, high / unit - x
    up = (above < below) | ((above == below) & (high % 2 == 0))
    return np.asarray(np.where(up, high, low) / unit)


def apply_spline(x: FloatArray, state: State) -> FloatArray:
    """Natural or B-spline basis by learned knots."""
    return natural_spline(x, state) if state["natural"] else basis_spline(x, state)


__all__ = [
    "ELEMENTWISE",
    "State",
    "apply_poly",
    "apply_scale",
    "apply_spline",
    "learn_poly",
    "learn_scale",
    "learn_spline",
    "round_half_even",
]
