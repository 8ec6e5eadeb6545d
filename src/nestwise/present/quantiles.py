"""Small blocks of numbers under their names: residual quantiles and information criteria."""

from __future__ import annotations

from collections.abc import Sequence

from nestwise.present.matrixtext import named_values
from nestwise.present.rformat import cat, format_numbers, round_places, zapsmall

NAMES = ("Min", "1Q", "Median", "3Q", "Max")


def quantile_lines(values: Sequence[float], digits: int = 4) -> list[str]:
    """Five quantiles as R's summaries print them: those near zero against the largest are cut.

    Examples
    --------
    >>> print(*(q.rstrip() for q in quantile_lines([-2.1, -0.5, 0.0123456, 0.5, 2.0])), sep="\\n")
         Min       1Q   Median       3Q      Max
    -2.10000 -0.50000  0.01235  0.50000  2.00000
    """
    zapped = zapsmall([float(v) for v in values], digits + 1)
    return named_values(NAMES, format_numbers(zapped, digits))


def criteria_lines(
    aic: float, bic: float, loglik: float, deviance: float, df_resid: int
) -> list[str]:
    """The block of an ML fit, one decimal.

    Examples
    --------
    >>> print(*(c.rstrip() for c in criteria_lines(1763.94, 1783.1, -875.97, 1751.94, 174)),
    ...     sep="\\n")
         AIC      BIC   logLik deviance df.resid
      1763.9   1783.1   -876.0   1751.9      174
    """
    names = ["AIC", "BIC", "logLik", "deviance", "df.resid"]
    rounded = [round_places(float(v), 1) for v in (aic, bic, loglik, deviance)]
    return named_values(names, [*format_numbers(rounded), cat(df_resid)])


__all__ = ["criteria_lines", "quantile_lines"]
