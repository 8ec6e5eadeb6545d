"""The levels of hierarchical data in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.present.matrixtext import WIDTH


def levels_text(
    n_rows: int,
    sizes: Table,
    variables: Table,
    missing: Table,
    relations: Table,
    diagnostics: Sequence[Diagnostic],
) -> str:
    """Levels, variables by level, missing values and remarks, for a terminal.

    Parameters
    ----------
    n_rows : int
        Rows of the data.
    sizes, variables, missing, relations : Table
        As `nestwise.describe_levels` gives them.
    diagnostics : sequence of Diagnostic
        Remarks.

    Returns
    -------
    str

    Examples
    --------
    >>> import nestwise as nw
    >>> print(str(nw.describe_levels(nw.load_dataset("Exam"), "school")).splitlines()[2])
      school: 65 groups; rows in each: 2 to 198, mean 62.4
    """
    lines = [f"Levels of {n_rows} rows", "", *_sizes(sizes), *_relations(relations)]
    lines += ["", "Variables by the level at which they vary", "", *_variables(variables)]
    if len(missing):
        lines += ["", "Missing values", "", *_missing(variables, missing)]
    if diagnostics:
        lines += ["", "Remarks", ""]
    for remark in diagnostics:
        lines += _wrapped(f"- {remark}", "  ")
    return "\n".join(lines)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _sizes(sizes: Table) -> list[str]:
    lines = []
    for level in dict.fromkeys(sizes["level"]):
        at = np.flatnonzero(sizes["level"] == level)
        parts = []
        for i in at:
            low, high = sizes["min"][i], sizes["max"][i]
            each = f"all {low}" if low == high else f"{low} to {high}"
            mean = "" if low == high else f", mean {sizes['mean'][i]:.1f}"
            parts.append(f"{sizes['counted'][i]} in each: {each}{mean}")
        text = f"  {level}: {sizes['n_groups'][at[0]]} groups; {'; '.join(parts)}"
        lines += _wrapped(text, "    ")
    return lines


def _relations(relations: Table) -> list[str]:
    shown = []
    for inner, outer, kind, cells in zip(
        *(relations[k] for k in ("inner", "outer", "relation", "n_combinations")), strict=True
    ):
        verb = "in" if "nested" in kind and "crossed" not in kind else "with"
        shown.append(f"  {inner} is {kind} {verb} {outer} ({cells} combinations)")
    return shown


def _variables(variables: Table) -> list[str]:
    lines = []
    for level in dict.fromkeys(variables["varies_at"]):
        names = variables["variable"][variables["varies_at"] == level]
        lines += _wrapped(f"  {level}: {', '.join(names)}", "    ")
    return lines


def _missing(variables: Table, missing: Table) -> list[str]:
    lines = []
    for name, n, share in zip(
        *(variables[k] for k in ("variable", "n_missing", "share_missing")), strict=True
    ):
        if not n:
            continue
        at = np.flatnonzero(missing["variable"] == name)
        by_level = "; ".join(
            f"{missing['level'][i]}: {missing['n_wholly_missing'][i]} wholly, "
            f"{missing['n_partly_missing'][i]} in part"
            for i in at
        )
        lines += _wrapped(f"  {name}: {n} rows ({100 * share:.1f} %); {by_level}", "    ")
    return lines


__all__ = ["levels_text"]
