"""The section that compares ways to treat the groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.present.report.blocks import Block, Grid, Items, Text
from nestwise.present.report.numbers import fixed, number, p_value

TERMS = 6
"""Tables of coefficients at most; the intercept only when nothing else is there."""


def approach_blocks(
    estimates: Table, summary: Table, notes: Sequence[Diagnostic], reference: str
) -> list[Block]:
    """A table for each coefficient, what each approach costs, and what goes wrong.

    Parameters
    ----------
    estimates, summary : Table
        As `nestwise.compare_approaches` has them in ``table`` and ``approaches``.
    notes : sequence of Diagnostic
        Its sentences.
    reference : str
        The approach that standard errors are compared with.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> blocks = approach_blocks(c.found.estimates, c.found.summary, c.notes, c.reference)
    >>> blocks[1].caption, blocks[1].rows[0][:2]
    ('standLRT (varies within groups)', ('pooled', '0.5951'))
    """
    terms = list(dict.fromkeys(str(t) for t in estimates["term"]))
    chosen = [t for t in terms if t != "(Intercept)"][:TERMS] or terms[:1]
    blocks: list[Block] = [
        Text(
            "The same question can be asked of grouped data in several ways. SE ratio: the "
            f"standard error over that of the {reference} model; below 1 it is too small."
        )
    ]
    blocks += [_term(estimates, term) for term in chosen]
    blocks.append(_costs(summary))
    sentences = [f"{d.message} {d.advice}".strip() for d in notes]
    return [*blocks, Items(tuple(sentences))] if sentences else blocks


def _term(estimates: Table, term: str) -> Grid:
    at = np.flatnonzero(estimates["term"] == term)
    rows, reasons = [], []
    for i in at:
        name, groups = str(estimates["approach"][i]), str(estimates["groups"][i] or "")
        label = f"{name} ({groups})" if groups else name
        value = float(estimates["estimate"][i])
        if not np.isfinite(value):
            reasons.append(f"{label}: {estimates['reason'][i] or 'not estimated'}")
            rows.append((label, *["-"] * 5))
            continue
        rows.append(
            (
                label,
                number(value),
                number(float(estimates["std_error"][i]), 3),
                fixed(float(estimates["df"][i]), 1),
                p_value(float(estimates["p_value"][i])),
                fixed(float(estimates["se_ratio"][i]), 2),
            )
        )
    level = str(estimates["level"][at[0]])
    where = {"": "", "rows": " (varies within groups)"}.get(level, f" (varies between {level})")
    head = ("Approach", "Estimate", "Std. error", "df", "p", "SE ratio")
    return Grid(f"{term}{where}", head, tuple(rows), "; ".join(reasons))


def _costs(summary: Table) -> Grid:
    rows = []
    for i in range(len(summary)):
        name, groups = str(summary["approach"][i]), str(summary["groups"][i] or "")
        cells = [float(summary[k][i]) for k in ("n_rows", "n_par", "sigma", "r2", "aic")]
        shown = [f"{v:,.0f}" if np.isfinite(v) else "-" for v in cells[:2]]
        shown += [number(cells[2], 3), fixed(cells[3], 3), fixed(cells[4], 1)]
        rows.append((f"{name} ({groups})" if groups else name, *shown))
    head = ("Approach", "Rows", "Parameters", "Residual sd", "R²", "AIC")
    return Grid("What each approach costs", head, tuple(rows))


__all__ = ["approach_blocks"]
