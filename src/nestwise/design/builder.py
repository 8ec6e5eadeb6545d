"""Formula + table -> `Design`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import DataError, OptionError, did_you_mean, one_of
from nestwise.design.check import (
    as_numbers,
    check_finite,
    check_magnitude,
    check_weights,
)
from nestwise.design.coding import CodedColumn, code_linear
from nestwise.design.contrasts import contrast_name
from nestwise.design.encoder import Encoder, GroupLevels
from nestwise.design.evaluate import Context, evaluate_variable
from nestwise.design.model import Design, FixedPart, GroupingFactor
from nestwise.design.random import build_random
from nestwise.design.rank import redundant_columns
from nestwise.design.residual import ResidualRequest, build_residual, residual_request
from nestwise.design.response import (
    all_weights,
    check_informative,
    read_response,
    without_trials,
)
from nestwise.design.table import Source, open_table
from nestwise.design.values import (
    Factor,
    Value,
    as_float,
    drop_unused,
    find_holes,
    take_rows,
    without_rows,
)
from nestwise.formula.model import Formula, Linear
from nestwise.formula.parser import parse
from nestwise.formula.syntax import Name

LARGEST_RESPONSE, LARGEST_COVARIATE = 1e60, 1e100
"""Fourth powers of the response and squares of covariates are computed."""


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """The evaluated variables, in the rows that are used."""

    response: Value
    values: dict[str, Value]
    kept: BoolArray | None
    n_dropped: int
    weights: FloatArray | None
    offset: FloatArray | None
    undefined: tuple[Diagnostic, ...]


def build(
    formula: Formula | str,
    data: Any,
    *,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, str] | None = None,
    na_action: str = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    response: str = "number",
    residual: str | None = None,
    variance: str | None = None,
) -> Design:
    """Make the arrays of a model.

    Parameters
    ----------
    formula : str or Formula
        For instance ``"y ~ x + (1 + x | g)"``.
    data : pandas, polars or pyarrow table, or mapping of arrays
        Never changed.
    weights, offset : str or array of length n, optional
        Column name or numbers; weights are above zero.
    contrasts : mapping, optional
        Factor to ``"treatment"``, ``"sum"``, ``"helmert"`` or ``"poly"``.
    na_action : {"drop", "fail"}
        Leave out rows that miss a variable, or raise.
    functions : mapping, optional
        The caller's own functions that the formula may call, by name.
    response : {"number", "proportion"}
        What the family asks for. A proportion is read from 0 and 1, truth values, two categories
        (the second is success), ``cbind(successes, failures)`` or a share with trials as weights.
    residual, variance : str, optional
        Structure and variance function of the residuals: ``"ar1(week | subject)"``, ``"sex"``.

    Returns
    -------
    Design
        Frozen arrays with R's names and order of columns and levels.

    Raises
    ------
    FormulaError, DataError, OptionError
        When formula, data or options do not fit together.

    Examples
    --------
    >>> data = {"y": [1.0, 2, 4, 3], "x": [1, 2, 3, 4], "g": list("aabb")}
    >>> design = build("y ~ x + (1 | g)", data)
    >>> design.fixed.names, design.factors[0].codes.tolist()
    (('(Intercept)', 'x'), [0, 0, 1, 1])
    """
    one_of("na_action", na_action, ("drop", "fail"))
    source = open_table(data)
    own = _own_functions(functions)
    parsed, columns = _parsed(formula, source, own)
    context = Context(source, {}, functions=own)
    request = residual_request(residual, variance, tuple(sorted(own)))
    frame = _frame(parsed, context, weights, offset, na_action, response, request)
    found = read_response(parsed.response_label, frame.response, response, kept=frame.kept)
    check_informative(parsed.response_label, found, response)
    y = found.y
    check_magnitude(f"the response '{parsed.response_label}'", y, LARGEST_RESPONSE)
    kinds = _contrasts(contrasts, parsed, frame.values)
    fixed, positions, full = _fixed_part(parsed.fixed, frame.values, kinds, y.size)
    shared = {c.name: c.values for c in full if c.values is not None}
    factors, terms = build_random(parsed.random, frame.values, kinds, shared)
    errors = build_residual(request, frame.values, frame.kept, y.size)
    encoder = _encoder(parsed, columns, context, frame, kinds, positions, fixed, factors, offset)
    return Design(
        formula=parsed,
        y=y,
        fixed=fixed,
        factors=factors,
        terms=terms,
        weights=all_weights(found.trials, frame.weights),
        offset=frame.offset,
        kept=frame.kept,
        n_dropped=frame.n_dropped,
        encoder=replace(encoder, response=response, categories=found.categories),
        diagnostics=(
            *frame.undefined,
            *_diagnostics(fixed),
            *(() if errors is None else errors.diagnostics),
        ),
        residual=errors,
    )


def _encoder(
    formula: Formula,
    columns: tuple[str, ...] | None,
    context: Context,
    frame: _Frame,
    contrasts: dict[str, str],
    positions: tuple[int, ...],
    fixed: FixedPart,
    factors: tuple[GroupingFactor, ...],
    offset: Any,
) -> Encoder:
    """What the training data taught."""
    return Encoder(
        formula=formula,
        columns=columns,
        levels=_levels(context),
        coded=_coded(formula, frame.values),
        state=context.state,
        contrasts=contrasts,
        kept=positions,
        names=fixed.full_names,
        groups=tuple(GroupLevels(f.name, f.variables, f.parts) for f in factors),
        functions=dict(context.functions),
        offset=offset if isinstance(offset, str) else None,
        offset_by_row=offset is not None and not isinstance(offset, str),
    )


def _parsed(
    formula: Formula | str, source: Source, own: dict[str, Callable[..., Any]]
) -> tuple[Formula, tuple[str, ...] | None]:
    if isinstance(formula, Formula):
        return formula, None
    if not isinstance(formula, str):
        return parse(formula), None
    columns = tuple(str(c) for c in source.columns) if "." in formula else None
    return parse(formula, columns, tuple(sorted(own))), columns


def _frame(
    formula: Formula,
    context: Context,
    weights: Any,
    offset: Any,
    na_action: str,
    kind: str,
    request: ResidualRequest,
) -> _Frame:
    """Evaluate every variable on all rows, as R does, then leave out those that miss any."""
    n = context.source.n
    response = evaluate_variable(formula.response_label, formula.response, context)
    values: dict[str, Value] = {}
    for linear in (formula.fixed, *(bar.within for bar in formula.random)):
        for label, node in linear.variables:
            if label not in values:
                values[label] = evaluate_variable(label, node, context)
    for label, node in (*(g for bar in formula.random for g in bar.groups), *request.variables):
        if label not in values:
            values[label] = evaluate_variable(label, node, context)
    extra = _offset_argument(offset, context)
    holes = {formula.response_label: find_holes(response)}
    holes |= {label: find_holes(value) for label, value in values.items()}
    masks = {label: found.missing for label, found in holes.items()}
    if extra is not None and np.isnan(extra).any():
        masks["offset"] = np.isnan(extra)
    masks["rows without trials"] = without_trials(formula.response_label, response, kind)
    undefined = _undefined(masks, context)
    kept, n_dropped = _kept_rows(masks, na_action)
    for label, found in holes.items():
        check_finite(label, found.infinite, kept)
    total = _total_offset(formula, values, extra, n)
    prior = _weights_argument(weights, context)
    if kept is not None:
        response = take_rows(response, kept)
        values = {label: take_rows(value, kept) for label, value in values.items()}
        total = None if total is None else total[kept]
    prior = None if prior is None else check_weights(prior, kept)
    values = {label: drop_unused(value) for label, value in values.items()}
    return _Frame(response, values, kept, n_dropped, prior, total, undefined)


def _own_functions(functions: object) -> dict[str, Callable[..., Any]]:
    """The caller's functions by name."""
    if functions is None:
        return {}
    if not isinstance(functions, Mapping) or not all(isinstance(f, str) for f in functions):
        raise OptionError(
            f"functions={functions!r} is not a mapping of names to functions; write for instance "
            "functions={'twice': lambda x: 2 * x}"
        )
    for name, value in functions.items():
        if not callable(value):
            raise OptionError(f"functions: '{name}' is {value!r}, which cannot be called")
    return dict(functions)


