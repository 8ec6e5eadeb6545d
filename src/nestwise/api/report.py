"""A report of a fit: what is told of the data is collected here, the page is made below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nestwise._base.errors import NestwiseError, OptionError
from nestwise._base.output import check_free, write_whole
from nestwise._base.table import Table
from nestwise.api.fitted import Fitted
from nestwise.api.source import used_rows
from nestwise.design.table import open_table, read_column
from nestwise.design.values import Numeric, as_float, value_of_column
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, LmmFit
from nestwise.present.report.approaches import approach_blocks
from nestwise.present.report.blocks import Block, Text
from nestwise.present.report.build import Material, build
from nestwise.present.report.page import render
from nestwise.workflow.approaches.comparison import compare
from nestwise.workflow.describe import describe_values
from nestwise.workflow.levels import LevelTables, level_tables

DEFAULTS: dict[str, Any] = {"REML": True, "na_action": "drop", "nAGQ": 1}

MANY = 50_000
"""With more rows the comparison of approaches is made only when asked for."""


def report(
    model: Fitted,
    path: str | Path,
    *,
    overwrite: bool = False,
    title: str | None = None,
    source: str | None = None,
    command: str | None = None,
    approaches: bool | None = None,
) -> Path:
    """Write a report of the fit: one HTML file that needs no other file and no network.

    It holds the question in words, the data and their levels, the model as an equation and in
    words, estimates with intervals, where the variation lies, plots, diagnostics and what they
    mean, a methods paragraph with citations, and the code, settings and versions to make it again.

    Parameters
    ----------
    model : fitted model
        Of `lmer`, `lm`, `glmer` or `gls`.
    path : str or Path
        The file; nothing is written unless all of it is.
    overwrite : bool
        Whether an existing file may be replaced.
    title : str, optional
        The page's heading.
    source : str, optional
        What the data come from, such as a file name, for the code in the report.
    command : str, optional
        The command that makes the report, when one did.
    approaches : bool, optional
        Whether other ways to treat the groups are compared, as `compare_approaches` does; by
        default for linear mixed models of up to 50,000 rows.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        When the file exists and `overwrite` is not given, or its folder does not.
    MissingExtraError
        When Jinja2 or matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw, tempfile, pathlib
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> file = m.report(pathlib.Path(tempfile.mkdtemp()) / "dyestuff.html")
    >>> file.read_text(encoding="utf-8")[:15]
    '<!DOCTYPE html>'
    """
    file = check_free(path, overwrite)
    page = report_html(
        model,
        title=title,
        source=source,
        command=command,
        approaches=approaches,
        name=file.name,
    )
    return write_whole(file, page, overwrite=overwrite)


def report_html(
    model: Fitted,
    *,
    title: str | None = None,
    source: str | None = None,
    command: str | None = None,
    approaches: bool | None = None,
    name: str = "report.html",
) -> str:
    """The report as text.

    Examples
    --------
    >>> import nestwise as nw
    >>> page = report_html(nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")))
    >>> "What Reaction depends on" in page
    True
    """
    fit, given = model.fit, model.source
    levels = _levels(fit, given.data)
    used = set(fit.design.formula.columns)
    varies = {} if levels is None else _varies(levels, used)
    return render(
        build(
            Material(
                fit=fit,
                data=given.data,
                settings=given.settings,
                code=_code(fit, given.formula, given.settings, source, name),
                command=command or "",
                description=_description(fit, given.data),
                sizes=None if levels is None else levels.sizes,
                varies=varies,
                remarks=() if levels is None else levels.diagnostics,
                approaches=_approaches(fit, given.data, approaches),
                title=title,
            )
        )
    )


def _levels(fit: Fit, data: Any) -> LevelTables | None:
    """The levels of the data; None for factors that are expressions, not columns."""
    groups = [":".join(factor.variables) for factor in fit.design.factors]
    if not groups:
        return None
    try:
        return level_tables(data, groups, _plain_columns(fit, data))
    except NestwiseError:
        return None


def _plain_columns(fit: Fit, data: Any) -> list[str]:
    own = {v for factor in fit.design.factors for v in factor.variables}
    known = {str(c) for c in open_table(data).columns}
    return [c for c in fit.design.formula.columns if c in known and c not in own]


def _approaches(fit: Fit, data: Any, asked: bool | None) -> list[Block]:
    """The comparison of approaches; nothing where the question does not suit it."""
    suits = isinstance(fit, LmmFit)
    if not suits and asked:
        raise OptionError("approaches=True is for linear mixed models")
    if not suits or asked is False or (asked is None and fit.design.y.size > MANY):
        return []
    fixed = fit.design.formula.fixed
    terms = [term.label for term in fixed.terms] or ["1"]
    right = " + ".join(terms if fixed.intercept else ["0", *terms])
    columns = [v for factor in reversed(fit.design.factors) for v in reversed(factor.variables)]
    formula = f"{fit.design.formula.response_label} ~ {right}"
    try:
        rows, groups = used_rows(data, fit.design.kept), list(dict.fromkeys(columns))
        weights, offset = fit.design.weights, fit.design.offset
        found = compare(formula, rows, groups, weights=weights, offset=offset)
    except NestwiseError as problem:
        return [] if asked is None else [Text(f"Approaches could not be compared: {problem}.")]
    return approach_blocks(found.estimates, found.summary, found.notes, found.reference.name)


def _varies(levels: LevelTables, used: set[str]) -> dict[str, str]:
    table = levels.variables
    pairs = zip(table["variable"].tolist(), table["varies_at"].tolist(), strict=True)
    return {str(name): str(at) for name, at in pairs if name in used}


def _description(fit: Fit, data: Any) -> Table:
    """n, mean, sd, min and max of the numeric columns, in the rows used."""
    source = open_table(data)
    kept = fit.design.kept
    names, columns = [], []
    for name in _plain_columns(fit, data):
        value = value_of_column(read_column(source, name))
        if isinstance(value, Numeric):
            x = as_float(value, name)
            names.append(name)
            columns.append(x if kept is None else x[kept])
    measures = ("n", "mean", "sd", "min", "max")
    zero = np.zeros(fit.design.y.size, dtype=np.int32)
    found = [describe_values(x, zero, 1) for x in columns]
    table = {m: np.array([float(f[m][0]) for f in found]) for m in measures}
    return Table({"variable": np.array(names, dtype=object), **table})


def _code(
    fit: Fit, formula: str, settings: Mapping[str, Any], source: str | None, name: str
) -> str:
    """Python lines that fit the model and write the report again."""
    call = "lm" if isinstance(fit, LmFit) else "lmer" if fit.design.terms else "gls"
    call = "glmer" if isinstance(fit, GlmmFit) else call
    read = f'nw.read_table("{source}")' if source else "...  # your table"
    options = ""
    for key, value in settings.items():
        plain = isinstance(value, (str, bool, int, float, dict)) and "<" not in repr(value)
        if plain and DEFAULTS.get(key) != value:
            options += f", {key}={value!r}"
    lines = ["import nestwise as nw", "", f"data = {read}"]
    lines += [f"model = nw.{call}({formula!r}, data{options})", f'model.report("{name}")']
    return "\n".join(lines)


__all__ = ["report", "report_html"]
