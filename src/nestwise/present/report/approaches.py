"""The section that compares ways to treat the groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.present.plots.approaches import approaches
from nestwise.present.report.blocks import Block, Grid, Items, Text
from nestwise.present.report.figures import picture
from nestwise.present.report.numbers import fixed, listed, number

TERMS = 6
"""Coefficients at most; the intercept only when nothing else is there."""


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
    >>> blocks[2].rows[0]
    ('pooled', '0.5951 (0.0127)')
    """
    terms = list(dict.fromkeys(str(t) for t in estimates["term"]))
    chosen = [t for t in terms if t != "(Intercept)"][:TERMS] or terms[:1]
    blocks: list[Block] = [
        Text(
            "The same question can be asked of grouped data in several ways. Each row below is "
            f"one of them; the last table compares standard errors with those of the {reference} "
            "model."
        ),
        picture(
            partial(approaches, estimates, reference, chosen),
            f"Estimates of {listed(chosen)} by each approach, with 95 % intervals.",
            f"The band is the interval of the {reference} model. Shorter intervals are not better: "
            "an approach that takes grouped rows for independent promises too much.",
        ),
    ]
    blocks.append(_estimates(estimates, chosen))
    blocks.append(_ratios(estimates, chosen, reference))
    blocks.append(_costs(summary))
    sentences = [f"{d.message} {d.advice}".strip() for d in notes]
    return [*blocks, Items(tuple(sentences))] if sentences else blocks


def _rows(estimates: Table) -> dict[str, dict[str, int]]:
    """Approach to term to the place of its row."""
    found: dict[str, dict[str, int]] = {}
    for i in range(len(estimates)):
        name, groups = str(estimates["approach"][i]), str(estimates["groups"][i] or "")
        label = f"{name} ({groups})" if groups else name
        found.setdefault(label, {})[str(estimates["term"][i])] = i
    return found


def _cells(estimates: Table, terms: list[str], show: Callable[[int], str]) -> list[tuple[str, ...]]:
    rows = []
    for label, places in _rows(estimates).items():
        known = [places.get(term) for term in terms]
        cells = [
            "-" if i is None or not np.isfinite(float(estimates["estimate"][i])) else show(i)
            for i in known
        ]
        rows.append((label, *cells))
    return rows


def _estimates(estimates: Table, terms: list[str]) -> Grid:
    def show(i: int) -> str:
        error = number(float(estimates["std_error"][i]), 3)
        return f"{number(float(estimates['estimate'][i]))} ({error})"

    reasons = []
    for label, places in _rows(estimates).items():
        lacking = [t for t in terms if t in places and _lacks(estimates, places[t])]
        if lacking:
            reason = str(estimates["reason"][places[lacking[0]]] or "not estimated")
            reasons.append(f"{label}: {reason} ({listed(lacking)})")
    head = ("Approach", *terms)
    note = "-: " + "; ".join(reasons) + "." if reasons else ""
    return Grid("Estimates (standard errors)", head, tuple(_cells(estimates, terms, show)), note)


def _lacks(estimates: Table, i: int) -> bool:
    return not np.isfinite(float(estimates["estimate"][i]))


def _ratios(estimates: Table, terms: list[str], reference: str) -> Grid:
    def show(i: int) -> str:
        return fixed(float(estimates["se_ratio"][i]), 2)

    caption = f"Standard errors over those of the {reference} model; below 1: too small"
    return Grid(caption, ("Approach", *terms), tuple(_cells(estimates, terms, show)))


def _costs(summary: Table) -> Grid:
    rows = []
    for i in range(len(summary)):
        name, groups = str(summary["approach"][i]), str(summary["groups"][i] or "")
        cells = [float(summary[k][i]) for k in ("n_rows", "n_par", "sigma", "r2", "aic")]
        fitted = cells[1] > 0.0
        shown = [f"{cells[0]:,.0f}", f"{cells[1]:,.0f}" if fitted else "-"]
        shown += [number(cells[2], 3), fixed(cells[3], 3), fixed(cells[4], 1)]
        shown = ["-" if cell == "NA" else cell for cell in shown]
        rows.append((f"{name} ({groups})" if groups else name, *shown))
    head = ("Approach", "Rows", "Parameters", "Residual sd", "R²", "AIC")
    return Grid("What each approach costs", head, tuple(rows))


__all__ = ["approach_blocks"]
