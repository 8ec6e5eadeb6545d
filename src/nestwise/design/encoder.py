"""What the training data taught: all that is needed to encode new data identically."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise._base.errors import DataError
from nestwise.formula.model import Formula
from nestwise.formula.parser import parse


@dataclass(frozen=True, slots=True, eq=False)
class GroupLevels:
    """Levels of one grouping factor, as in `GroupingFactor`."""

    name: str
    variables: tuple[str, ...]
    parts: tuple[AnyArray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """Frozen memory of a design.

    Parameters
    ----------
    formula : Formula
        The parsed formula.
    columns : tuple of str or None
        Columns that ``.`` may stand for; None when the formula has none.
    levels : mapping
        Column to (levels, ordered), for the columns that are factors.
    coded : mapping
        Variable label to the levels that occurred in the rows used, for factors.
    state : mapping
        Call label to what it learned: knots, means, coefficients, levels.
    contrasts : mapping
        Variable label to kind of contrasts, where asked for.
    kept : tuple of int
        Positions of the columns of X that were kept.
    names : tuple of str
        Names of all columns of X before any was dropped.
    groups : tuple of GroupLevels
        Levels of the grouping factors, in the order of ``Design.factors``.
    functions : mapping
        The caller's own functions; they are not saved.
    offset : str or None
        Column that was passed as ``offset=``.
    offset_by_row : bool
        Whether ``offset=`` was an array, so that new rows have none.
    response : str
        ``"number"``, or ``"proportion"`` for counts of successes.
    categories : (2,) ndarray of object or None
        Failure and success, for a response of two categories.
    """

    formula: Formula
    columns: tuple[str, ...] | None
    levels: Mapping[str, tuple[AnyArray, bool]]
    coded: Mapping[str, AnyArray]
    state: Mapping[str, Any]
    contrasts: Mapping[str, str]
    kept: tuple[int, ...]
    names: tuple[str, ...]
    groups: tuple[GroupLevels, ...]
    functions: Mapping[str, Callable[..., Any]]
    offset: str | None = None
    offset_by_row: bool = False
    response: str = "number"
    categories: AnyArray | None = None


def to_dict(encoder: Encoder) -> dict[str, Any]:
    """The encoder as plain lists, numbers and texts, fit for JSON.

    Examples
    --------
    >>> from nestwise.design import build
    >>> to_dict(build("y ~ x", {"y": [1.0, 2, 4], "x": [0.0, 1, 2]}).encoder)["names"]
    ['(Intercept)', 'x']
    """
    return {
        "formula": encoder.formula.text,
        "columns": None if encoder.columns is None else list(encoder.columns),
        "levels": {k: {"levels": v.tolist(), "ordered": o} for k, (v, o) in encoder.levels.items()},
        "coded": {k: v.tolist() for k, v in encoder.coded.items()},
        "state": dict(encoder.state),
        "contrasts": dict(encoder.contrasts),
        "kept": list(encoder.kept),
        "names": list(encoder.names),
        "groups": [
            {"name": g.name, "variables": list(g.variables), "parts": [_pack(p) for p in g.parts]}
            for g in encoder.groups
        ],
        "functions": sorted(encoder.functions),
        "offset": encoder.offset,
        "offset_by_row": encoder.offset_by_row,
        "response": encoder.response,
        "categories": None if encoder.categories is None else encoder.categories.tolist(),
    }


def from_dict(
    saved: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None
) -> Encoder:
    """An encoder from what `to_dict` gave.

    Parameters
    ----------
    saved : mapping
        Plain data.
    functions : mapping, optional
        The caller's own functions, which are not saved.

    Raises
    ------
    DataError
        When a function that the formula calls is not passed.
    """
    own = dict(functions or {})
    lacking = [name for name in saved["functions"] if name not in own]
    if lacking:
        raise DataError(f"the formula calls {', '.join(lacking)}; pass functions={{...}} with it")
    columns = None if saved["columns"] is None else tuple(saved["columns"])
    return Encoder(
        formula=parse(saved["formula"], columns, tuple(sorted(own))),
        columns=columns,
        levels={k: (_objects(v["levels"]), bool(v["ordered"])) for k, v in saved["levels"].items()},
        coded={k: _objects(v) for k, v in saved["coded"].items()},
        state=dict(saved["state"]),
        contrasts=dict(saved["contrasts"]),
        kept=tuple(saved["kept"]),
        names=tuple(saved["names"]),
        groups=tuple(
            GroupLevels(g["name"], tuple(g["variables"]), tuple(_unpack(p) for p in g["parts"]))
            for g in saved["groups"]
        ),
        functions=own,
        offset=saved["offset"],
        offset_by_row=bool(saved["offset_by_row"]),
        response=str(saved.get("response", "number")),
        categories=None if saved.get("categories") is None else _objects(saved["categories"]),
    )


def _pack(values: AnyArray) -> dict[str, Any]:
    return {"dtype": values.dtype.kind, "values": values.tolist()}


def _unpack(packed: Mapping[str, Any]) -> AnyArray:
    if packed["dtype"] == "O":
        return _objects(packed["values"])
    kinds = {"i": np.int64, "u": np.uint64, "f": np.float64, "b": np.bool_}
    return np.array(packed["values"], dtype=kinds[packed["dtype"]])


def _objects(values: list[str]) -> AnyArray:
    return np.array(values, dtype=object)
