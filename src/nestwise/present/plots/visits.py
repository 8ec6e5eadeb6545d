"""The visits of a fit: levels and times of the rows that were used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import OptionError
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.emmeans.values import column_numbers
from nestwise.inference.kinds import Fit
from nestwise.present.plots.columns import group_column
from nestwise.present.plots.labels import label_of


@dataclass(frozen=True, slots=True, eq=False)
class VisitAxis:
    """Visits of the used rows.

    Parameters
    ----------
    codes : (n,) int32
        Visit of each row.
    labels : tuple of str
        Of the visits, in order.
    name : str
        What the axis is called.
    """

    codes: IntArray
    labels: tuple[str, ...]
    name: str


def visit_axis(fit: Fit, data: Any, x: str | None) -> VisitAxis:
    """Visits from a column, or from the residual structure.

    Raises
    ------
    OptionError
        When no column is given and the fit has no residual structure with visits.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> visit_axis(m.fit, data, None).labels[:3]
    ('0', '1', '2')
    """
    if x is not None:
        groups = group_column(data, x)
        kept = fit.design.kept
        codes = groups.codes if kept is None else groups.codes[kept]
        return VisitAxis(codes, groups.labels, label_of(data, x, unit=False))
    part = fit.design.residual if isinstance(fit, StructuredFit) else None
    if part is None or part.subject is None:
        raise OptionError(
            "name the column of the visits, x='...': this fit has no structure by visit"
        )
    times = part.request.residual.times if part.request.residual is not None else ()
    return VisitAxis(part.visit, part.visit_labels, times[0][0] if times else "visit")


def times_of(fit: Fit, data: Any, x: str | None) -> tuple[FloatArray, str]:
    """Times (n,) or coordinates (n, d) of the used rows, and what distances in them are called.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.lmer("Reaction ~ Days + (1 | Subject)", data)
    >>> times_of(m.fit, data, "Days")[1]
    'Distance in Days'
    """
    if x is not None:
        return column_numbers(fit, data, x), f"Distance in {label_of(data, x)}"
    part = fit.design.residual if isinstance(fit, StructuredFit) else None
    if part is None or part.subject is None:
        raise OptionError(
            "name the column of the times, x='...': this fit has no residual structure"
        )
    if part.time is None:
        return part.visit.astype(np.float64), "Visits apart"
    times = part.request.residual.times if part.request.residual is not None else ()
    return part.time, f"Distance in {', '.join(label for label, _ in times)}" if times else "Lag"


__all__ = ["VisitAxis", "times_of", "visit_axis"]
