"""The section on the data and their levels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.design import level_labels
from nestwise.inference.kinds import Fit
from nestwise.present.plots.histogram import PANELS, histograms
from nestwise.present.report.blocks import Block, Grid, Items, Picture, Section, Text
from nestwise.present.report.figures import picture
from nestwise.present.report.numbers import number
from nestwise.present.report.words import data_in_words


def data_section(
    fit: Fit,
    data: Any,
    description: Table | None,
    sizes: Table | None,
    varies: dict[str, str],
    remarks: Sequence[Diagnostic] = (),
) -> Section:
    """Rows, levels, and what each variable looks like.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.
    description : Table, optional
        ``variable n mean sd min max`` of the numeric variables of the model.
    sizes : Table, optional
        ``level n_groups counted min mean median max`` of the grouping factors.
    varies : dict of str to str
        Variable to the level at which it varies.
    remarks : sequence of Diagnostic
        What the levels have to say.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> data_section(m.fit, m.source.data, None, None, {}).blocks[0].words
    '180 rows were used.'
    """
    blocks: list[Block] = [Text(data_in_words(fit.design))]
    if sizes is not None and len(sizes):
        blocks.append(_sizes(sizes))
    if description is not None and len(description):
        blocks.append(_variables(description, varies))
    blocks.append(_response(fit, data))
    others = [f"{name} varies between {_between(at)}." for name, at in varies.items()]
    shown = set() if description is None else {str(v) for v in description["variable"]}
    others = [s for s, name in zip(others, varies, strict=True) if name not in shown]
    items = [*others, *(f"{d.message} {d.advice}".strip() for d in remarks)]
    if items:
        blocks.append(Items(tuple(items)))
    return Section("data", "The data", blocks)


def _response(fit: Fit, data: Any) -> Picture | Text:
    """The distribution of the response, by the coarsest factor where that has few levels."""
    label = fit.design.formula.response_label
    groups, by = fit.design.factors, ""
    codes = np.zeros(fit.design.y.size, dtype=np.int64)
    if groups and groups[-1].n_levels <= PANELS:
        codes, by = groups[-1].codes.astype(np.int64), groups[-1].name
        names = [str(v) for v in level_labels(groups[-1])]
    words = f"Distribution of {label}" + (f" by {by}" if by else "")
    frame = {label: fit.design.y} | ({by: np.array(names, dtype=object)[codes]} if by else {})
    table = pd.DataFrame(frame)
    if isinstance(data, pd.DataFrame):
        table.attrs = {k: v for k, v in data.attrs.items() if k in ("labels", "units")}
    return picture(
        partial(histograms, table, label, by or None),
        f"{words}: histogram{'s with common axes' if by else ''}, with the mean marked.",
        f"{words} in the rows used. The line marks the mean.",
    )


def _between(at: str) -> str:
    return "rows" if at == "rows" else f"levels of {at}"


def _sizes(sizes: Table) -> Grid:
    rows = [
        (
            str(sizes["level"][i]),
            f"{int(sizes['n_groups'][i]):,}",
            str(sizes["counted"][i]),
            number(sizes["min"][i]),
            number(sizes["median"][i]),
            number(sizes["mean"][i]),
            number(sizes["max"][i]),
        )
        for i in range(len(sizes))
    ]
    head = ("Level", "Groups", "Counted in each", "Fewest", "Median", "Mean", "Most")
    return Grid("Levels of the data", head, tuple(rows), "", frozenset({2}))


def _variables(description: Table, varies: dict[str, str]) -> Grid:
    names = [str(v) for v in description["variable"]]
    measures = ("n", "mean", "sd", "min", "max")
    rows = []
    for i, name in enumerate(names):
        cells = [number(float(np.asarray(description[m])[i])) for m in measures]
        rows.append((name, *cells, *([_between(varies[name])] if name in varies else [""])))
    head = ("Variable", "n", "Mean", "SD", "Least", "Greatest", "Varies between")
    if not varies:
        return Grid("Numeric variables", head[:-1], tuple(r[:-1] for r in rows))
    return Grid("Numeric variables", head, tuple(rows), "", frozenset({6}))


__all__ = ["data_section"]
