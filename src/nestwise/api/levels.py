"""The levels of the caller's data, in the caller's kind of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from nestwise._base.diagnostic import Diagnostic
from nestwise.api.source import to_native
from nestwise.workflow.levels import LevelTables, level_tables


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Levels:
    """What `describe_levels` found; prints as a page of text.

    Parameters
    ----------
    found : LevelTables
        The tables.
    data : table
        The caller's data.
    """

    found: LevelTables
    data: Any

    @property
    def sizes(self) -> Any:
        """``level n_groups counted min mean median max cv balanced rows_without``."""
        return to_native(self.found.sizes, self.data)

    @property
    def groups(self) -> Any:
        """``level group n``: every group and its rows."""
        return to_native(self.found.groups, self.data)

    @property
    def variables(self) -> Any:
        """``variable kind varies_at n_distinct n_missing share_missing``."""
        return to_native(self.found.variables, self.data)

    @property
    def missing(self) -> Any:
        """``variable level n_complete n_partly_missing n_wholly_missing``."""
        return to_native(self.found.missing, self.data)

    @property
    def relations(self) -> Any:
        """``inner outer relation n_inner n_outer n_combinations``."""
        return to_native(self.found.relations, self.data)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What must be known before a model is written, such as implicit nesting."""
        return self.found.diagnostics

    def __str__(self) -> str:
        from nestwise.present.leveltext import levels_text

        f = self.found
        tables = (f.sizes, f.variables, f.missing, f.relations)
        return levels_text(f.n_rows, *tables, f.diagnostics)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from nestwise.present.tablehtml import page_html

        f = self.found
        tables = [("Sizes", f.sizes), ("Variables", f.variables), ("Missing values", f.missing)]
        tables += [("How the groups lie to each other", f.relations)]
        return page_html(f"Levels of {f.n_rows} rows", tables, [str(d) for d in f.diagnostics])


def describe_levels(
    data: Any, groups: str | Sequence[str], *, columns: str | Sequence[str] | None = None
) -> Levels:
    """Which levels the data have, what varies at each, and what is missing where.

    Parameters
    ----------
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    groups : str or sequence of str
        Grouping columns from the outermost to the innermost. ``"school:room"`` is the combination
        of two, ``"school/room"`` stands for the school and that combination.
    columns : str or sequence of str, optional
        Variables to look at; all other columns by default.

    Returns
    -------
    Levels
        Tables `sizes` (groups of each level, rows and inner groups in each, whether balanced),
        `groups` (each group's rows), `variables` (the level at which each varies: a variable that
        is constant within classes belongs to the class), `missing` (groups that miss a variable
        wholly or in part), `relations` (nested, crossed, implicitly nested), and `diagnostics`.

    Raises
    ------
    DataError
        When a column is not there, or a grouping column is empty.

    Examples
    --------
    >>> import nestwise as nw
    >>> found = nw.describe_levels(nw.load_dataset("hlm_tutorial"), "classroom_id")
    >>> found.variables.set_index("variable")["varies_at"].to_dict()
    {'math_score': 'rows', 'intervention': 'classroom_id', 'student_id': 'rows', 'ses': 'rows'}
    >>> bool(found.sizes.loc[0, "balanced"])
    True
    """
    return Levels(level_tables(data, groups, columns), data)


__all__ = ["Levels", "describe_levels"]
