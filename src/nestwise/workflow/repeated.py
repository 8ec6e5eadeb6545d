"""From a long table to the cell means of every subject."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, IntArray
from nestwise._base.errors import DataError, FormulaError
from nestwise.design.table import open_table, read_column
from nestwise.formula.grouped import grouped_formula
from nestwise.formula.parser import parse
from nestwise.inference.rm_anova import SubjectCells
from nestwise.workflow.frames import group_rows, numbers


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedData:
    """What a repeated-measures formula means for a table.

    Parameters
    ----------
    response, subject : str
        Columns.
    within, between : tuple of str
        Factors that vary within subjects, and that do not.
    numeric : tuple of str
        Factors whose columns hold numbers, so that formulas must say ``factor(...)``.
    cells : SubjectCells
        Cell means of the complete subjects.
    replicated : bool
        Whether some cell of a subject has several rows.
    balanced : bool
        Whether all cells have equally many rows and all groups equally many subjects.
    n_subjects, n_dropped : int
        Subjects in the table, and those without a value in some cell.
    """

    response: str
    subject: str
    within: tuple[str, ...]
    between: tuple[str, ...]
    numeric: tuple[str, ...]
    cells: SubjectCells
    replicated: bool
    balanced: bool
    n_subjects: int
    n_dropped: int


def read_repeated(formula: str, data: Any) -> RepeatedData:
    """Read ``y ~ a * b | subject``.

    Parameters
    ----------
    formula : str
        A response column, factors joined by ``*``, a bar and the subject's column.
    data : table
        One row for each measurement.

    Returns
    -------
    RepeatedData

    Raises
    ------
    FormulaError
        When the formula is of another kind.
    DataError
        When there is no factor within subjects, or too few complete subjects.
    """
    response, factors, subject = _names(formula)
    source = open_table(data)
    y = numbers(source, response, "repeated measures")
    codes = {name: group_rows(source, (name,)) for name in (*factors, subject)}
    kept = np.isfinite(y)
    for name in codes:
        kept &= codes[name].codes >= 0
    who = codes[subject].codes
    within = tuple(f for f in factors if _varies(codes[f].codes[kept], who[kept]))
    if not within:
        raise DataError(
            f"no factor varies within the levels of '{subject}': every subject is measured under "
            "one condition only; use lm, or check the column of the subject"
        )
    between = tuple(f for f in factors if f not in within)
    widths = [codes[f].n_groups for f in within]
    cell = np.zeros(source.n, np.int64)
    for name, width in zip(within, widths, strict=True):
        cell = cell * width + codes[name].codes
    K, n = int(np.prod(widths)), codes[subject].n_groups
    sums, counts = np.zeros((n, K)), np.zeros((n, K))
    np.add.at(sums, (who[kept], cell[kept]), y[kept])
    np.add.at(counts, (who[kept], cell[kept]), 1.0)
    seen = np.asarray(counts.any(axis=1), dtype=np.bool_)
    complete = np.asarray(counts.all(axis=1), dtype=np.bool_)
    if complete.sum() < 2:
        raise DataError(
            f"{int(complete.sum())} of {int(seen.sum())} subjects have a value under every "
            "combination of the conditions; the classical analysis needs at least two, lmer needs "
            "none that is complete"
        )
    groups = tuple(
        (f, _per_subject(codes[f].codes, who, kept, n)[complete], codes[f].n_groups)
        for f in between
    )
    means = sums[complete] / counts[complete]
    cells = SubjectCells(means, tuple(zip(within, widths, strict=True)), groups)
    return RepeatedData(
        response,
        subject,
        within,
        between,
        tuple(f for f in factors if read_column(source, f).kind == "number"),
        cells,
        bool((counts > 1).any()),
        bool(complete[seen].all() and np.ptp(counts[complete]) == 0) and _equal_groups(groups),
        int(seen.sum()),
        int(seen.sum() - complete.sum()),
    )


def _names(formula: str) -> tuple[str, tuple[str, ...], str]:
    """Response, factors and subject of a formula whose parts are columns."""
    if not isinstance(formula, str) or "|" not in formula:
        raise FormulaError(
            f"a repeated-measures formula is a string such as 'y ~ time | subject', got {formula!r}"
        )
    parsed = parse(grouped_formula(formula))
    subject = parsed.random[0].name
    factors = tuple(dict.fromkeys(v for term in parsed.fixed.terms for v in term.variables))
    wanted = 2 ** len(factors) - 1
    if not factors or len(parsed.fixed.terms) != wanted or not parsed.fixed.intercept:
        raise FormulaError(
            f"{formula!r}: a repeated-measures analysis has all interactions of its factors; write "
            "y ~ a * b | subject, or use lmer for a model with fewer terms"
        )
    for name in (parsed.response_label, *factors, subject):
        if name not in parsed.columns:
            raise FormulaError(
                f"{formula!r}: {name!r} is not a plain column; make a column of it first"
            )
    return parsed.response_label, factors, subject


def _varies(codes: IntArray, who: IntArray) -> bool:
    """Whether some subject has more than one level."""
    n = int(who.max()) + 1
    low, high = np.full(n, np.iinfo(np.int32).max), np.full(n, -1)
    np.minimum.at(low, who, codes)
    np.maximum.at(high, who, codes)
    return bool((high > low)[high >= 0].any())


def _per_subject(codes: IntArray, who: IntArray, kept: AnyArray, n: int) -> IntArray:
    out = np.zeros(n, np.int32)
    out[who[kept]] = codes[kept]
    return out


def _equal_groups(groups: tuple[tuple[str, IntArray, int], ...]) -> bool:
    if not groups:
        return True
    code = np.zeros(len(groups[0][1]), np.int64)
    for _, own, k in groups:
        code = code * k + own
    return bool(np.ptp(np.bincount(code, minlength=int(np.prod([k for _, _, k in groups])))) == 0)


def mixed_formula(read: RepeatedData) -> str:
    """The linear mixed model whose tests are those of the classical analysis when balanced.

    A random intercept for subjects, and one for the subjects' deviations in every effect within
    subjects; the largest of them is the residual unless cells are replicated.
    """

    def spelled(name: str) -> str:
        return f"factor({name})" if name in read.numeric else name

    factors = " * ".join(spelled(f) for f in (*read.between, *read.within))
    bars = [f"(1 | {read.subject})"]
    sets = [c for size in range(1, len(read.within) + 1) for c in combinations(read.within, size)]
    largest = len(read.within)
    for chosen in sets:
        if len(chosen) < largest or read.replicated:
            bars.append(f"(1 | {read.subject}:{':'.join(chosen)})")
    return f"{read.response} ~ {factors} + {' + '.join(bars)}"