def _undefined(masks: Mapping[str, BoolArray | None], context: Context) -> tuple[Diagnostic, ...]:
    """Rows that a function such as log() leaves out though no column misses there."""
    computed = {
        label: mask
        for label, mask in masks.items()
        if mask is not None and "(" in label and label not in context.columns
    }
    known = [find_holes(value).missing for value in context.columns.values() if computed]
    found: list[Diagnostic] = []
    for label, mask in computed.items():
        rows = np.flatnonzero(mask & ~np.logical_or.reduce([m for m in known if m is not None]))
        if rows.size:
            found.append(
                Diagnostic(
                    "undefined-values",
                    f"'{label}' is not a number in {rows.size} of {mask.size} rows whose columns "
                    f"are complete, first in row {rows[0]} (from 0); they are left out.",
                    "Look at the range of the column: log and sqrt need positive numbers.",
                )
            )
    return tuple(found)


def _kept_rows(
    masks: Mapping[str, BoolArray | None], na_action: str
) -> tuple[BoolArray | None, int]:
    holes = {label: mask for label, mask in masks.items() if mask is not None}
    if not holes:
        return None, 0
    if na_action == "fail":
        shown = ", ".join(f"'{k}' ({int(m.sum())})" for k, m in holes.items())
        raise DataError(
            f"rows with missing values, by variable: {shown}; na_action='drop' leaves them out"
        )
    missing = np.logical_or.reduce(list(holes.values()))
    n_dropped = int(missing.sum())
    if n_dropped == missing.size:
        shown = ", ".join(f"'{k}' ({int(m.sum())})" for k, m in holes.items())
        raise DataError(f"every one of the {missing.size} rows misses a variable: {shown}")
    return ~missing, n_dropped


