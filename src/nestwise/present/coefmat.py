"""Tables of tests as R's ``printCoefmat`` prints them, with stars and their legend."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.present.matrixtext import matrix_lines
from nestwise.present.rformat import (
    EPS,
    format_numbers,
    format_pvalues,
    round_places,
    unpadded,
)

LEGEND = "Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1"

Column = tuple[str, list[str]]


def stars(p_values: Sequence[float]) -> list[str]:
    """R's significance marks.

    Examples
    --------
    >>> stars([0.0004, 0.01, 0.049, 0.07, 0.5])
    ['***', '**', '*', '.', '']
    """
    cuts = ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, "."))
    return [next((mark for cut, mark in cuts if p <= cut), "") for p in p_values]


def estimate_columns(values: FloatArray, digits: int = 4) -> list[list[str]]:
    """Write estimates, standard errors and degrees of freedom with common decimals.

    The smallest number decides: it gets `digits` significant digits, and all others the decimals
    that this takes. One that would then read as zero without being it is written by itself.

    Parameters
    ----------
    values : (p, k) float64
        Columns that belong together.
    digits : int
        Significant digits.

    Returns
    -------
    list of list of str
        k columns of p texts.

    Examples
    --------
    >>> import numpy as np
    >>> estimate_columns(np.array([[251.4051, 6.8246], [10.4673, 1.5458]]))
    [['251.405', ' 10.467'], ['  6.825', '  1.546']]
    """
    size = np.abs(values[np.isfinite(values) & (values != 0.0)])
    flat = [float(v) for v in values.ravel(order="F")]
    if size.size:
        leading = 1 + math.floor(math.log10(float(size.min())))
        flat = [round_places(v, max(1, digits - leading)) for v in flat]
    texts = format_numbers([None if math.isnan(v) else v for v in flat], digits)
    given = [float(v) for v in values.ravel(order="F")]
    shown = [_not_zero(t, v, digits) for t, v in zip(texts, given, strict=True)]
    p = values.shape[0]
    return [shown[i : i + p] for i in range(0, len(shown), p)]


def statistic_column(values: Sequence[float], digits: int = 4) -> list[str]:
    """Write test statistics: `digits` significant digits, at most ``digits - 1`` decimals.

    Examples
    --------
    >>> statistic_column([14.9496, -1.7771])
    ['14.950', '-1.777']
    """
    places = max(1, min(5, digits - 1))
    rounded = [None if math.isnan(v) else round_places(float(v), places) for v in values]
    texts = format_numbers(rounded, digits)
    return [_not_zero(t, float(v), digits) for t, v in zip(texts, values, strict=True)]


def p_columns(header: str, values: Sequence[float], digits: int, eps: float = EPS) -> list[Column]:
    """The column of p-values and, when one is below 0.1, that of the stars.

    Examples
    --------
    >>> p_columns("Pr(>|t|)", [0.0771, 0.5], digits=3)
    [('Pr(>|t|)', ['0.0771', '0.5000']), ('', ['.', ' '])]
    """
    columns = [(header, format_pvalues(values, digits, eps))]
    marks = stars(values)
    if any(marks):
        size = max(len(m) for m in marks)
        columns.append(("", [m.ljust(size) for m in marks]))
    return columns


def with_legend(lines: list[str], p_values: Sequence[float]) -> list[str]:
    """Add the line that explains the stars, when there are any.

    Examples
    --------
    >>> with_legend(["x"], [0.2])
    ['x']
    """
    return [*lines, "---", LEGEND] if any(stars(p_values)) else lines


def coefficient_lines(
    names: Sequence[str],
    estimates: Sequence[tuple[str, FloatArray]],
    statistic: tuple[str, FloatArray],
    p_values: tuple[str, FloatArray] | None,
    digits: int = 4,
) -> list[str]:
    """The table of coefficients.

    Parameters
    ----------
    names : sequence of str
        Row names.
    estimates : sequence of (str, (p,) float64)
        Header and values of the columns that share their decimals: estimate, standard error, df.
    statistic, p_values : (str, (p,) float64)
        Header and values; None leaves the p-values out.
    digits : int
        Significant digits.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import numpy as np
    >>> lines = coefficient_lines(["x"], [("Estimate", np.array([0.5])),
    ...     ("Std. Error", np.array([0.25]))], ("t value", np.array([2.0])), None)
    >>> print(*lines, sep="\\n")
      Estimate Std. Error t value
    x     0.50       0.25       2
    """
    texts = estimate_columns(np.column_stack([v for _, v in estimates]), digits)
    columns = [(header, t) for (header, _), t in zip(estimates, texts, strict=True)]
    columns.append((statistic[0], statistic_column(list(statistic[1]), digits)))
    if p_values is None:
        return matrix_lines(names, columns)
    p = [float(v) for v in p_values[1]]
    columns += p_columns(p_values[0], p, max(1, min(5, digits - 1)))
    return with_legend(matrix_lines(names, columns), p)


def _not_zero(text: str, value: float, digits: int) -> str:
    if not math.isfinite(value) or value == 0.0 or float(text) != 0.0:
        return text
    return unpadded([value], max(1, digits - 1))[0]


__all__ = [
    "LEGEND",
    "coefficient_lines",
    "estimate_columns",
    "p_columns",
    "stars",
    "statistic_column",
    "with_legend",
]
