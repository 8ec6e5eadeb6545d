"""Regressions per group as text."""

from __future__ import annotations

import numpy as np

from nestwise._base.table import Table
from nestwise.fit.group_regressions import GroupRegressions
from nestwise.inference.group_tables import (
    group_coefficients,
    group_summary,
    mean_coefficients,
)
from nestwise.present.rformat import cat, signif
from nestwise.present.tabletext import table_text

MOST = 30
"""More groups than this are not listed one by one."""


def group_text(fit: GroupRegressions, formula: str, *, full: bool) -> str:
    """The fits in words and numbers.

    Parameters
    ----------
    fit : GroupRegressions
        The fits.
    formula : str
        As the user wrote it.
    full : bool
        Whether to list the coefficients with their standard errors (a summary), else only their
        distribution over the groups.

    Returns
    -------
    str

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> print(group_text(m.fit, "Reaction ~ Days | Subject", full=False).splitlines()[0])
    A linear model for each of 18 groups of Subject
    """
    factor = fit.design.factors[0]
    lines = [
        f"A linear model for each of {factor.n_levels} groups of {factor.name}",
        f"Formula: {formula}",
        "",
        "Coefficients over the groups (each counts once):",
        table_text(mean_coefficients(fit), 5),
    ]
    if full:
        lines += ["", "Coefficients (pooled residual variance):", *_listed(fit)]
    lines += ["", f"Residual standard error: {cat(signif(fit.sigma, 7))} on {fit.df_resid} "
                  "degrees of freedom"]  # fmt: skip
    return "\n".join([*lines, *problem_lines(fit)])


def _listed(fit: GroupRegressions) -> list[str]:
    table = group_coefficients(fit)
    rows = np.arange(len(table))
    more = len(fit.labels) - MOST
    if more > 0:
        rows = rows[: MOST * fit.beta.shape[1]]
    names = [name for name in table if name not in ("group", "df")]
    shown = Table({name: table[name][rows] for name in names})
    return [table_text(shown, 5), *([f"... and {more} more groups"] if more > 0 else [])]


def problem_lines(fit: GroupRegressions) -> list[str]:
    """Which coefficients some groups cannot give; empty when all give all.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("normexam ~ standLRT + sex | school", nw.load_dataset("Exam"))
    >>> print(problem_lines(m.fit)[-1])
      sexM: not in 30 (2, 6, 7, 8, 11, ...)
    """
    lacking = np.isnan(fit.beta)
    if not lacking.any():
        return []
    undetermined = group_summary(fit)["undetermined"]
    n = int((undetermined != "").sum())
    lines = ["", f"{n} of {len(fit.labels)} groups do not determine every coefficient:"]
    for j, name in enumerate(fit.design.fixed.names):
        count = int(lacking[:, j].sum())
        if count:
            first = ", ".join(fit.labels[lacking[:, j]][:5].tolist())
            dots = ", ..." if count > 5 else ""
            lines.append(f"  {name}: not in {count} ({first}{dots})")
    return lines


__all__ = ["group_text", "problem_lines"]