def _offset_argument(offset: Any, context: Context) -> FloatArray | None:
    if offset is None:
        return None
    if isinstance(offset, str):
        return as_float(evaluate_variable(offset, Name(offset), context), f"offset '{offset}'")
    return as_numbers("offset", offset, context.source.n)


def _weights_argument(weights: Any, context: Context) -> FloatArray | None:
    if weights is None:
        return None
    if isinstance(weights, str):
        value = evaluate_variable(weights, Name(weights), context)
        return as_float(value, f"weights '{weights}'")
    return as_numbers("weights", weights, context.source.n)


def _total_offset(
    formula: Formula, values: Mapping[str, Value], extra: FloatArray | None, n: int
) -> FloatArray | None:
    parts = [as_float(values[label], label) for label in formula.fixed.offsets]
    if extra is not None:
        parts.append(extra)
    if not parts:
        return None
    if any(p.shape != (n,) for p in parts):
        raise DataError("an offset must be one column of numbers")
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _contrasts(
    contrasts: Mapping[str, str] | None, formula: Formula, values: Mapping[str, Value]
) -> dict[str, str]:
    if contrasts is None:
        return {}
    if not isinstance(contrasts, Mapping):
        raise OptionError("contrasts must map factors to names, such as {'sex': 'sum'}")
    factors = [label for label, value in values.items() if isinstance(value, Factor)]
    for name in contrasts:
        if name not in values:
            raise DataError(
                f"contrasts: '{name}' is no variable of the formula"
                f"{did_you_mean(str(name), factors)}"
            )
    return {name: contrast_name(kind) for name, kind in contrasts.items()}


def _fixed_part(
    linear: Linear, values: Mapping[str, Value], kinds: Mapping[str, str], n: int
) -> tuple[FixedPart, tuple[int, ...], list[CodedColumn]]:
    coded = code_linear(linear, values, kinds)
    matrix = np.empty((n, len(coded)), order="F")
    for j, column in enumerate(coded):
        matrix[:, j] = 1.0 if column.values is None else column.values
        check_magnitude(f"'{column.name}'", matrix[:, j], LARGEST_COVARIATE)
    shared = [CodedColumn(c.name, c.term, matrix[:, j]) for j, c in enumerate(coded)]
    redundant = redundant_columns(matrix, linear.intercept)
    positions = tuple(j for j in range(len(coded)) if j not in set(redundant))
    kept = matrix if not redundant else np.asfortranarray(matrix[:, positions])
    names = tuple(c.name for c in coded)
    part = FixedPart(
        X=kept,
        names=tuple(names[j] for j in positions),
        dropped=tuple(names[j] for j in redundant),
        assign=tuple(coded[j].term for j in positions),
        terms=tuple(t.label for t in linear.terms),
        variables=tuple(t.variables for t in linear.terms),
        intercept=linear.intercept,
        full=matrix if redundant else None,
        full_names=names,
        full_assign=tuple(c.term for c in coded),
        prototypes=tuple((v, without_rows(values[v])) for v in _of_terms(linear)),
    )
    return part, positions, shared


def _of_terms(linear: Linear) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for term in linear.terms for v in term.variables))


def _diagnostics(fixed: FixedPart) -> tuple[Diagnostic, ...]:
    if not fixed.dropped:
        return ()
    shown = ", ".join(fixed.dropped)
    many = len(fixed.dropped) > 1
    return (
        Diagnostic(
            "rank-deficient",
            f"{len(fixed.dropped)} column{'s' if many else ''} of the fixed effects "
            f"{'are' if many else 'is'} determined by the others and left out: {shown}.",
            "Remove redundant terms, or merge levels whose combinations do not occur.",
        ),
    )


def _levels(context: Context) -> dict[str, tuple[AnyArray, bool]]:
    return {
        str(name): (value.levels, value.ordered)
        for name, value in context.columns.items()
        if isinstance(value, Factor)
    }


def _coded(formula: Formula, values: Mapping[str, Value]) -> dict[str, AnyArray]:
    linears = (formula.fixed, *(bar.within for bar in formula.random))
    labels = {label for linear in linears for label, _ in linear.variables}
    found = ((label, values[label]) for label in labels)
    return {label: value.levels for label, value in found if isinstance(value, Factor)}
