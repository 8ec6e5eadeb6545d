"""What R's summaries do not say: dropped rows, and the diagnostics of a fit in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from nestwise._base.diagnostic import Diagnostic
from nestwise.design.model import Design
from nestwise.present.matrixtext import WIDTH


def note_lines(
    design: Design,
    diagnostics: Sequence[Diagnostic],
    extra: Sequence[str],
    weighted: bool = True,
) -> list[str]:
    """Remarks below a summary: rows that were left out, weights, offset, diagnostics.

    Parameters
    ----------
    design : Design
        The arrays that were fitted.
    diagnostics : sequence of Diagnostic
        What the fit has to say.
    extra : sequence of str
        Further remarks.
    weighted : bool
        Whether weights scale a residual variance, so that they are worth a remark.

    Returns
    -------
    list of str
        Empty when there is nothing to say; else it begins with an empty line.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> design = SimpleNamespace(n_dropped=2, y=[0] * 10, weights=None)
    >>> note_lines(design, [], [])
    ['', 'Rows dropped because of missing values: 2 of 12']
    """
    lines = []
    if design.n_dropped:
        total = design.n_dropped + len(design.y)
        lines.append(f"Rows dropped because of missing values: {design.n_dropped} of {total}")
    if design.weights is not None and weighted:
        lines.append("Rows are weighted: the residual variance is that of a row of weight 1.")
    lines += extra
    if diagnostics:
        lines.append("Diagnostics:")
    for remark in diagnostics:
        lines += textwrap.wrap(
            f"{remark.code}: {remark.message} {remark.advice}".rstrip(),
            WIDTH,
            initial_indent="- ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return ["", *lines] if lines else []


__all__ = ["note_lines"]
