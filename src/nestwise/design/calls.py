"""How each allowed function of a formula treats its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import DataError
from nestwise.design import functions as fn
from nestwise.design.centering import learn_means, means_at_rows
from nestwise.design.contrasts import NUMBERED, contrast_name
from nestwise.design.cuts import cut_breaks, cut_labels
from nestwise.design.values import (
    Factor,
    Logical,
    Numeric,
    Scalar,
    Value,
    as_factor,
    as_float,
    labels_of,
)
from nestwise.formula.deparse import deparse
from nestwise.formula.grammar import parse_expression
from nestwise.formula.syntax import Call, Name

Learned = Callable[[str, Callable[[], Any]], Any]
Argument = Value | Scalar
Handler = Callable[..., Argument]


def _numbers(values: FloatArray) -> Argument:
    return float(values) if values.ndim == 0 else Numeric(values)


def _identity(label: str, learned: Learned, x: Argument) -> Argument:
    return x


def _elementwise(name: str) -> Handler:
    def apply(label: str, learned: Learned, x: Argument) -> Argument:
        return _numbers(fn.ELEMENTWISE[name](as_float(x, label)))

    return apply


def _log(label: str, learned: Learned, x: Argument, base: Argument = None) -> Argument:
    values = np.log(as_float(x, label))
    return _numbers(values if base is None else values / np.log(as_float(base, label)))


def _round(label: str, learned: Learned, x: Argument, digits: Argument = 0.0) -> Argument:
    return _numbers(fn.round_half_even(as_float(x, label), _whole(digits, label)))


def _whole(value: Argument, label: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise DataError(f"{label}: a whole number is needed, got {value!r}")


def _vector(x: Argument, label: str) -> FloatArray:
    values = as_float(x, label)
    if values.ndim != 1:
        raise DataError(f"{label} needs one column of numbers")
    if np.isinf(values).any():
        raise DataError(
            f"{label}: its argument is infinite in row {int(np.isinf(values).argmax())}"
        )
    return values


def _poly(
    label: str,
    learned: Learned,
    x: Argument,
    degree: Argument = 1.0,
    raw: Argument = False,
    simple: Argument = False,
) -> Argument:
    values, k = _vector(x, label), _whole(degree, label)
    suffixes = tuple(str(i) for i in range(1, k + 1))
    if raw:
        return Numeric(values[:, None] ** np.arange(1, k + 1), suffixes)
    state = learned(label, lambda: fn.learn_poly(values, k))
    return Numeric(fn.apply_poly(values, state), suffixes)


def _spline(natural: bool) -> Handler:
    def apply(
        label: str,
        learned: Learned,
        x: Argument,
        df: Argument = None,
        knots: Argument = None,
        degree: Argument = 3.0,
        intercept: Argument = False,
        **more: Argument,
    ) -> Argument:
        boundary = more.pop("Boundary.knots", None)
        if more or (natural and degree != 3.0):
            raise DataError(f"{label}: its arguments are x, df, knots, intercept, Boundary.knots")
        values = _vector(x, label)
        state = learned(
            label,
            lambda: fn.learn_spline(
                values,
                natural=natural,
                df=None if df is None else _whole(df, label),
                knots=_several(knots, label),
                degree=_whole(degree, label),
                intercept=bool(intercept),
                boundary=_several(boundary, label),
            ),
        )
        basis = fn.apply_spline(values, state)
        return Numeric(basis, tuple(str(i + 1) for i in range(basis.shape[1])))

    return apply


def _natural(
    label: str,
    learned: Learned,
    x: Argument,
    df: Argument = None,
    knots: Argument = None,
    intercept: Argument = False,
    **more: Argument,
) -> Argument:
    return _spline(True)(label, learned, x, df, knots, 3.0, intercept, **more)


def _several(values: Argument, label: str) -> tuple[float, ...] | None:
    if values is None:
        return None
    items = values if isinstance(values, tuple) else (values,)
    if all(isinstance(v, float) for v in items):
        return tuple(float(v) for v in items)  # type: ignore[arg-type]
    raise DataError(f"{label}: knots must be numbers")


def _scale(
    label: str, learned: Learned, x: Argument, center: Argument = True, scale: Argument = True
) -> Argument:
    values = _vector(x, label)
    state = learned(label, lambda: fn.learn_scale(values, center, scale))
    return Numeric(fn.apply_scale(values, state))


def _center(
    label: str, learned: Learned, x: Argument, by: Argument = None, unit: Argument = None
) -> Argument:
    if by is None and unit is None:
        return _scale(label, learned, x, True, False)
    return Numeric(_vector(x, label) - _means(label, learned, x, by, unit))


def _group_mean(
    label: str, learned: Learned, x: Argument, by: Argument, unit: Argument = None
) -> Argument:
    return Numeric(_means(label, learned, x, by, unit))


def _means(label: str, learned: Learned, x: Argument, by: Argument, unit: Argument) -> FloatArray:
    """Mean of the group of each row, as learned in training."""
    values = _vector(x, label)
    group, once = (None if v is None else as_factor(_as_value(v, label)) for v in (by, unit))
    state = learned(label, lambda: learn_means(values, group, once))
    return means_at_rows(label, group, values.size, state)


def _as_value(x: Argument, label: str) -> Value:
    if isinstance(x, (Numeric, Factor, Logical)):
        return x
    raise DataError(f"{label} needs a column, got {x!r}")


def _texts(values: Argument, label: str) -> list[str]:
    items = values if isinstance(values, tuple) else (values,)
    return [v if isinstance(v, str) else str(labels_of(np.array([v]))[0]) for v in items]


def _factor(
    label: str,
    learned: Learned,
    x: Argument,
    levels: Argument = None,
    labels: Argument = None,
    ordered: Argument = None,
) -> Argument:
    value = as_factor(_as_value(x, label))
    keeps_order = value.ordered if ordered is None else bool(ordered)
    wanted = learned(label, lambda: _present(value) if levels is None else _texts(levels, label))
    position = {text: i for i, text in enumerate(wanted)}
    lookup = np.array([position.get(v, -1) for v in value.levels] + [-1], dtype=np.int32)
    if levels is None:
        _refuse_unseen(label, value, position)
    names = wanted if labels is None else _texts(labels, label)
    if len(names) != len(wanted):
        raise DataError(f"{label}: {len(names)} labels for {len(wanted)} levels")
    return Factor(lookup[value.codes], np.array(names, dtype=object), keeps_order, value.contrast)


def _present(value: Factor) -> list[str]:
    used = np.unique(value.codes[value.codes >= 0])
    return [str(v) for v in value.levels[used]]


def _refuse_unseen(label: str, value: Factor, position: dict[str, int]) -> None:
    unseen = [v for v in _present(value) if v not in position]
    if unseen:
        shown = ", ".join(repr(v) for v in unseen[:6])
        raise DataError(f"{label} has levels that the fit has not seen: {shown}")


def _ordered(
    label: str, learned: Learned, x: Argument, levels: Argument = None, labels: Argument = None
) -> Argument:
    return _factor(label, learned, x, levels, labels, True)


def _contrasts(label: str, learned: Learned, x: Argument, contr: Argument = None) -> Argument:
    value = _as_value(x, label)
    if isinstance(value, Factor):
        factor = value
    else:
        plain = as_factor(value)
        wanted = learned(label, lambda: _present(plain))
        position = {text: i for i, text in enumerate(wanted)}
        _refuse_unseen(label, plain, position)
        lookup = np.array([position.get(v, -1) for v in plain.levels] + [-1], dtype=np.int32)
        factor = Factor(lookup[plain.codes], np.array(wanted, dtype=object))
    kind = factor.contrast
    if contr is not None:
        kind = NUMBERED if contr == NUMBERED else contrast_name(contr)
    return Factor(factor.codes, factor.levels, factor.ordered, kind)


def _relevel(label: str, learned: Learned, x: Argument, ref: Argument) -> Argument:
    value = as_factor(_as_value(x, label))
    first = _texts(ref, label)[0]
    place = np.flatnonzero(value.levels == first)
    if not place.size:
        known = ", ".join(repr(str(v)) for v in value.levels[:8])
        raise DataError(f"{label}: {first!r} is no level; levels are {known}")
    order = np.concatenate([place, np.delete(np.arange(len(value.levels)), place)])
    lookup = np.append(np.argsort(order), -1).astype(np.int32)
    return Factor(lookup[value.codes], value.levels[order], value.ordered, value.contrast)


def _as_numeric(label: str, learned: Learned, x: Argument) -> Argument:
    if isinstance(x, Factor):
        numbers = np.where(x.codes < 0, np.nan, x.codes + 1.0)
        return Numeric(numbers)
    return _numbers(as_float(x, label))


def _ifelse(label: str, learned: Learned, test: Argument, yes: Argument, no: Argument) -> Argument:
    if not isinstance(test, Logical):
        raise DataError(f"{label}: its first argument must be a comparison")
    if isinstance(yes, str) and isinstance(no, str):
        names = sorted({yes, no})
        codes = np.where(test.values, names.index(yes), names.index(no)).astype(np.int32)
        codes = codes if test.missing is None else np.where(test.missing, -1, codes)
        return Factor(codes.astype(np.int32), np.array(names, dtype=object))
    numbers = np.where(test.values, as_float(yes, label), as_float(no, label))
    return Numeric(numbers if test.missing is None else np.where(test.missing, np.nan, numbers))


def _extreme(pick: Callable[[AnyArray, AnyArray], AnyArray]) -> Handler:
    def apply(label: str, learned: Learned, *items: Argument) -> Argument:
        if not items:
            raise DataError(f"{label}: it needs an argument")
        result = as_float(items[0], label)
        for item in items[1:]:
            result = pick(result, as_float(item, label))
        return _numbers(result)

    return apply


def _cbind(label: str, learned: Learned, *items: Argument, **named: Argument) -> Argument:
    """Columns side by side; their names come from the labels of the arguments."""
    both = [*items, *named.values()]
    names = [*_inside(label)[: len(items)], *named]
    return Numeric(np.column_stack([as_float(v, label) for v in both]), tuple(names))


def _inside(label: str) -> list[str]:
    tree = parse_expression(label)
    assert isinstance(tree, Call)
    return [deparse(a) if isinstance(a, Name) else "" for a in tree.args]


def _combine(label: str, learned: Learned, *items: Argument) -> Argument:
    if all(isinstance(i, (float, str, bool)) for i in items):
        return tuple(items)  # type: ignore[arg-type]
    raise DataError(f"{label}: c(...) takes numbers or texts")


def _cut(
    label: str,
    learned: Learned,
    x: Argument,
    breaks: Argument,
    labels: Argument = None,
    right: Argument = True,
    **more: Argument,
) -> Argument:
    lowest = bool(more.pop("include.lowest", False))
    if more:
        raise DataError(f"{label}: its arguments are x, breaks, labels, include.lowest, right")
    values = _vector(x, label)
    points = _several(breaks, label) or ()
    edges = np.array(learned(label, lambda: cut_breaks(values, points)))
    codes = np.searchsorted(edges, values, side="left" if right else "right") - 1
    outer, inner = (edges[0], 0) if right else (edges[-1], len(edges) - 2)
    codes = np.where((values == outer) & lowest, inner, codes)
    outside = np.isnan(values) | (codes < 0) | (codes > len(edges) - 2)
    names = cut_labels(edges, bool(right), lowest) if labels is None else _texts(labels, label)
    return Factor(np.where(outside, -1, codes).astype(np.int32), np.array(names, dtype=object))


HANDLERS: dict[str, Handler] = {
    "I": _identity,
    "offset": _identity,
    "log": _log,
    "round": _round,
    "poly": _poly,
    "ns": _natural,
    "bs": _spline(False),
    "scale": _scale,
    "center": _center,
    "group_mean": _group_mean,
    "factor": _factor,
    "as.factor": _factor,
    "ordered": _ordered,
    "as.numeric": _as_numeric,
    "C": _contrasts,
    "relevel": _relevel,
    "cbind": _cbind,
    "ifelse": _ifelse,
    "pmin": _extreme(np.minimum),
    "pmax": _extreme(np.maximum),
    "cut": _cut,
    "c": _combine,
    **{name: _elementwise(name) for name in fn.ELEMENTWISE},
}
"""Allowed function to the code that evaluates it."""
