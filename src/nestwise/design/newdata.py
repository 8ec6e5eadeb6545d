"""Encode new data exactly as the training data were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.design.check import check_finite
from nestwise.design.coding import code_linear
from nestwise.design.encoder import Encoder, GroupLevels
from nestwise.design.evaluate import Context, evaluate_variable, recode
from nestwise.design.groups import code_levels
from nestwise.design.model import Design
from nestwise.design.random import bar_columns, term_order
from nestwise.design.response import read_response
from nestwise.design.table import Source, open_table
from nestwise.design.values import (
    Factor,
    Value,
    as_float,
    find_holes,
    labels_of,
    take_rows,
)
from nestwise.formula.model import Bar
from nestwise.formula.syntax import Expr, Name, columns_of


@dataclass(frozen=True, slots=True, eq=False)
class NewData:
    """New rows in the columns of a fitted design.

    Parameters
    ----------
    X : (m, p) float64
        Kept columns of the fixed effects, for the complete rows.
    Z : tuple of tuple of (m,) float64 or None
        Columns of each random term, as in `RandomTerm`.
    codes : tuple of (m,) int32
        For each grouping factor the training level of every row; -1 when it is missing or was
        not seen.
    offset : (m,) float64 or None
        Sum of the offsets.
    y : (m,) float64 or None
        The response, when it was asked for.
    kept : (n_data,) bool or None
        Which rows are complete in the fixed and random variables; None when all are.
    """

    X: FloatArray
    Z: tuple[tuple[FloatArray | None, ...], ...]
    codes: tuple[IntArray, ...]
    offset: FloatArray | None
    y: FloatArray | None
    kept: BoolArray | None


def encode_new(design: Design | Encoder, data: Any, *, need_response: bool = False) -> NewData:
    """Encode new rows by what the training data taught.

    Parameters
    ----------
    design : Design or Encoder
        Of the fit.
    data : table
        With the columns that the model uses; groups may be missing or unseen.
    need_response : bool
        Whether to evaluate the response, too.

    Returns
    -------
    NewData
        Arrays for the rows where all variables but the groups are present.

    Raises
    ------
    DataError
        For unknown columns, or a level of a fixed effect that the fit has not seen.

    Examples
    --------
    >>> from nestwise.design import build
    >>> data = {"y": [1.0, 2, 4, 3], "x": [1, 2, 3, 4], "g": list("aabb")}
    >>> design = build("y ~ x + (1 | g)", data)
    >>> new = encode_new(design, {"x": [5.0], "g": ["c"]})
    >>> new.X.tolist(), new.codes[0].tolist()
    ([[1.0, 5.0]], [-1])
    """
    encoder = design.encoder if isinstance(design, Design) else design
    if encoder.offset_by_row:
        raise DataError(
            "the fit had an offset given as an array, which new rows do not have; fit it with "
            "offset='column' or offset(column) in the formula"
        )
    source = open_table(data)
    formula = encoder.formula
    context = Context(source, dict(encoder.state), False, encoder.levels, encoder.functions)
    values: dict[str, Value] = {}
    for linear in (formula.fixed, *(bar.within for bar in formula.random)):
        wanted = {v for t in linear.terms for v in t.variables} | set(linear.offsets)
        for label, node in linear.variables:
            if label in wanted and label not in values:
                values[label] = evaluate_variable(label, node, context)
    if encoder.offset is not None:
        values["offset="] = evaluate_variable(encoder.offset, Name(encoder.offset), context)
    if need_response:
        values["response="] = evaluate_variable(formula.response_label, formula.response, context)
    values = {label: _as_trained(label, value, encoder) for label, value in values.items()}
    holes = {label: find_holes(value) for label, value in values.items()}
    masks = [found.missing for found in holes.values() if found.missing is not None]
    kept = ~np.logical_or.reduce(masks) if masks else None
    for label, found in holes.items():
        check_finite(label, found.infinite, kept)
    if kept is not None:
        values = {label: take_rows(value, kept) for label, value in values.items()}
    m = source.n if kept is None else int(kept.sum())
    return NewData(
        X=_matrix(encoder, values, m),
        Z=_random(encoder, values),
        codes=_all_codes(encoder, source, kept),
        offset=_offset(encoder, values),
        y=_response(encoder, values.get("response=")),
        kept=kept,
    )


def _as_trained(label: str, value: Value, encoder: Encoder) -> Value:
    """Factors by the levels that occurred in the rows of the fit."""
    if label not in encoder.coded or not isinstance(value, Factor):
        return value
    recoded = recode(label, value, encoder.coded[label], value.ordered)
    return replace(value, codes=recoded.codes, levels=recoded.levels)


def _response(encoder: Encoder, value: Value | None) -> FloatArray | None:
    if value is None:
        return None
    label = encoder.formula.response_label
    return read_response(label, value, encoder.response, encoder.categories).y


def _matrix(encoder: Encoder, values: dict[str, Value], m: int) -> FloatArray:
    coded = code_linear(encoder.formula.fixed, values, encoder.contrasts)
    matrix = np.empty((m, len(encoder.kept)), order="F")
    for k, j in enumerate(encoder.kept):
        numbers = coded[j].values
        matrix[:, k] = 1.0 if numbers is None else numbers
    return matrix


def _random(
    encoder: Encoder, values: dict[str, Value]
) -> tuple[tuple[FloatArray | None, ...], ...]:
    bars = encoder.formula.random
    sizes = {g.name: len(g.parts[0]) for g in encoder.groups}
    order = term_order([sizes[bar.name] for bar in bars])
    return tuple(
        tuple(
            None if c.values is None else np.asarray(c.values, dtype=np.float64)
            for c in bar_columns(bars[i], values, encoder.contrasts)
        )
        for i in order
    )


def _offset(encoder: Encoder, values: dict[str, Value]) -> FloatArray | None:
    labels = list(encoder.formula.fixed.offsets)
    if encoder.offset is not None:
        labels.append("offset=")
    if not labels:
        return None
    parts = [as_float(values[label], label) for label in labels]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _all_codes(encoder: Encoder, source: Source, kept: BoolArray | None) -> tuple[IntArray, ...]:
    bars: dict[str, Bar] = {bar.name: bar for bar in encoder.formula.random}
    found = []
    for group in encoder.groups:
        codes = group_codes(group, bars[group.name].groups, source, encoder)
        found.append(codes if kept is None else codes[kept])
    return tuple(found)


def group_codes(
    group: GroupLevels, nodes: tuple[tuple[str, Expr], ...], source: Source, encoder: Encoder
) -> IntArray:
    """Training level of every row; a table without the group's columns has none."""
    if any(name not in source.columns for name in columns_of(*(node for _, node in nodes))):
        return np.full(source.n, -1, dtype=np.int32)
    rows = np.zeros(source.n, dtype=np.int64)
    keys = np.zeros(len(group.parts[0]), dtype=np.int64)
    unseen = np.zeros(source.n, dtype=np.bool_)
    for (label, node), part in zip(nodes, group.parts, strict=True):
        context = Context(source, {}, functions=encoder.functions)
        value = evaluate_variable(label, node, context)
        training, distinct = pd.factorize(part)
        new = _match(value, np.asarray(distinct), label)
        unseen |= new < 0
        rows = rows * len(distinct) + new
        keys = keys * len(distinct) + training
    order = np.argsort(keys)
    place = np.searchsorted(keys, rows, sorter=order).clip(0, len(keys) - 1)
    codes = order[place]
    return np.where(unseen | (keys[codes] != rows), -1, codes).astype(np.int32)


def _match(value: Value, distinct: AnyArray, label: str) -> AnyArray:
    """Position of each row's value among the distinct training values, -1 when it is not one."""
    missing = find_holes(value).missing
    present = value if missing is None else take_rows(value, ~missing)
    codes, levels = code_levels(present, label)
    if levels.dtype.kind in "iuf" and distinct.dtype.kind in "iuf":
        lookup = _indexer(distinct.astype(np.float64), levels.astype(np.float64))
    else:
        lookup = _indexer(labels_of(distinct), labels_of(levels))
    found = lookup[codes]
    if missing is None:
        return found
    everything = np.full(missing.size, -1, dtype=np.int64)
    everything[~missing] = found
    return everything


def _indexer(known: AnyArray, wanted: AnyArray) -> AnyArray:
    """Position of each wanted value among the known ones, -1 where it is none of them."""
    return np.asarray(pd.Index(known).get_indexer(pd.Index(wanted)), dtype=np.int64)
