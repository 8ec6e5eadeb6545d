"""A summary as LaTeX tables, with the rules of the package booktabs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.table import Table
from nestwise.inference.coefficients import Coefficients
from nestwise.present.coefmat import estimate_columns, statistic_column
from nestwise.present.rformat import cat, format_pvalues, signif

_SIGNS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def summary_latex(title: str, formula: str, table: Coefficients, varcorr: Table | None) -> str:
    """Fixed effects, and variance components if there are any, as two LaTeX tables.

    Parameters
    ----------
    title, formula : str
        For the captions.
    table : Coefficients
        Tests of the fixed effects.
    varcorr : Table or None
        ``group var1 var2 vcov sdcor``.

    Returns
    -------
    str
        Needs ``\\usepackage{booktabs}``.

    Examples
    --------
    >>> print(latex_table("A_b", ["", "x"], [["c", "1"]]).splitlines()[2])
    \\caption{A\\_b}
    """
    parts = [_fixed(f"{title}: {formula}", table)]
    if varcorr is not None:
        parts.append(_random(varcorr))
    return "\n\n".join(parts)


def latex_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """One table: the first column to the left, the others to the right; all text is escaped."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        " & ".join(map(escaped, head)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_cell, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text with LaTeX's signs made harmless.

    Examples
    --------
    >>> escaped("math_gain ~ 50%")
    'math\\\\_gain \\\\textasciitilde{} 50\\\\%'
    """
    return "".join(_SIGNS.get(sign, sign) for sign in text)


def _cell(text: str) -> str:
    """Numbers with a true minus, everything else as text."""
    bare = text.strip()
    if bare.startswith("-") and bare[1:2].isdigit():
        return f"${bare}$"
    if bare.startswith(("<", "> ")):
        return f"${bare}$"
    return escaped(bare)


def _fixed(caption: str, t: Coefficients) -> str:
    with_df = bool(np.isfinite(t.df).all())
    numbers = [t.estimate, t.std_error, *([t.df] if with_df else [])]
    columns = estimate_columns(np.column_stack(numbers))
    columns.append(statistic_column([float(v) for v in t.statistic]))
    columns.append(format_pvalues([float(p) for p in t.p_value], 3))
    letter = "t" if with_df else "z"
    head = ["", "Estimate", "Std. Error", *(["df"] if with_df else []), letter, "p"]
    rows = [[name, *cells] for name, *cells in zip(t.names, *columns, strict=True)]
    return latex_table(caption, head, rows)


def _random(table: Table) -> str:
    rows = []
    for group, v1, v2, vcov, sdcor in zip(
        *(table[n] for n in ("group", "var1", "var2", "vcov", "sdcor")), strict=True
    ):
        pair = [v for v in (v1, v2) if isinstance(v, str)]
        kind = "Corr" if len(pair) == 2 else "Std.Dev."
        variance = "" if len(pair) == 2 else cat(signif(float(vcov), 4))
        rows.append([str(group), ", ".join(pair), kind, cat(signif(float(sdcor), 4)), variance])
    head = ["Group", "Effect", "Measure", "Value", "Variance"]
    return latex_table("Random effects", head, rows)


__all__ = ["escaped", "latex_table", "summary_latex"]
