"""A comparison of approaches as text and as HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.present.html import Column, html_table
from nestwise.present.matrixtext import WIDTH
from nestwise.present.rformat import format_pvalues

GONE = "-"


def approaches_text(
    formula: str,
    reference: str,
    estimates: Table,
    summary: Table,
    variances: Table,
    notes: Sequence[Diagnostic],
) -> str:
    """A page for a terminal: variances, a block for each coefficient, costs, notes.

    Parameters
    ----------
    formula : str
        The fixed part.
    reference : str
        The approach that standard errors are compared with.
    estimates, summary, variances : Table
        As `nestwise.compare_approaches` has them.
    notes : sequence of Diagnostic
        Remarks.

    Returns
    -------
    str

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> str(c).splitlines()[0]
    'Approaches to normexam ~ standLRT'
    """
    lines = [f"Approaches to {formula}", "", "Where the variance lies", ""]
    lines += _aligned(_variance_columns(variances))
    for term in dict.fromkeys(estimates["term"]):
        at = np.flatnonzero(estimates["term"] == term)
        level = estimates["level"][at[0]]
        where = {"": "", "rows": " (varies within groups)"}.get(level, f" (varies between {level})")
        lines += ["", f"{term}{where}", "", *_aligned(_term_columns(estimates, at))]
    lines += ["", f"SE ratio: standard error over that of the {reference} model.", ""]
    lines += ["What they cost", "", *_aligned(_cost_columns(summary)), "", "Notes", ""]
    for note in notes:
        lines += textwrap.wrap(
            f"- {note.message} {note.advice}".rstrip(), WIDTH, subsequent_indent="  ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(lines)


def approaches_html(
    formula: str,
    estimates: Table,
    summary: Table,
    variances: Table,
    notes: Sequence[Diagnostic],
) -> str:
    """The same for a notebook, with captions and header cells.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> "<caption>What they cost</caption>" in c._repr_html_()
    True
    """
    parts = [f"<p><strong>Approaches to</strong> <code>{escape(formula)}</code></p>"]
    parts.append(_html("Where the variance lies", _variance_columns(variances)))
    for term in dict.fromkeys(estimates["term"]):
        at = np.flatnonzero(estimates["term"] == term)
        parts.append(_html(str(term), _term_columns(estimates, at)))
    parts.append(_html("What they cost", _cost_columns(summary)))
    items = "".join(f"<li>{escape(f'{n.message} {n.advice}'.strip())}</li>" for n in notes)
    parts.append(f"<ul>{items}</ul>")
    return f'<div class="nestwise">{"".join(parts)}</div>'


def _html(caption: str, columns: list[Column]) -> str:
    return html_table(caption, columns[0][1], columns[1:])


def _aligned(columns: list[Column]) -> list[str]:
    """Lines with the first column to the left and the others to the right."""
    widths = [max(len(head), *(len(c) for c in cells)) for head, cells in columns]
    rows = zip(*([head, *cells] for head, cells in columns), strict=True)
    return [
        "  " + "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]  # fmt: skip


def _named(names: AnyArray, groups: AnyArray) -> list[str]:
    several = len({g for g in groups if g and "," not in g}) > 1
    return [
        f"{name} ({group})" if several and group and "," not in group else str(name)
        for name, group in zip(names, groups, strict=True)
    ]


def _fixed(values: AnyArray, digits: int) -> list[str]:
    return [GONE if np.isnan(v) else f"{v:.{digits}f}" for v in values.astype(np.float64)]


def _significant(values: AnyArray, digits: int = 4) -> list[str]:
    """Common decimals, so many that the smallest number keeps some digits."""
    known = np.abs(values[~np.isnan(values)])
    known = known[known > 0]
    top = float(np.floor(np.log10(np.median(known)))) if known.size else 0.0
    return _fixed(values, int(np.clip(digits - 1 - top, 0, 8)))


def _term_columns(estimates: Table, at: AnyArray) -> list[Column]:
    part = {name: estimates[name][at] for name in estimates}
    p = [GONE if np.isnan(v) else format_pvalues([float(v)], 3)[0] for v in part["p_value"]]
    return [
        ("approach", _named(part["approach"], part["groups"])),
        ("estimate", _significant(part["estimate"])),
        ("std. error", _significant(part["std_error"], 3)),
        ("df", _fixed(part["df"], 1)),
        ("p", p),
        ("SE ratio", _fixed(part["se_ratio"], 2)),
    ]


def _cost_columns(summary: Table) -> list[Column]:
    return [
        ("approach", _named(summary["approach"], summary["groups"])),
        ("rows", [str(int(v)) for v in summary["n_rows"]]),
        ("parameters", [str(int(v)) if v else GONE for v in summary["n_par"]]),
        ("residual sd", _significant(summary["sigma"])),
        ("R2", _fixed(summary["r2"], 3)),
        ("R2 fixed", _fixed(summary["r2_fixed"], 3)),
        ("AIC", _fixed(summary["aic"], 1)),
    ]


def _variance_columns(variances: Table) -> list[Column]:
    return [
        ("level", [str(v) for v in variances["level"]]),
        ("groups", [str(int(v)) for v in variances["n_groups"]]),
        ("share", [f"{100 * v:.1f} %" for v in variances["share_null"]]),
        ("ICC", _fixed(variances["icc"], 3)),
        ("design effect", _fixed(variances["design_effect"], 2)),
        ("worth rows", _fixed(variances["n_effective"], 0)),
        ("share left", [f"{100 * v:.1f} %" for v in variances["share"]]),
    ]


__all__ = ["approaches_html", "approaches_text"]
