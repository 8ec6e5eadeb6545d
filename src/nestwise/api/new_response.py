"""The caller's table after a refit: with the response that the model was refitted to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from nestwise._base.arrays import FloatArray
from nestwise.api.source import Source
from nestwise.design.model import Design


def with_response(source: Source, design: Design, y: FloatArray) -> Source:
    """The source of a refitted model, so that saving and updating it go on from its response.

    Parameters
    ----------
    source : Source
        Of the model before; its table is not changed.
    design : Design
        Of the model before.
    y : (n,) float64
        The new response on the used rows.

    Returns
    -------
    Source
        With a copy of the table in which the column of the response is new (missing in the rows
        that were not used). Where the response is no single column, such as ``log(y)``, the
        table stays and the source is marked as ``refitted``.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("y ~ x", {"y": [1.0, 2, 4, 3], "x": [1, 2, 3, 4]})
    >>> with_response(m.source, m.fit.design, np.array([4.0, 3, 1, 2])).data["y"].tolist()
    [4.0, 3.0, 1.0, 2.0]
    """
    name, kept = design.formula.response_label, design.kept
    values = np.array(y, dtype=np.float64)
    if kept is not None:
        values = np.full(kept.size, np.nan)
        values[kept] = y
    data = _replaced(source.data, name, values)
    if data is None:
        return dataclasses.replace(source, refitted=True)
    return dataclasses.replace(source, data=data)


def _replaced(data: Any, name: str, values: FloatArray) -> Any:
    """The table with one column anew; None when it has no such column."""
    if isinstance(data, Mapping):
        return {**data, name: values} if name in data else None
    if isinstance(data, pd.DataFrame):
        return data.assign(**{name: values}) if name in data.columns else None
    table = nw.from_native(data, eager_only=True)
    if name not in table.columns:
        return None
    column = nw.new_series(name, values.tolist(), backend=table.implementation)
    return table.with_columns(column).to_native()
