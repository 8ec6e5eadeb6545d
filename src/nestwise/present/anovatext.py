"""Tables of analysis of variance and of model comparison, as R prints them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nestwise._base.table import Table
from nestwise.present.coefmat import p_columns, with_legend
from nestwise.present.linebreak import break_lines
from nestwise.present.matrixtext import matrix_lines
from nestwise.present.rformat import format_numbers, round_places, zapsmall

DIGITS = 5


@dataclass(frozen=True, slots=True)
class _Column:
    """Column of a table, its heading, and whether it is a test statistic."""

    name: str
    heading: str
    is_statistic: bool = False


METHODS = {
    "satterthwaite": "Satterthwaite's method",
    "kenward-roger": "Kenward-Roger's method",
    "between-within": "between-within degrees of freedom",
    "residual": "residual degrees of freedom",
    "normal": "infinite degrees of freedom",
}
_ANOVA = (
    _Column("df", "Df"),
    _Column("sum_sq", "Sum Sq"),
    _Column("mean_sq", "Mean Sq"),
    _Column("num_df", "NumDF"),
    _Column("den_df", "DenDF"),
    _Column("f_value", "F value", True),
)
_TYPED = _ANOVA[1:]
_LIKELIHOOD = (
    _Column("n_par", "npar"),
    _Column("aic", "AIC"),
    _Column("bic", "BIC"),
    _Column("loglik", "logLik"),
    _Column("deviance", "deviance"),
    _Column("chisq", "Chisq", True),
    _Column("df", "Df"),
)
_RSS = (
    _Column("df_resid", "Res.Df"),
    _Column("rss", "RSS"),
    _Column("df", "Df"),
    _Column("sum_sq", "Sum of Sq"),
    _Column("f_value", "F", True),
)


def anova_text(table: Table, response: str) -> str:
    """The analysis of variance of a linear model, as R prints it.

    Parameters
    ----------
    table : Table
        ``term df sum_sq mean_sq f_value p_value``, residuals last.
    response : str
        Label of the response.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> print(anova_text(Table({"term": np.array(["x", "Residuals"]), "df": np.array([1, 8]),
    ...     "sum_sq": np.array([8.0, 16.0]), "mean_sq": np.array([8.0, 2.0]),
    ...     "f_value": np.array([4.0, np.nan]), "p_value": np.array([0.0805, np.nan])}), "y"))
    Analysis of Variance Table
    <BLANKLINE>
    Response: y
              Df Sum Sq Mean Sq F value Pr(>F)
    x          1      8       8       4 0.0805 .
    Residuals  8     16       2
    ---
    Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1
    """
    head = ["Analysis of Variance Table", "", f"Response: {response}"]
    tested = not bool(np.isnan(table["p_value"].astype(np.float64)).all())
    return "\n".join(head + _lines(table, [str(t) for t in table["term"]], _ANOVA, "F", tested))


def typed_anova_text(table: Table, type: int, ddf: str) -> str:
    """The analysis of variance of a mixed model, as lmerTest prints it.

    Parameters
    ----------
    table : Table
        ``term sum_sq mean_sq num_df den_df f_value p_value``.
    type : int
        1, 2 or 3.
    ddf : str
        Method for degrees of freedom.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> print(typed_anova_text(Table({"term": np.array(["Days"]), "sum_sq": np.array([30031.0]),
    ...     "mean_sq": np.array([30031.0]), "num_df": np.array([1]), "den_df": np.array([17.0]),
    ...     "f_value": np.array([45.853]), "p_value": np.array([3.264e-06])}), 3, "satterthwaite"))
    Type III Analysis of Variance Table with Satterthwaite's method
         Sum Sq Mean Sq NumDF DenDF F value    Pr(>F)
    Days  30031   30031     1    17  45.853 3.264e-06 ***
    ---
    Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1
    """
    head = f"Type {'I' * type} Analysis of Variance Table with {METHODS.get(ddf, ddf)}"
    lines = _lines(table, [str(t) for t in table["term"]], _TYPED, "F")
    return "\n".join([head, *lines, *([table.note] if table.note else [])])


def comparison_text(table: Table) -> str:
    """A comparison of models, as lme4 (likelihood ratios) or ``anova.lm`` (F tests) prints it.

    Parameters
    ----------
    table : Table
        From `likelihood_ratio` or `f_comparison`; ``model`` holds the formulas.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> print(comparison_text(Table({"model": np.array(["y ~ 1", "y ~ x"]),
    ...     "df_resid": np.array([9, 8]), "rss": np.array([24.0, 16.0]),
    ...     "df": np.array([np.nan, 1.0]), "sum_sq": np.array([np.nan, 8.0]),
    ...     "f_value": np.array([np.nan, 4.0]), "p_value": np.array([np.nan, 0.2])})))
    Analysis of Variance Table
    <BLANKLINE>
    Model 1: y ~ 1
    Model 2: y ~ x
      Res.Df RSS Df Sum of Sq F Pr(>F)
    1      9  24
    2      8  16  1         8 4    0.2
    """
    by_likelihood = "chisq" in table.columns
    prefix = "" if by_likelihood else "Model "
    head = ["Models:"] if by_likelihood else ["Analysis of Variance Table", ""]
    for i, formula in enumerate(table["model"], start=1):
        first, *more = break_lines(str(formula))
        head += [f"{prefix}{i}: {first}", *more]
    rows = [str(i) for i in range(1, len(table) + 1)]
    columns, statistic = (_LIKELIHOOD, "Chisq") if by_likelihood else (_RSS, "F")
    note = ["", table.note] if table.note else []
    return "\n".join(head + _lines(table, rows, columns, statistic) + note)


def _lines(
    table: Table, rows: list[str], columns: Sequence[_Column], statistic: str, tested: bool = True
) -> list[str]:
    cells = [
        (c.heading, _cells([float(v) for v in table[c.name]], c.is_statistic))
        for c in columns
        if c.name in table.columns
    ]
    p = [float(v) for v in table["p_value"]]
    shown = p_columns(f"Pr(>{statistic})", p if tested else [math.nan] * len(p), DIGITS - 1)
    shown[0] = (
        shown[0][0],
        ["" if math.isnan(v) else t for v, t in zip(p, shown[0][1], strict=True)],
    )
    return with_legend(matrix_lines(rows, cells + shown), p)


def _cells(values: list[float], is_statistic: bool) -> list[str]:
    """Five significant digits; tests at most four decimals; missing cells stay blank."""
    if is_statistic:
        rounded = [round_places(v, DIGITS - 1) for v in values]
    else:
        rounded = zapsmall(values, DIGITS)
    known = iter(format_numbers([v for v in rounded if not math.isnan(v)], DIGITS))
    return ["" if math.isnan(v) else next(known) for v in rounded]


__all__ = ["anova_text", "comparison_text", "typed_anova_text"]
