"""The levels of hierarchical data: sizes, balance, what varies where, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import DataError, OptionError
from nestwise._base.table import Table
from nestwise.design.table import Source, open_table, read_column, require_columns
from nestwise.design.values import labels_of
from nestwise.workflow.frames import as_names, group_rows
from nestwise.workflow.nesting import (
    IMPLICIT,
    Factor,
    Relation,
    all_relations,
    constant_within,
    relation_remark,
)

FEW = 10
"""Fewer groups than this determine a variance between them poorly."""

ROWS = "rows"


@dataclass(frozen=True, slots=True, eq=False)
class LevelTables:
    """What `describe_levels` found.

    Parameters
    ----------
    n_rows : int
        Rows of the data.
    factors : tuple of Factor
        The levels, from the outermost to the innermost.
    sizes, groups, variables, missing, relations : Table
        As `describe_levels` documents them.
    diagnostics : tuple of Diagnostic
        What must be known before a model is written.
    """

    n_rows: int
    factors: tuple[Factor, ...]
    sizes: Table
    groups: Table
    variables: Table
    missing: Table
    relations: Table
    diagnostics: tuple[Diagnostic, ...]


def level_tables(
    data: Any, groups: str | Sequence[str], columns: str | Sequence[str] | None = None
) -> LevelTables:
    """Sizes, variables, missing values and relations of the levels of a table.

    Parameters
    ----------
    data : table
        Any table.
    groups : str or sequence of str
        Grouping columns from the outermost to the innermost; ``"a:b"`` is a combination and
        ``"a/b"`` stands for ``"a"`` and ``"a:b"``.
    columns : str or sequence of str, optional
        The variables to look at; all other columns by default.

    Examples
    --------
    >>> found = level_tables({"g": list("aabb"), "x": [1, 1, 2, 2], "y": [1, 2, 3, 4]}, "g")
    >>> found.variables["varies_at"].tolist()
    ['g', 'rows']
    """
    source = open_table(data)
    wanted = expanded(as_names(groups))
    plain = {part for name in wanted for part in name.split(":")}
    require_columns(source, tuple(sorted(plain)))
    names = tuple(str(c) for c in source.columns if str(c) not in plain)
    names = names if columns is None else as_names(columns)
    require_columns(source, names)
    codes = {name: column_codes(source, name) for name in names}
    given = [factor_of(source, name) for name in wanted]
    relations = all_relations(given, list(codes.values()))
    factors = _ordered(_resolved(source, given, relations))
    remarks = [r for r in map(relation_remark, relations) if r is not None]
    sizes = _sizes(source.n, factors)
    missing = _missing(factors, codes)
    return LevelTables(
        n_rows=source.n,
        factors=factors,
        sizes=sizes,
        groups=_groups(factors),
        variables=_variables(source, factors, codes),
        missing=missing,
        relations=_relations(relations),
        diagnostics=(*remarks, *_remarks(source.n, factors, sizes)),
    )


def expanded(names: tuple[str, ...]) -> tuple[str, ...]:
    """``a/b`` as ``a`` and ``a:b``, each once.

    Examples
    --------
    >>> expanded(("school/room", "school"))
    ('school', 'school:room')
    """
    out: list[str] = []
    for name in names:
        parts = [part.strip() for part in name.split("/")]
        out += [":".join(parts[: i + 1]) for i in range(len(parts))]
    if not out or any(not part for name in out for part in name.split(":")):
        raise OptionError(
            f"groups={list(names)!r} names no grouping columns; give for one 'school'"
        )
    return tuple(dict.fromkeys(out))


def factor_of(source: Source, name: str) -> Factor:
    """A grouping column, or the combination ``a:b`` of several, as codes and labels.

    Examples
    --------
    >>> factor_of(open_table({"g": ["b", "a"], "h": [1, 1]}), "g:h").labels.tolist()
    ['a:1', 'b:1']
    """
    parts = tuple(name.split(":"))
    found = group_rows(source, parts)
    if not found.n_groups:
        raise DataError(f"the grouping column {name!r} has no value at all; name another one")
    texts = [_labels(source, part)[found.first] for part in parts]
    labels = np.array([":".join(t) for t in zip(*texts, strict=True)], dtype=object)
    return Factor(name, found.codes, found.n_groups, labels)


def _labels(source: Source, name: str) -> AnyArray:
    """The text of every row of a column."""
    column = read_column(source, name)
    if column.kind == "factor":
        assert column.levels is not None
        return np.append(column.levels, [""]).astype(object)[column.values]
    codes, distinct = pd.factorize(column.values)
    texts = np.append(labels_of(np.asarray(distinct)), [""]).astype(object)
    return np.asarray(texts[codes])


def column_codes(source: Source, name: str) -> AnyArray:
    """(n,) a number for each distinct value of a column, -1 where it is missing.

    Examples
    --------
    >>> column_codes(open_table({"x": [2.5, 1.0, 2.5]}), "x").tolist()
    [0, 1, 0]
    """
    column = read_column(source, name)
    if column.kind == "factor":
        return column.values
    codes, _ = pd.factorize(column.values)
    return codes if column.missing is None else np.where(column.missing, -1, codes)


def _resolved(
    source: Source, given: Sequence[Factor], relations: Sequence[Relation]
) -> tuple[Factor, ...]:
    """The factors, where labels start anew the combinations with the outer factor."""
    outer: dict[str, list[str]] = {}
    for r in relations:
        if r.relation == IMPLICIT:
            outer.setdefault(r.inner, []).append(r.outer)
    found = []
    for factor in given:
        parts = [p for name in outer.get(factor.name, []) for p in name.split(":")]
        name = ":".join(dict.fromkeys([*parts, factor.name]))
        found.append(factor_of(source, name) if parts else factor)
    return tuple({f.name: f for f in found}.values())


def _ordered(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """By number of groups: of nested factors the outer comes first."""
    return tuple(sorted(factors, key=lambda f: f.n_groups))


def _sizes(n_rows: int, factors: tuple[Factor, ...]) -> Table:
    """One row for each level and what it is counted in: rows, and the groups nested in it."""
    rows: list[tuple[Any, ...]] = []
    for i, factor in enumerate(factors):
        inner = [f for f in factors[i + 1 :] if constant_within(factor.codes, f.codes)]
        for name, counts in [
            (ROWS, _row_counts(factor)),
            *((f.name, _units(factor, f)) for f in inner),
        ]:
            lacking = int((factor.codes < 0).sum())
            rows.append((factor.name, factor.n_groups, name, *_spread(counts), lacking))
    columns = [np.array(c) for c in zip(*rows, strict=True)]
    names = ("level", "n_groups", "counted", "min", "mean", "median", "max", "cv", "balanced",
             "rows_without")  # fmt: skip
    return Table(
        {
            k: v.astype(object) if v.dtype.kind == "U" else v
            for k, v in zip(names, columns, strict=True)
        }
    )


def _row_counts(factor: Factor) -> AnyArray:
    return np.bincount(factor.codes[factor.codes >= 0], minlength=factor.n_groups)


def _units(outer: Factor, inner: Factor) -> AnyArray:
    """How many groups of the inner factor lie in each group of the outer."""
    parent = np.full(inner.n_groups, -1, np.int64)
    used = (inner.codes >= 0) & (outer.codes >= 0)
    parent[inner.codes[used]] = outer.codes[used]
    return np.bincount(parent[parent >= 0], minlength=outer.n_groups)


def _spread(counts: AnyArray) -> tuple[int, float, float, int, float, bool]:
    mean = float(counts.mean())
    return (
        int(counts.min()),
        mean,
        float(np.median(counts)),
        int(counts.max()),
        float(counts.std() / mean),
        bool(counts.min() == counts.max()),
    )


def _groups(factors: tuple[Factor, ...]) -> Table:
    return Table(
        {
            "level": np.repeat(
                np.array([f.name for f in factors], dtype=object), [f.n_groups for f in factors]
            ),
            "group": np.concatenate([f.labels for f in factors]),
            "n": np.concatenate([_row_counts(f) for f in factors]),
        }
    )


def _variables(source: Source, factors: tuple[Factor, ...], codes: dict[str, AnyArray]) -> Table:
    names = list(codes)
    lacking = np.array([int((codes[name] < 0).sum()) for name in names], dtype=np.int64)
    return Table(
        {
            "variable": np.array(names, dtype=object),
            "kind": np.array([_kind(source, name) for name in names], dtype=object),
            "varies_at": np.array(
                [varies_at(codes[name], factors) for name in names], dtype=object
            ),
            "n_distinct": np.array([_distinct(codes[name]) for name in names], np.int64),
            "n_missing": lacking,
            "share_missing": lacking / source.n,
        }
    )


def _kind(source: Source, name: str) -> str:
    column = read_column(source, name)
    return "date" if column.dates else column.kind


def _distinct(codes: AnyArray) -> int:
    return int(np.count_nonzero(np.bincount(codes[codes >= 0])))


def varies_at(codes: AnyArray, factors: Sequence[Factor]) -> str:
    """The outermost level within whose groups a column is constant: it belongs to that level.

    Parameters
    ----------
    codes : (n,) int
        A number for each distinct value, -1 where missing.
    factors : sequence of Factor
        From the outermost to the innermost.

    Returns
    -------
    str
        The name of the level; ``"rows"`` for what varies within all, ``"nothing"`` for a constant.

    Examples
    --------
    >>> g = Factor("g", np.array([0, 0, 1, 1]), 2, np.array(["a", "b"], dtype=object))
    >>> varies_at(np.array([0, 0, 1, 1]), [g]), varies_at(np.array([0, 1, 0, 1]), [g])
    ('g', 'rows')
    """
    if constant_within(codes, np.zeros(codes.size, np.int64)):
        return "nothing"
    found = (f.name for f in factors if constant_within(codes, f.codes))
    return next(found, ROWS)


def _missing(factors: tuple[Factor, ...], codes: dict[str, AnyArray]) -> Table:
    """For each variable with missing values and each level: groups that miss some or all."""
    rows = []
    for name, values in codes.items():
        lacks = values < 0
        for factor in factors if lacks.any() else ():
            used = factor.codes >= 0
            n = np.bincount(factor.codes[used], minlength=factor.n_groups)
            out = np.bincount(factor.codes[used & lacks], minlength=factor.n_groups)
            partly, wholly = int(((out > 0) & (out < n)).sum()), int((out == n).sum())
            rows.append((name, factor.name, factor.n_groups - partly - wholly, partly, wholly))
    text = [np.array([r[i] for r in rows], dtype=object) for i in (0, 1)]
    counts = [np.array([r[i] for r in rows], dtype=np.int64) for i in (2, 3, 4)]
    names = ("variable", "level", "n_complete", "n_partly_missing", "n_wholly_missing")
    return Table(dict(zip(names, [*text, *counts], strict=True)))


def _relations(relations: tuple[Relation, ...]) -> Table:
    text = {
        name: np.array([getattr(r, name) for r in relations], dtype=object)
        for name in ("inner", "outer", "relation")
    }
    counts = {
        name: np.array([getattr(r, name) for r in relations], dtype=np.int64)
        for name in ("n_inner", "n_outer", "n_combinations")
    }
    return Table({**text, **counts})


def few_groups(name: str, n_groups: int) -> Diagnostic:
    """That a level has few groups.

    Examples
    --------
    >>> print(few_groups("school", 5))
    few-groups: school has 5 groups. A variance between so few is poorly determined; read its ...
    """
    return Diagnostic(
        "few-groups",
        f"{name} has {n_groups} groups.",
        "A variance between so few is poorly determined; read its interval, or take the groups as "
        "a fixed effect.",
    )


def _remarks(n_rows: int, factors: tuple[Factor, ...], sizes: Table) -> list[Diagnostic]:
    out = []
    for factor in factors:
        counts = _row_counts(factor)
        if factor.n_groups < FEW:
            out.append(few_groups(factor.name, factor.n_groups))
        single = int((counts == 1).sum())
        if single:
            out.append(
                Diagnostic(
                    "single-row-groups",
                    f"{single} of {factor.n_groups} groups of {factor.name} have a single row.",
                    "They say nothing of the variance within groups, but a multilevel model uses "
                    "them; a regression per group cannot.",
                )
            )
        lacking = int((factor.codes < 0).sum())
        if lacking:
            out.append(
                Diagnostic(
                    "rows-without-group",
                    f"{lacking} of {n_rows} rows have no {factor.name}.",
                    "Models with this group leave them out.",
                )
            )
    return out


__all__ = [
    "ROWS",
    "LevelTables",
    "column_codes",
    "expanded",
    "factor_of",
    "level_tables",
    "varies_at",
]
