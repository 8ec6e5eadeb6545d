"""What all approaches share: the same rows, columns and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import FormulaError, OptionError
from nestwise.design import build
from nestwise.design.check import as_numbers
from nestwise.design.model import Design, GroupingFactor
from nestwise.design.table import Source, open_table, require_columns
from nestwise.workflow.frames import as_names, native_frame
from nestwise.workflow.levels import ROWS, expanded, factor_of
from nestwise.workflow.nesting import (
    CROSSED,
    EITHER,
    IMPLICIT,
    Factor,
    Relation,
    all_relations,
    relation_remark,
)

INTERCEPT = "(Intercept)"


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level of groups.

    Parameters
    ----------
    name : str
        As it stands in a formula: ``"school"``, ``"school:room"``.
    factor : GroupingFactor
        Its groups on the rows used.
    counts : (n_levels,) int64
        Rows of each group.
    """

    name: str
    factor: GroupingFactor
    counts: AnyArray


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """The rows, columns and levels of a comparison.

    Parameters
    ----------
    formula : str
        The fixed part as the user wrote it.
    data : table
        The rows that all approaches use, in the caller's kind.
    design : Design
        Its arrays, with a random intercept at every level.
    levels : tuple of Level
        From the outermost to the innermost.
    term_levels : tuple of str
        For each column of X the level at which it varies; ``"rows"`` within all.
    crossed : bool
        Whether some of the levels are crossed.
    n_dropped : int
        Rows left out because a variable or a group was missing.
    remarks : tuple of Diagnostic
        What the data have to say.
    contrasts : mapping or None
        As given.
    weights, offset : str, (n,) float64 or None
        A column, or its values in these rows.
    """

    formula: str
    data: Any
    design: Design
    levels: tuple[Level, ...]
    term_levels: tuple[str, ...]
    crossed: bool
    n_dropped: int
    remarks: tuple[Diagnostic, ...]
    contrasts: Mapping[str, str] | None
    weights: str | FloatArray | None = None
    offset: str | FloatArray | None = None

    @property
    def row_weights(self) -> FloatArray:
        """(n,) prior weights of the rows; ones when none were given."""
        w = self.design.weights
        return np.ones(self.design.y.size) if w is None else w

    @property
    def response(self) -> FloatArray:
        """(n,) the response less what is known of it, the offset."""
        y, offset = self.design.y, self.design.offset
        return y if offset is None else y - offset

    def build(self, formula: str) -> Design:
        """The design of another formula with the same rows, weights and offset."""
        return build(
            formula,
            self.data,
            weights=self.weights,
            offset=self.offset,
            contrasts=self.contrasts,
        )

    def fixed_only(self) -> Design:
        """The design without its random terms."""
        return replace(self.design, factors=(), terms=())

    def within(self, level: Level) -> Design:
        """The design with one level and no random terms."""
        return replace(self.design, factors=(level.factor,), terms=())


def prepare(
    formula: str,
    data: Any,
    groups: str | Sequence[str],
    contrasts: Mapping[str, str] | None,
    weights: Any = None,
    offset: Any = None,
) -> Setup:
    """Read formula, data and groups once for all approaches.

    Parameters
    ----------
    formula : str
        The fixed part only.
    data : table
        Never changed.
    groups : str or sequence of str
        From the outermost to the innermost.
    contrasts : mapping, optional
        Coding of factors.
    weights, offset : str or array-like, optional
        Prior weights and a known part of the response, as for `lmer`.

    Raises
    ------
    FormulaError, DataError, OptionError
        When they do not fit together.

    Examples
    --------
    >>> import nestwise as nw
    >>> s = prepare("normexam ~ standLRT + schavg", nw.load_dataset("Exam"), "school", None)
    >>> s.term_levels
    ('', 'rows', 'school')
    """
    if not isinstance(formula, str) or "~" not in formula:
        raise FormulaError(f"{formula!r} is not a formula; write for instance 'gain ~ prior + sex'")
    if "|" in formula:
        raise FormulaError(
            f"{formula!r} has a random term; give the fixed part only and name the groups in "
            "groups=, because every approach treats them in its own way"
        )
    source = open_table(data)
    names = expanded(as_names(groups))
    require_columns(source, tuple(sorted({p for name in names for p in name.split(":")})))
    given = [factor_of(source, name) for name in names]
    relations = all_relations(given, [])
    wanted = _level_names(source, given, relations)
    text = with_intercepts(formula, wanted)
    given_rows = {"weights": weights, "offset": offset}
    design = build(text, data, contrasts=contrasts, **given_rows)
    rows, n_dropped = data, design.n_dropped
    if design.kept is not None:
        rows = native_frame(source).filter(design.kept.tolist()).to_native()
        given_rows = {k: _of_kept(k, v, design.kept) for k, v in given_rows.items()}
        design = build(text, rows, contrasts=contrasts, **given_rows)
    levels = _levels(design, wanted)
    remarks = (r for r in map(relation_remark, relations) if r is not None)
    return Setup(
        formula=formula,
        data=rows,
        design=design,
        levels=levels,
        term_levels=_term_levels(design, levels),
        crossed=any(r.relation == CROSSED for r in relations),
        n_dropped=n_dropped,
        remarks=tuple(remarks),
        contrasts=contrasts,
        **given_rows,
    )


