"""The text of the summary of a linear model, as R's ``summary.lm`` prints it."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.fit.result import LmFit
from nestwise.inference.coefficients import Coefficients
from nestwise.inference.fitmeasures import RSquared, r_squared
from nestwise.inference.residuals import residuals
from nestwise.present.coefmat import coefficient_lines
from nestwise.present.linebreak import break_lines
from nestwise.present.matrixtext import named_values
from nestwise.present.quantiles import quantile_lines
from nestwise.present.rformat import cat, format_numbers, format_pvalues, signif

FEW = 5
"""With no more residual degrees of freedom than this all residuals are shown."""


def lm_lines(fit: LmFit, table: Coefficients, quantiles: FloatArray) -> list[str]:
    """Call, residuals, coefficients and fit of a linear model.

    Parameters
    ----------
    fit : LmFit
        The fit.
    table : Coefficients
        Its tests.
    quantiles : (5,) float64
        Of its (weighted) residuals.

    Returns
    -------
    list of str

    Examples
    --------
    >>> lm_lines.__name__
    'lm_lines'
    """
    weighted = fit.design.weights is not None
    return [
        "",
        "Call:",
        *break_lines(f"lm(formula = {fit.design.formula.printed})"),
        "",
        "Weighted Residuals:" if weighted else "Residuals:",
        *_residual_lines(fit, quantiles),
        "",
        *_coefficient_lines(fit, table),
        "",
        *error_lines(fit.sigma, fit.df_resid, fit.design.n_dropped),
        *r_squared_lines(r_squared(fit)),
    ]


def _residual_lines(fit: LmFit, quantiles: FloatArray) -> list[str]:
    if fit.df_resid > FEW:
        return quantile_lines([float(q) for q in quantiles])
    kept = fit.design.kept
    rows = np.arange(fit.design.y.size) if kept is None else np.flatnonzero(kept)
    texts = format_numbers([float(r) for r in residuals(fit, "pearson")], 4)
    return named_values([str(i + 1) for i in rows], texts)


def _coefficient_lines(fit: LmFit, table: Coefficients) -> list[str]:
    """The table, with a row of NA for each column that the others determine."""
    fixed = fit.design.fixed
    n_dropped = len(fixed.dropped)
    names = fixed.full_names if n_dropped else fixed.names
    place = np.array([names.index(n) for n in fixed.names], dtype=np.intp)

    def spread(values: FloatArray) -> FloatArray:
        full = np.full(len(names), np.nan)
        full[place] = values
        return full

    title = "Coefficients:"
    if n_dropped:
        title += f" ({n_dropped} not defined because of singularities)"
    return [
        title,
        *coefficient_lines(
            names,
            [("Estimate", spread(table.estimate)), ("Std. Error", spread(table.std_error))],
            ("t value", spread(table.statistic)),
            ("Pr(>|t|)", spread(table.p_value)),
        ),
    ]


def error_lines(sigma: float, df_resid: int, n_dropped: int) -> list[str]:
    """Residual standard error, its degrees of freedom, and the rows left out.

    Examples
    --------
    >>> error_lines(30.9912, 161, 0)
    ['Residual standard error: 30.99 on 161 degrees of freedom']
    """
    lines = [f"Residual standard error: {cat(signif(sigma, 4))} on {df_resid} degrees of freedom"]
    if n_dropped:
        noun = "observation" if n_dropped == 1 else "observations"
        lines.append(f"  ({n_dropped} {noun} deleted due to missingness)")
    return lines


def r_squared_lines(share: RSquared) -> list[str]:
    """R squared and the F test of all terms; nothing when there is only an intercept.

    Examples
    --------
    >>> print(*(t.rstrip() for t in r_squared_lines(RSquared(0.7277, 0.6973, 23.91, 18, 161,
    ...     1e-30))), sep="\\n")
    Multiple R-squared:  0.7277,	Adjusted R-squared:  0.6973
    F-statistic: 23.91 on 18 and 161 DF,  p-value: < 2.2e-16
    """
    if share.num_df == 0:
        return []
    multiple, adjusted, f = (
        f"{v:.4g}".rjust(5) for v in (share.r_squared, share.adjusted, share.f_value)
    )
    p = format_pvalues([share.p_value], 4)[0]
    return [
        f"Multiple R-squared:  {multiple},\tAdjusted R-squared:  {adjusted} ",
        f"F-statistic: {f} on {share.num_df} and {share.den_df} DF,  p-value: {p}",
    ]


__all__ = ["lm_lines"]
