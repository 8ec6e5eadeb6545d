"""A table of texts as R prints a matrix: row names, padded columns, wrapped at the page width."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 80
"""Characters a line, R's ``options(width = 80)``."""


def matrix_lines(
    rows: Sequence[str],
    columns: Sequence[tuple[str, Sequence[str]]],
    width: int = WIDTH,
    left: Sequence[str] = (),
) -> list[str]:
    """Lay out a table; columns that do not fit on the page follow in further blocks.

    Parameters
    ----------
    rows : sequence of str
        Row names, left justified.
    columns : sequence of (str, sequence of str)
        Header and cells of each column.
    width : int
        Page width in characters.
    left : sequence of str
        Headers of the columns that are left justified.

    Returns
    -------
    list of str

    Examples
    --------
    >>> print(*matrix_lines(["a", "bb"], [("x", ["1.5", "10.0"])]), sep="\\n")
          x
    a   1.5
    bb 10.0
    """
    stub = max((len(r) for r in rows), default=0)
    padded = [_pad(header, cells, header in left) for header, cells in columns]
    lines: list[str] = []
    for block in _blocks([len(column[0]) for column in padded], width - stub):
        for i, name in enumerate(["", *rows]):
            lines.append(" ".join([name.ljust(stub), *(padded[j][i] for j in block)]))
    return lines


def _pad(header: str, cells: Sequence[str], left: bool) -> list[str]:
    texts = [header, *cells]
    size = max(len(t) for t in texts)
    return [t.ljust(size) if left else t.rjust(size) for t in texts]


def _blocks(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Group columns so that each, with a blank before it, leaves the last place of a line free."""
    blocks: list[list[int]] = [[]]
    used = 0
    for j, size in enumerate(sizes):
        if blocks[-1] and used + size + 1 >= room:
            blocks.append([])
            used = 0
        blocks[-1].append(j)
        used += size + 1
    return blocks


def named_values(names: Sequence[str], texts: Sequence[str], width: int = WIDTH) -> list[str]:
    """Values under their names, as R prints a named vector: equal columns, a blank after each.

    Examples
    --------
    >>> print(*(line + "|" for line in named_values(["Min", "Max"], ["-1.25", "2.50"])), sep="\\n")
      Min   Max |
    -1.25  2.50 |
    """
    size = max(len(t) for t in [*names, *texts])
    per_line = max(1, width // (size + 1))
    lines = []
    for start in range(0, len(names), per_line):
        for part in (names, texts):
            chosen = part[start : start + per_line]
            lines.append("".join(t.rjust(size) + " " for t in chosen))
    return lines


__all__ = ["WIDTH", "matrix_lines", "named_values"]
