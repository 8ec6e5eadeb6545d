"""A fit as HTML for notebooks: small tables with captions and scopes, all text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from nestwise._base.table import Table
from nestwise.inference.coefficients import Coefficients, coefficients
from nestwise.inference.fitmeasures import fit_measures, r_squared
from nestwise.inference.kinds import Fit, GlmmFit, LmFit
from nestwise.inference.varcorr import varcorr
from nestwise.present.coefmat import estimate_columns, p_columns, statistic_column
from nestwise.present.rformat import cat, format_numbers, signif

Column = tuple[str, Sequence[str]]


def fit_html(fit: Fit) -> str:
    """Show a fit in a notebook.

    Parameters
    ----------
    fit : LmmFit, LmFit or GlmmFit
        The fit.

    Returns
    -------
    str
        HTML: the formula, coefficients, variance components, measures of fit and diagnostics.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> "<caption>Fixed effects</caption>" in fit_html(model.fit)
    True
    """
    parts = [
        f"<p><strong>{escape(_title(fit))}</strong><br>"
        f"<code>{escape(fit.design.formula.printed)}</code></p>",
        coefficient_html(coefficients(fit)),
    ]
    if not isinstance(fit, LmFit):
        parts.append(component_html(varcorr(fit)))
    parts.append(html_table("Fit", [""], _measures(fit)))
    if fit.design.n_dropped:
        parts.append(f"<p>Rows dropped because of missing values: {fit.design.n_dropped}</p>")
    if fit.diagnostics:
        items = "".join(f"<li>{escape(str(d))}</li>" for d in fit.diagnostics)
        parts.append(f"<ul>{items}</ul>")
    return f'<div class="nestwise">{"".join(parts)}</div>'


def summary_html(title: str, formula: str, table: Coefficients, varcorr: Table | None) -> str:
    """A summary as tables: see `nestwise.present.summary.Summary.to_html`.

    Examples
    --------
    >>> import nestwise as nw
    >>> text = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")).summary().to_html()
    >>> "<caption>Fixed effects</caption>" in text
    True
    """
    head = f"<p><strong>{escape(title)}</strong><br><code>{escape(formula)}</code></p>"
    parts = [head, coefficient_html(table)]
    if varcorr is not None:
        parts.append(component_html(varcorr))
    return f'<div class="nestwise">{"".join(parts)}</div>'


def html_table(caption: str, rows: Sequence[str], columns: Sequence[Column]) -> str:
    """One table with a caption and header cells that screen readers understand.

    Parameters
    ----------
    caption : str
        What the table shows.
    rows : sequence of str
        Row headers; when all are empty there is no column for them.
    columns : sequence of (str, sequence of str)
        Header and cells.

    Returns
    -------
    str

    Examples
    --------
    >>> html_table("A", ["x<y"], [("n", ["1"])])[:52]
    '<table><caption>A</caption><thead><tr><td></td><th s'
    """
    named = any(rows)
    head = "<td></td>" if named else ""
    head += "".join(f'<th scope="col">{escape(header)}</th>' for header, _ in columns)
    body = []
    for i, name in enumerate(rows):
        start = f'<th scope="row">{escape(name)}</th>' if named else ""
        cells = "".join(
            f'<td style="text-align:right">{escape(c[i].strip())}</td>' for _, c in columns
        )
        body.append(f"<tr>{start}{cells}</tr>")
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _title(fit: Fit) -> str:
    if isinstance(fit, LmFit):
        return "Linear model"
    if isinstance(fit, GlmmFit):
        return f"Generalised linear mixed model: {fit.family.name} ({fit.link.name})"
    return f"Linear mixed model fit by {'REML' if fit.reml else 'maximum likelihood'}"


def coefficient_html(t: Coefficients) -> str:
    """Tests of the fixed effects as a table; nothing when there are none.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> coefficient_html(coefficients(m.fit))[:38]
    '<table><caption>Fixed effects</caption'
    """
    if not t.names:
        return ""
    values, heads = [t.estimate, t.std_error], ["Estimate", "Std. Error"]
    sign = "z" if bool(np.isinf(t.df).all()) else "t"
    if sign == "t":
        values, heads = [*values, t.df], [*heads, "df"]
    texts = estimate_columns(np.column_stack(values))
    columns: list[Column] = list(zip(heads, texts, strict=True))
    columns.append((f"{sign} value", statistic_column(list(t.statistic))))
    columns += p_columns(f"Pr(>|{sign}|)", [float(p) for p in t.p_value], 3)
    return html_table("Fixed effects", t.names, columns)


def component_html(table: Table) -> str:
    """Variance components ``group var1 var2 vcov sdcor`` as a table.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> "<td" in component_html(varcorr(m.fit))
    True
    """
    names = [
        " × ".join(str(v) for v in pair if v is not None)
        for pair in zip(table["var1"], table["var2"], strict=True)
    ]
    values = [float(v) for v in table["sdcor"]]
    kinds = ["Std.Dev." if v is None else "Corr" for v in table["var2"]]
    shown = [cat(signif(v, 4)) for v in values]
    columns: list[Column] = [("Effect", names), ("Measure", kinds), ("Value", shown)]
    return html_table("Random effects", [str(g) for g in table["group"]], columns)


def _measures(fit: Fit) -> list[Column]:
    m = fit_measures(fit)
    columns: list[Column] = [("Rows", [str(m.nobs)])]
    columns += [(f"Levels of {f.name}", [str(f.n_levels)]) for f in fit.design.factors]
    if isinstance(fit, LmFit):
        columns.append(("R²", format_numbers([r_squared(fit).r_squared], 4)))
    columns.append(("AIC", [f"{m.aic:.1f}"]))
    columns.append(("BIC", [f"{m.bic:.1f}"]))
    return [*columns, ("Log-likelihood", [f"{m.loglik:.1f}"])]


__all__ = ["coefficient_html", "component_html", "fit_html", "html_table", "summary_html"]
