"""Marginal means and their contrasts as R's emmeans prints them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.table import Table
from nestwise.inference.emmeans.adjust import OF_INTERVALS
from nestwise.inference.emmeans.contrasts import (
    MarginalContrasts,
    contrast_intervals,
    contrast_table,
)
from nestwise.inference.emmeans.estimates import LinearEstimates, by_groups
from nestwise.inference.emmeans.means import MarginalMeans, table
from nestwise.inference.emmeans.transform import Transform, of_differences
from nestwise.inference.kinds import LmmFit
from nestwise.present.matrixtext import matrix_lines
from nestwise.present.rformat import format_numbers

MISLEADING = "NOTE: Results may be misleading due to involvement in interactions"

SHARP = 400.0
"""Estimates this many times their standard error get a fourth digit, and so on by tens."""


def means_text(means: MarginalMeans) -> str:
    """The table of means, group by group, and what is to be said below it.

    Parameters
    ----------
    means : MarginalMeans
        Means or trends.

    Returns
    -------
    str
    """
    shown = table(means)
    undo = means.transform
    lines = _blocks(shown, means.rows, {} if undo is None else {"response": undo.shown})
    lines += ["", *_scale_notes(means), *_method(means.rows)]
    lines.append(f"Confidence level used: {means.rows.level:g}")
    if means.scale == "response" and means.transform is not None:
        lines.append(f"Intervals are back-transformed from the {means.transform.name} scale")
    if means.misleading:
        lines.append(MISLEADING)
    return "\n".join(lines)


def contrasts_text(contrasts: MarginalContrasts, intervals: bool = False) -> str:
    """The table of contrasts, group by group, and what is to be said below it.

    Parameters
    ----------
    contrasts : MarginalContrasts
        The contrasts.
    intervals : bool
        Whether to show simultaneous intervals in place of tests.

    Returns
    -------
    str
    """
    shown = contrast_intervals(contrasts) if intervals else contrast_table(contrasts)
    if contrasts.ratio and not intervals:
        tests = ("t_ratio", "z_ratio", "p_value")
        front = {name: shown[name] for name in shown if name not in tests}
        tail = {name: shown[name] for name in shown if name in tests}
        shown = Table({**front, "null": np.ones(len(shown)), **tail})
    means = contrasts.means
    undo = None if means.transform is None else of_differences(means.transform)
    odds = {"ratio": undo.shown} if undo is not None and undo.shown != "response" else {}
    lines = _blocks(shown, contrasts.rows, odds if contrasts.ratio else {})
    notes = [*_scale_notes(means, undo), *_method(contrasts.rows)]
    if means.scale == "response" and means.transform is not None and not contrasts.ratio:
        notes.append(f"Note: contrasts are still on the {means.transform.name} scale")
    if intervals:
        notes.append(f"Confidence level used: {contrasts.rows.level:g}")
    notes += _adjustment(contrasts, intervals)
    if contrasts.ratio and undo is not None:
        words = "Intervals are back-transformed from" if intervals else "Tests are performed on"
        notes.append(f"{words} the {undo.name} scale")
    if means.misleading:
        notes.append(MISLEADING)
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _scale_notes(means: MarginalMeans, undo: Transform | None = None) -> list[str]:
    lines = []
    if means.averaged:
        lines.append(f"Results are averaged over the levels of: {', '.join(means.averaged)}")
    if means.transform is not None and means.scale == "link":
        name = means.transform.name if undo is None else undo.name
        lines.append(f"Results are given on the {name} (not the response) scale.")
    return lines


def _method(rows: LinearEstimates) -> list[str]:
    if not isinstance(rows.fit, LmmFit):
        return []
    name = "asymptotic" if rows.ddf == "normal" else rows.ddf
    return [f"Degrees-of-freedom method: {name}"]


def _adjustment(contrasts: MarginalContrasts, intervals: bool) -> list[str]:
    """How the tests of a group were adjusted; nothing for a single one."""
    size = len(by_groups(contrasts.rows)[0])
    method = OF_INTERVALS.get(contrasts.adjust, contrasts.adjust) if intervals else contrasts.adjust
    if method == "none" or size <= 1:
        return []
    what = "Conf-level adjustment" if intervals else "P value adjustment"
    if method == "tukey":
        return [f"{what}: tukey method for comparing a family of {contrasts.n_means} estimates"]
    return [f"{what}: {method} method for {size} {'estimates' if intervals else 'tests'}"]


def _blocks(shown: Table, rows: LinearEstimates, called: Mapping[str, str]) -> list[str]:
    """One table for each group, with common widths; `called` renames columns."""
    names = [name for name in shown if name not in rows.by]
    texts = _cells(shown, names, rows)
    headers = {name: called.get(name) or _header(name, shown, rows) for name in names}
    left = {headers[n] for n in names if n in rows.labels and shown[n].dtype.kind in "Ob"}
    padded = {n: _padded(headers[n], texts[n], headers[n] in left) for n in names}
    lines: list[str] = []
    for index in by_groups(rows):
        if rows.by:
            title = ", ".join(f"{b} = {_plain(rows.labels[b][index[0]])}" for b in rows.by)
            lines += [*([""] if lines else []), f"{title}:"]
        columns = [(padded[n][0], [padded[n][1 + i] for i in index]) for n in names]
        stub = matrix_lines([""] * len(index), columns, 10_000, [h for h, _ in columns])
        lines += [line.rstrip() for line in stub]
    return lines


def _padded(header: str, cells: list[str], left: bool) -> list[str]:
    size = max(len(text) for text in (header, *cells))
    first = header.ljust(size) if left else header.rjust(size)
    right = not left or _is_truth(cells)
    return [first, *(c.rjust(size) if right else c.ljust(size) for c in cells)]


def _is_truth(cells: list[str]) -> bool:
    return set(cells) <= {"TRUE", "FALSE"}


def _plain(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "TRUE" if value else "FALSE"
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _header(name: str, shown: Table, rows: LinearEstimates) -> str:
    normal = "df" in shown and bool(np.isposinf(shown["df"][~np.isnan(shown["df"])]).all())
    limits = ("asymp.LCL", "asymp.UCL") if normal else ("lower.CL", "upper.CL")
    if name in rows.labels:
        return name
    fixed = {"se": "SE", "lower": limits[0], "upper": limits[1], "p_value": "p.value"}
    fixed |= {"t_ratio": "t.ratio", "z_ratio": "z.ratio"}
    return fixed.get(name, f"{name[:-6]}.trend" if name.endswith("_trend") else name)


def _cells(shown: Table, names: list[str], rows: LinearEstimates) -> Mapping[str, list[str]]:
    digits = _digits(shown, rows)
    found: dict[str, list[str]] = {}
    for name in names:
        values = shown[name]
        if name in rows.labels:
            found[name] = _labels(values)
        elif name in ("t_ratio", "z_ratio"):
            found[name] = ["NA" if math.isnan(v) else f"{v:.3f}" for v in values.tolist()]
        elif name == "p_value":
            found[name] = [_p_value(v) for v in values.tolist()]
        else:
            found[name] = _numbers(values, 3 if name == "df" else digits)
    main = names[len([n for n in names if n in rows.labels])]
    missing = np.isnan(shown[main])
    found[main] = ["nonEst" if m else t for t, m in zip(found[main], missing, strict=True)]
    return found


def _labels(values: AnyArray) -> list[str]:
    if values.dtype.kind == "b":
        return ["TRUE" if v else "FALSE" for v in values.tolist()]
    if values.dtype.kind == "O":
        return [str(v) for v in values.tolist()]
    return [t.strip() for t in format_numbers([float(v) for v in values.tolist()], 3)]


def _numbers(values: FloatArray, digits: int) -> list[str]:
    finite = [float(v) for v in values.tolist() if math.isfinite(v)]
    texts = iter(format_numbers(finite, digits))
    special = {True: "Inf", False: "NA"}
    return [
        next(texts).strip() if math.isfinite(v) else special[v == math.inf] for v in values.tolist()
    ]


def _p_value(p: float) -> str:
    if math.isnan(p):
        return "NA"
    return "<.0001" if p < 0.00005 else f"{p:.4f}"


def _digits(shown: Table, rows: LinearEstimates) -> int:
    """Significant digits: three, more where estimates are many times their standard errors."""
    main = next(name for name in shown if name not in rows.labels)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharp = np.abs(shown[main]) / shown["se"]
    largest = float(np.max(sharp[np.isfinite(sharp)], initial=0.0))
    return 3 + (max(0, math.ceil(math.log10(largest / SHARP))) if largest > 0.0 else 0)


__all__ = ["contrasts_text", "means_text"]
