"""R's way of writing numbers: what ``format``, ``cat``, ``signif`` and ``format.pval`` print.

Written from R's help pages and from experiments; the test compares with some thousands of
answers frozen from R.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EPS = 2.220446049250313e-16
"""``.Machine$double.eps``: smaller p-values are shown as being below it."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What one number needs when written with up to some number of significant digits."""

    exponent: int
    n_significant: int
    negative: bool


def _shape(value: float, digits: int) -> _Shape:
    mantissa, _, power = f"{abs(value):.{digits - 1}e}".partition("e")
    exponent = int(power) if value else 0
    n_significant = max(len(mantissa.replace(".", "").rstrip("0")), 1)
    return _Shape(exponent, n_significant, value < 0)


def _special(value: float | None) -> str:
    if value is None:
        return "NA"
    if math.isnan(value):
        return "NaN"
    return "Inf" if value > 0 else "-Inf"


@dataclass(frozen=True, slots=True)
class _Notation:
    """How a vector is written: the format specification and the width that R reserves."""

    spec: str
    width: int


def _notation(shapes: Sequence[_Shape], nsmall: int) -> _Notation:
    """Fixed notation is taken unless it is wider than the scientific one (scipen = 0)."""
    if not shapes:
        return _Notation("", 0)
    sign = any(s.negative for s in shapes)
    n_significant = max(s.n_significant for s in shapes)
    exponent_width = 5 if any(abs(s.exponent) >= 100 for s in shapes) else 4
    scientific = sign + n_significant + (n_significant > 1) + exponent_width
    left = max(max(s.exponent + 1, 1) + s.negative for s in shapes)
    decimals = max(0, *(s.n_significant - s.exponent - 1 for s in shapes), 0)
    if left + decimals + (decimals > 0) > scientific:
        return _Notation(f".{n_significant - 1}e", scientific)
    decimals = max(decimals, nsmall)
    return _Notation(f".{decimals}f", left + decimals + (decimals > 0))


def _written(values: Iterable[float | None], digits: int, nsmall: int) -> tuple[list[str], int]:
    numbers = [None if v is None else float(v) + 0.0 for v in values]  # no negative zero
    notation = _notation(
        [_shape(v, digits) for v in numbers if v is not None and math.isfinite(v)], nsmall
    )
    texts = [
        format(v, notation.spec) if v is not None and math.isfinite(v) else _special(v)
        for v in numbers
    ]
    return texts, notation.width


def unpadded(values: Iterable[float | None], digits: int = 7, nsmall: int = 0) -> list[str]:
    """Write numbers with the common number of decimals that R chooses, without padding.

    Parameters
    ----------
    values : iterable of float or None
        None is shown as ``NA``.
    digits : int
        Significant digits that the number needing most of them must get (R's ``digits``).
    nsmall : int
        Least number of decimals in fixed notation.

    Returns
    -------
    list of str

    Examples
    --------
    >>> unpadded([612.0897, 35.0717], digits=4)
    ['612.09', '35.07']
    """
    return _written(values, digits, nsmall)[0]


def format_numbers(values: Iterable[float | None], digits: int = 7, nsmall: int = 0) -> list[str]:
    """R's ``format(x, digits=, nsmall=)``: common decimals, right justified to a common width.

    Examples
    --------
    >>> format_numbers([0, 13.8055], digits=4)
    [' 0.00', '13.81']
    """
    texts, width = _written(values, digits, nsmall)
    # R reserves room for the rounded value: 9.9996 among longer numbers gets a blank in front
    width = max([width, *(len(t) for t in texts)])
    return [t.rjust(width) for t in texts]


def cat(value: float | None, digits: int = 7) -> str:
    """Write one number as R's ``cat`` does.

    Examples
    --------
    >>> cat(1685.7), cat(1687.0), cat(1e5)
    ('1685.7', '1687', '1e+05')
    """
    return unpadded([value], digits)[0]


def signif(value: float, digits: int) -> float:
    """Round to significant digits, as R's ``signif``.

    Examples
    --------
    >>> signif(0.0012345, 2)
    0.0012
    """
    if not math.isfinite(value) or value == 0:
        return value
    shift = digits - 1 - math.floor(math.log10(abs(value)))
    if abs(shift) > 300:
        return float(f"{value:.{digits - 1}e}")
    scaled = value * 10.0**shift if shift > 0 else value / 10.0**-shift
    return float(f"{round(scaled)}e{-shift}")


def round_places(value: float, places: int) -> float:
    """Round to decimal places, as R's ``round`` from 4.0 on: the nearer of the two neighbours.

    Examples
    --------
    >>> round_places(0.15, 1), round_places(2.5, 0)
    (0.1, 2.0)
    """
    return float(round(value, places)) if math.isfinite(value) else value


def zapsmall(values: Sequence[float], digits: int) -> list[float]:
    """Round to the decimals that leave the largest value `digits` significant ones.

    Examples
    --------
    >>> zapsmall([15701.62, 135.0862], 5)
    [15701.6, 135.1]
    """
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    places = max(0, digits - round(math.log10(largest))) if largest > 0 else digits
    return [round_places(float(v), places) for v in values]


def format_pvalues(
    values: Iterable[float | None], digits: int = 3, eps: float = EPS, na: str = "NA"
) -> list[str]:
    """R's ``format.pval``: small ones in scientific notation, those below `eps` as ``<2e-16``.

    Examples
    --------
    >>> format_pvalues([3.36e-15]), format_pvalues([1e-20, 0.0771])
    (['3.36e-15'], ['<2e-16', '0.0771'])
    """
    numbers = [None if v is None or math.isnan(v) else float(v) for v in values]
    out = [na] * len(numbers)
    plain = [i for i, v in enumerate(numbers) if v is not None and v >= eps]
    tiny = [i for i, v in enumerate(numbers) if v is not None and v < eps]
    # those that would be written in fixed notation with all `digits`
    fixed = [i for i in plain if (numbers[i] or 0.0) >= (1e-4 if digits > 1 else 1e-3)]
    for group in (fixed, [i for i in plain if i not in fixed]):
        for i, text in zip(group, format_numbers([numbers[i] for i in group], digits), strict=True):
            out[i] = text
    below = _below(eps, digits, max((len(out[i]) for i in plain), default=0))
    for i in tiny:
        out[i] = below
    return out


def _below(eps: float, digits: int, width: int) -> str:
    """``< 2e-16``: fewer digits than the other values have, and no wider than they are."""
    shown = max(1, digits - 2)
    if width and shown > 1 and shown + 6 > width:
        shown = max(1, width - 7)
    tight = shown == 1 and width <= 6
    return ("<" if tight else "< ") + cat(eps, shown)


__all__ = [
    "EPS",
    "cat",
    "format_numbers",
    "format_pvalues",
    "round_places",
    "signif",
    "unpadded",
    "zapsmall",
]