def _of_kept(name: str, values: Any, kept: BoolArray) -> Any:
    """Weights or offset of the rows that stay; a column stays its name."""
    if values is None or isinstance(values, str):
        return values
    return as_numbers(name, values, kept.size)[kept]


def with_intercepts(formula: str, names: Sequence[str]) -> str:
    """The formula with a random intercept for each level.

    Examples
    --------
    >>> with_intercepts("y ~ x", ["school", "school:class room"])
    'y ~ x + (1 | school) + (1 | school:`class room`)'
    """
    return formula + "".join(f" + (1 | {quoted(name)})" for name in names)


def quoted(name: str) -> str:
    """A level as a formula has it: parts that are no plain name in backquotes.

    Examples
    --------
    >>> quoted("school:class room")
    'school:`class room`'
    """
    parts = name.split(":")
    return ":".join(p if p.replace(".", "_").isidentifier() else f"`{p}`" for p in parts)


def _level_names(
    source: Source, given: Sequence[Factor], relations: Sequence[Relation]
) -> tuple[str, ...]:
    """Levels to use: of repeated labels the combinations, unless these are single rows."""
    outer: dict[str, list[str]] = {}
    for r in relations:
        repeated = r.relation == IMPLICIT or (
            r.relation == EITHER and r.n_combinations < 0.75 * source.n
        )
        if repeated:
            outer.setdefault(r.inner, []).append(r.outer)
    names = []
    for factor in given:
        parts = [p for name in outer.get(factor.name, []) for p in name.split(":")]
        names.append(":".join(dict.fromkeys([*parts, *factor.name.split(":")])))
    return tuple(dict.fromkeys(names))


def _levels(design: Design, names: Sequence[str]) -> tuple[Level, ...]:
    by_name = {factor.name: factor for factor in design.factors}
    levels = []
    for name in names:
        factor = by_name.get(quoted(name)) or by_name[name]
        counts = np.bincount(factor.codes, minlength=factor.n_levels)
        if factor.n_levels < 2:
            raise OptionError(f"groups: {name!r} has a single group in the rows used; leave it out")
        levels.append(Level(name, factor, counts))
    return tuple(sorted(levels, key=lambda level: level.factor.n_levels))


def _term_levels(design: Design, levels: Sequence[Level]) -> tuple[str, ...]:
    X, names = design.fixed.X, design.fixed.names
    return tuple(
        "" if n == INTERCEPT else column_level(X[:, j], levels) for j, n in enumerate(names)
    )


def column_level(x: FloatArray, levels: Sequence[Level]) -> str:
    """The outermost level within whose groups a column is constant, ``"rows"`` for none.

    Examples
    --------
    >>> column_level(np.array([1.0, 2.0]), [])
    'rows'
    """
    return next((level.name for level in levels if is_constant(x, level.factor)), ROWS)


def is_constant(x: FloatArray, factor: GroupingFactor) -> bool:
    """Whether a column does not vary within the groups of a factor.

    Examples
    --------
    >>> f = GroupingFactor("g", np.array([0, 0, 1], np.int32), 2, (), ())
    >>> is_constant(np.array([1.0, 1.0, 5.0]), f), is_constant(np.array([1.0, 2.0, 5.0]), f)
    (True, False)
    """
    first = np.zeros(factor.n_levels)
    first[factor.codes] = x
    return bool(np.array_equal(first[factor.codes], x))


__all__ = ["INTERCEPT", "Level", "Setup", "column_level", "is_constant", "prepare", "quoted",
           "with_intercepts"]  # fmt: skip
