"""Centring: where zero is decides what an intercept means."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise.design.centering import mean_by_code, mean_over_units
from nestwise.design.table import open_table, require_columns
from nestwise.workflow.frames import Groups, as_names, group_rows, native_frame, numbers

_METHODS = ("grand", "group", "group_mean")


def center(
    data: Any,
    columns: str | Sequence[str],
    by: str | Sequence[str] | None = None,
    *,
    method: str | None = None,
    unit: str | Sequence[str] | None = None,
) -> Any:
    """Centre columns at their mean or at the mean of each group, or give the group's mean.

    Parameters
    ----------
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    columns : str or sequence of str
        Numeric columns.
    by : str or sequence of str, optional
        Grouping columns; needed by the last two methods.
    method : {"grand", "group", "group_mean"}, optional
        ``"grand"`` without `by`, else ``"group"``, as ``center(x, by = g)`` means in a formula.
        ``"grand"``: value minus the mean of all rows; ``"group"``: value minus the mean of its
        group, what varies within groups; ``"group_mean"``: the mean of the group itself, what
        varies between them (centre it in turn with ``"grand"``).
    unit : str or sequence of str, optional
        Columns of the units that count once each in a mean, whatever their number of rows: with
        ``unit="classroom"`` a grand mean is that of the classrooms' means. Rows count by default.

    Returns
    -------
    column or table
        For one name a column of the caller's kind, for several a table, in the same units and
        row order. Missing values do not enter a mean and stay missing, except that
        ``"group_mean"`` is known for every row whose group is.

    Raises
    ------
    DataError
        When a column is not there or not numeric.
    OptionError
        When the method is not known, or needs `by`.

    Warns
    -----
    UserWarning
        When ``method="grand"``, which has no groups, is given with `by`.

    Notes
    -----
    Inside a formula stand ``center(ses)``, ``center(ses, by = classroom)`` and ``group_mean(ses,
    classroom)``, all with an optional ``unit``; groups of several columns are written
    ``school:classroom``. There new data are centred at the means of the data that were fitted, and
    a group that these did not have is an error.

    With three levels: ``center(data, "ses", by=["school", "classroom"], method="group")`` is what
    varies within classrooms; the classroom means centred by school (``unit`` the classroom) are
    what varies between the classrooms of a school; the school means are the rest.

    Source
    ------
    Enders & Tofighi (2007), Psychological Methods 12, 121-138.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("hlm_tutorial")
    >>> nw.center(data, "ses", by="classroom_id", method="group").head(2).round(2).tolist()
    [-7.65, -4.79]
    """
    method = _method(method, by)
    source = open_table(data)
    names = as_names(columns)
    require_columns(source, names)
    groups = group_rows(source, () if by is None or method == "grand" else as_names(by))
    units = None if unit is None else group_rows(source, as_names(unit))
    values = {
        name: center_values(numbers(source, name, "center"), groups, method=method, units=units)
        for name in names
    }
    frame = native_frame(source)
    answer = nw.from_dict(values, backend=frame.implementation).to_native()
    if source.backend == "pandas":
        answer = answer.set_axis(source.data.index, axis=0)
    if not isinstance(columns, str):
        return answer
    return nw.from_native(answer, eager_only=True)[columns].to_native()


def _method(method: str | None, by: object) -> str:
    """The method that is meant, checked against the groups that are given."""
    if method is None:
        return "grand" if by is None else "group"
    one_of("method", method, _METHODS)
    if method != "grand" and by is None:
        raise OptionError(f"method={method!r} needs groups; give by=, the grouping column")
    if method == "grand" and by is not None:
        warnings.warn(
            f"method='grand' takes the mean of all rows, whatever by={by!r} is: leave by= out, or "
            "use method='group' to centre within groups",
            stacklevel=3,
        )
    return method


def center_values(
    x: FloatArray, groups: Groups, *, method: str, units: Groups | None = None
) -> FloatArray:
    """One column centred, or its group means.

    Parameters
    ----------
    x : (n,) float64
        Values, NaN where missing.
    groups : Groups
        Group of each row; one group for ``"grand"``.
    method : str
        As for `center`.
    units : Groups, optional
        Units that count once each.

    Returns
    -------
    (n,) float64

    Examples
    --------
    >>> groups = Groups(np.array([0, 0, 1], np.int32), 2, np.array([0, 2]))
    >>> center_values(np.array([1.0, 3.0, 5.0]), groups, method="group").tolist()
    [-1.0, 1.0, 0.0]
    """
    if units is None:
        mean = mean_by_code(x, groups.codes, groups.n_groups)
    else:
        mean = mean_over_units(x, groups.codes, groups.n_groups, units.codes)
    at_row = np.append(mean, np.nan)[groups.codes]
    return at_row if method == "group_mean" else x - at_row
