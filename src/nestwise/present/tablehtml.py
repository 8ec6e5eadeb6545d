"""Column tables as HTML for notebooks: captions, header cells, remarks as a list."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise._base.table import Table
from nestwise.present.html import html_table
from nestwise.present.rformat import format_numbers

MOST = 60
"""Rows of a table that are shown."""


def page_html(title: str, tables: Sequence[tuple[str, Table]], remarks: Sequence[str]) -> str:
    """A title, tables with captions, and remarks below.

    Parameters
    ----------
    title : str
        In words.
    tables : sequence of (str, Table)
        Caption and table; long ones are cut, and say so.
    remarks : sequence of str
        Sentences.

    Returns
    -------
    str

    Examples
    --------
    >>> table = Table({"term": np.array(["a < b"], dtype=object), "n": np.array([1])})
    >>> "<caption>Counts</caption>" in page_html("Title", [("Counts", table)], ["Done."])
    True
    """
    parts = [f"<p><strong>{escape(title)}</strong></p>"]
    for caption, table in tables:
        if not len(table):
            continue
        columns = [(name, _cells(table[name][:MOST])) for name in table]
        parts.append(html_table(caption, columns[0][1], columns[1:]))
        if len(table) > MOST:
            parts.append(f"<p>... and {len(table) - MOST} more rows</p>")
    if remarks:
        items = "".join(f"<li>{escape(text)}</li>" for text in remarks)
        parts.append(f"<ul>{items}</ul>")
    return f'<div class="nestwise">{"".join(parts)}</div>'


def _cells(values: AnyArray) -> list[str]:
    if np.issubdtype(values.dtype, np.floating):
        return format_numbers([None if np.isnan(v) else float(v) for v in values], 4)
    return ["" if v is None else str(v) for v in values]


__all__ = ["page_html"]
