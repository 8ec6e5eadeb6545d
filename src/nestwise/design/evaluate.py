"""Evaluate the checked tree of one variable: a closed set of nodes, no Python is ever run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise._base.errors import DataError, FormulaError, NestwiseError
from nestwise.design.calls import HANDLERS
from nestwise.design.centering import interaction
from nestwise.design.contrasts import NUMBERED
from nestwise.design.table import Source, open_table, read_column
from nestwise.design.values import (
    Factor,
    Logical,
    Numeric,
    Scalar,
    Value,
    as_factor,
    as_float,
    labels_of,
    value_of_column,
)
from nestwise.formula.deparse import deparse
from nestwise.formula.syntax import Binary, Call, Constant, Expr, Name, Number, Paren, String, Unary

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, ">": np.greater, "<=": np.less_equal,
    ">=": np.greater_equal,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power,
    "%%": np.mod, "%/%": np.floor_divide,
}  # fmt: skip
_CONSTANTS: dict[str, Scalar] = {"TRUE": True, "FALSE": False, "NULL": None, "pi": float(np.pi)}


@dataclass(frozen=True, slots=True)
class Context:
    """What evaluation needs to know.

    Parameters
    ----------
    source : Source
        The table.
    state : dict
        What stateful calls learned, by label; filled while `learning`.
    learning : bool
        Training (learn and store) or new data (only look up).
    levels : mapping
        Levels of factor columns that training saw; new data are coded by them.
    functions : mapping
        The caller's own functions.
    columns : dict
        Values of the columns read so far.
    """

    source: Source
    state: dict[str, Any]
    learning: bool = True
    levels: Mapping[str, tuple[AnyArray, bool]] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    columns: dict[str, Value] = field(default_factory=dict)

    def learned(self, label: str, learn: Callable[[], Any]) -> Any:
        """What the call with this label learned; learn it now when training."""
        if label not in self.state:
            if not self.learning:
                raise DataError(f"the encoder does not know {label}")
            self.state[label] = learn()
        return self.state[label]


def evaluate(node: Expr, context: Context) -> Value | Scalar:
    """The value of an expression for every row of the table.

    Raises
    ------
    DataError, FormulaError
        When a column is unknown or a function cannot take its arguments.
    """
    match node:
        case Name(id=name):
            return _column(name, context)
        case Number(value=number):
            return number
        case String(value=text):
            return text
        case Constant(id=name):
            return _CONSTANTS[name]
        case Paren(inner=inner):
            return evaluate(inner, context)
        case Unary(op=op, operand=operand):
            return _unary(op, evaluate(operand, context), node)
        case Binary(op=op, left=left, right=right):
            return _binary(op, evaluate(left, context), evaluate(right, context), node)
        case _:
            return _call(node, context)


def evaluate_variable(label: str, node: Expr, context: Context) -> Value:
    """As `evaluate`, but the result must be a value for every row."""
    value = evaluate(node, context)
    scalar = isinstance(value, Logical) and value.values.ndim == 0
    if scalar or not isinstance(value, (Numeric, Factor, Logical)):
        raise FormulaError(f"'{label}' has no value for every row; name a column in it")
    if isinstance(value, Logical) and value.values.ndim != 1:
        raise FormulaError(f"'{label}' has several columns of truth values; it must have one")
    return value


def _column(name: str, context: Context) -> Value:
    found = context.columns.get(name)
    if found is None:
        found = value_of_column(read_column(context.source, name))
        if name in context.levels:
            found = recode(name, found, *context.levels[name])
        context.columns[name] = found
    return found


def recode(name: str, value: Value, levels: AnyArray, ordered: bool) -> Factor:
    """Code new data by the levels of the training data.

    Raises
    ------
    DataError
        Naming levels that training has not seen.
    """
    factor = as_factor(value)
    codes, present = factor.codes, factor.levels
    position = {level: i for i, level in enumerate(levels)}
    used = np.unique(codes[codes >= 0])
    unseen = [str(present[i]) for i in used if present[i] not in position]
    if unseen:
        shown = ", ".join(repr(u) for u in unseen[:6]) + (", ..." if len(unseen) > 6 else "")
        known = ", ".join(repr(str(v)) for v in levels[:8]) + (", ..." if len(levels) > 8 else "")
        raise DataError(
            f"column '{name}' has levels that the fit has not seen: {shown}; it knows {known}"
        )
    lookup = np.array([position.get(v, -1) for v in present] + [-1], dtype=np.int32)
    return Factor(lookup[codes], levels, ordered, dates=factor.dates)


def _unary(op: str, value: Value | Scalar, node: Unary) -> Value | Scalar:
    if op == "!":
        truth = _truth(value, deparse(node))
        return Logical(~truth.values, truth.missing)
    number = as_float(value, f"'{deparse(node)}'")
    number = -number if op == "-" else number
    return float(number) if number.ndim == 0 else Numeric(number)


def _truth(value: Value | Scalar, what: str) -> Logical:
    if isinstance(value, Logical):
        return value
    numbers = as_float(value, what)
    missing = np.isnan(numbers)
    return Logical(np.where(missing, False, numbers != 0), missing if missing.any() else None)


def _binary(op: str, left: Value | Scalar, right: Value | Scalar, node: Binary) -> Value | Scalar:
    if op in _COMPARISONS:
        return _compare(op, left, right, node)
    what = _told(left, right, node)
    if op in ("&", "|"):
        a, b = _truth(left, what), _truth(right, what)
        _check_shapes(a.values, b.values, node)
        joined = a.values & b.values if op == "&" else a.values | b.values
        return Logical(joined, _either(a.missing, b.missing))
    if op == ":" and _is_column(left) and _is_column(right):
        return interaction(as_factor(left), as_factor(right))
    if op not in _ARITHMETIC:
        raise FormulaError(
            f"the operator '{op}' cannot be evaluated in '{deparse(node)}'; use I() or a term"
        )
    a_, b_ = as_float(left, what), as_float(right, what)
    _check_shapes(a_, b_, node)
    with np.errstate(all="ignore"):
        result = _ARITHMETIC[op](a_, b_)
    suffixes = next(
        (v.suffixes for v in (left, right) if isinstance(v, Numeric) and v.suffixes), None
    )
    return float(result) if np.ndim(result) == 0 else Numeric(result, suffixes)


def _is_column(value: Value | Scalar) -> TypeGuard[Value]:
    return isinstance(value, (Numeric, Factor, Logical))


def _told(left: Value | Scalar, right: Value | Scalar, node: Expr) -> str:
    """What errors call the operation; none is told of the kind of two numbers."""
    numbers = isinstance(left, (Numeric, float)) and isinstance(right, (Numeric, float))
    return "" if numbers else f"'{deparse(node)}'"


def _check_shapes(a: AnyArray, b: AnyArray, node: Expr) -> None:
    if a.ndim and b.ndim and a.shape != b.shape:
        raise DataError(f"'{deparse(node)}': the two sides have different numbers of columns")


def _either(a: AnyArray | None, b: AnyArray | None) -> AnyArray | None:
    if a is None or b is None:
        return b if a is None else a
    return np.asarray(a | b)


def _compare(op: str, left: Value | Scalar, right: Value | Scalar, node: Expr) -> Logical:
    what = _told(left, right, node)
    if isinstance(left, Factor) or isinstance(right, Factor):
        return _compare_labels(op, left, right, what)
    a, b = as_float(left, what), as_float(right, what)
    _check_shapes(a, b, node)
    with np.errstate(invalid="ignore"):
        found = _COMPARISONS[op](a, b)
    missing = np.isnan(a) | np.isnan(b)
    return Logical(np.asarray(found), missing if missing.any() else None)


def _compare_labels(op: str, left: Value | Scalar, right: Value | Scalar, what: str) -> Logical:
    swapped = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
    if not isinstance(left, Factor):
        return _compare_labels(swapped.get(op, op), right, left, what)
    missing = left.codes < 0
    if isinstance(right, Factor):
        if op not in ("==", "!="):
            raise DataError(f"{what}: factors can only be compared by == and !=")
        same = left.levels[left.codes] == right.levels[right.codes]
        missing = missing | (right.codes < 0)
        found = same if op == "==" else ~same
        return Logical(found, missing if missing.any() else None)
    label = right if isinstance(right, str) else str(labels_of(np.array([right]))[0])
    place = np.flatnonzero(left.levels == label)
    if op in ("==", "!="):
        hit = left.codes == (place[0] if place.size else -2)
        return Logical(hit if op == "==" else ~hit, missing if missing.any() else None)
    if not left.ordered or not place.size:
        raise DataError(f"{what}: only an ordered factor has an order, by its own levels")
    return Logical(_COMPARISONS[op](left.codes, place[0]), missing if missing.any() else None)


def _call(node: Call, context: Context) -> Value | Scalar:
    own = context.functions.get(node.function)
    if own is not None:
        return _call_own(node, own, context)
    handler = HANDLERS.get(node.function)
    if handler is None:
        raise FormulaError(f"function '{node.function}' cannot be used in '{deparse(node)}'")
    if node.function == "C":
        values = [evaluate(node.args[0], context)] if node.args else []
        values += [_contrast_word(a, context) for a in node.args[1:]]
    else:
        values = [evaluate(arg, context) for arg in node.args]
    label = deparse(node)
    positional = [v for v, k in zip(values, node.keywords, strict=True) if k is None]
    named = {k: v for v, k in zip(values, node.keywords, strict=True) if k is not None}
    try:
        with np.errstate(all="ignore"):
            return handler(label, context.learned, *positional, **named)
    except NestwiseError:
        raise
    except (TypeError, ValueError):
        raise FormulaError(f"wrong arguments in '{label}'") from None


def _contrast_word(node: Expr, context: Context) -> Value | Scalar:
    """Second argument of C: sum, contr.sum or "sum"."""
    if isinstance(node, Name):
        return NUMBERED if node.id == "contr.treatment" else node.id
    if isinstance(node, Call) and not node.args:
        return node.function
    return evaluate(node, context)


def _call_own(node: Call, own: Callable[..., Any], context: Context) -> Value:
    """One of the caller's own functions gets and returns plain arrays."""
    arguments: list[Any] = []
    for arg in node.args:
        value = evaluate(arg, context)
        if isinstance(value, Factor):
            labels = np.append(value.levels, [None])
            arguments.append(labels[value.codes])
        elif isinstance(value, (Numeric, Logical)):
            arguments.append(value.values.copy())
        else:
            arguments.append(value)
    named = {k: v for k, v in zip(node.keywords, arguments, strict=True) if k is not None}
    positional = [v for k, v in zip(node.keywords, arguments, strict=True) if k is None]
    result = np.asarray(own(*positional, **named))
    if result.ndim not in (1, 2) or result.shape[0] != context.source.n:
        raise DataError(
            f"'{deparse(node)}' gave shape {result.shape}; it must give one value "
            f"for each of the {context.source.n} rows"
        )
    if result.dtype.kind == "b":
        return Logical(result)
    if result.dtype.kind not in "fiu":
        return value_of_column(read_column(open_table({"value": result}), "value"))
    suffixes = tuple(str(i + 1) for i in range(result.shape[1])) if result.ndim == 2 else None
    return Numeric(result.astype(np.float64), suffixes)
