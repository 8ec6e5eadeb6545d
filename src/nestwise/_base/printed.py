"""How results that print as text are shown in a notebook, and small tables of text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def printed_html(result: object) -> str:
    """What a notebook shows of a result that prints as a page of text.

    A class takes it as a method: ``_repr_html_ = printed_html``.

    Examples
    --------
    >>> printed_html("p < 0.05")
    '<pre class="nestwise">p &lt; 0.05</pre>'
    """
    return f'<pre class="nestwise">{escape(str(result))}</pre>'


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right.

    Examples
    --------
    >>> aligned(["", "p"], [["Days", "0.010"], ["x", "1"]])
    ['          p', 'Days  0.010', 'x         1']
    """
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


__all__ = ["aligned", "printed_html"]
