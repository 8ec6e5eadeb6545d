"""Classical analyses of repeated measures and the mixed models beside them, as text."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import BoolArray
from nestwise._base.table import Table
from nestwise.present.tabletext import table_text

DIGITS = 4
"""Significant digits of the printed tables."""


def anova_text(classical: Table, multilevel: Table, formula: str, note: str) -> str:
    """The classical table, its corrections, and the tests of the mixed model.

    Parameters
    ----------
    classical : Table
        From `nestwise.inference.rm_anova.rm_anova`.
    multilevel : Table
        ``term num_df den_df f_value p_value``, in the same order.
    formula : str
        The mixed model.
    note : str
        Whether they agree.
    """
    main = _chosen(classical, ("term", "num_df", "den_df", "f_value", "p_value", "ges"))
    parts = ["Repeated-measures analysis of variance (type III)", "", table_text(main, DIGITS)]
    corrected = classical["num_df"] > 0
    corrected &= np.isfinite(classical["mauchly_w"]) | (classical["gg_epsilon"] < 1.0)
    if corrected.any():
        names = ("term", "gg_epsilon", "p_gg", "hf_epsilon", "p_hf", "mauchly_w", "mauchly_p")
        parts += [
            "",
            "Corrected for departures from sphericity",
            "",
            table_text(_chosen(classical, names, corrected), DIGITS),
        ]
    tests = _chosen(multilevel, ("term", "num_df", "den_df", "f_value", "p_value"))
    parts += ["", f"The same as a mixed model: {formula}", "", table_text(tests, DIGITS), "", note]
    return "\n".join(parts)


def paired_text(classical: Table, multilevel: Table, formula: str, note: str) -> str:
    """The paired t test and the coefficient of the mixed model.

    Parameters
    ----------
    classical, multilevel : Table
        One row each, the same columns.
    formula : str
        The mixed model.
    note : str
        Whether they agree.
    """
    return "\n".join(
        [
            "Paired t test",
            "",
            table_text(classical, DIGITS),
            "",
            f"The same as a mixed model: {formula}",
            "",
            table_text(multilevel, DIGITS),
            "",
            note,
        ]
    )


def _chosen(table: Table, names: tuple[str, ...], rows: BoolArray | None = None) -> Table:
    at = slice(None) if rows is None else rows
    return Table({name: table[name][at] for name in names})


__all__ = ["anova_text", "paired_text"]
