"""Subjects, visits and variance covariates of new rows, coded as those of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.design.encoder import Encoder, GroupLevels
from nestwise.design.evaluate import Context, evaluate_variable
from nestwise.design.model import Design, GroupingFactor
from nestwise.design.newdata import group_codes
from nestwise.design.residual import ResidualPart, VarianceColumn
from nestwise.design.table import Source, open_table
from nestwise.design.values import as_float
from nestwise.formula.residual import Labelled
from nestwise.formula.syntax import columns_of


@dataclass(frozen=True, slots=True, eq=False)
class NewResidual:
    """The residual part of new rows, for every row of the table.

    Parameters
    ----------
    subject : (m,) int32
        Subject of the fit, -1 when it is none of them.
    arm : (m,) int32
        Arm of the fit; 0 where there are no arms, -1 when it is none of them.
    visit : (m,) int32
        Visit level of the fit, -1 when it is none of them.
    time : (m,) or (m, d) float64 or None
        Times or coordinates.
    covariates : tuple of (m,) float64 or None
        Covariate of each part of the variance function; None for strata and fitted values.
    strata : tuple of (m,) int32 or None
        Stratum of each part, -1 when it is none of the fit's.
    """

    subject: IntArray
    arm: IntArray
    visit: IntArray
    time: FloatArray | None
    covariates: tuple[FloatArray | None, ...]
    strata: tuple[IntArray | None, ...]


def encode_residual(design: Design, data: Any) -> NewResidual | None:
    """Code the residual part of new rows; columns that are not there give -1.

    Parameters
    ----------
    design : Design
        Of the fit.
    data : table
        New rows.

    Returns
    -------
    NewResidual or None
        None when the fit has no residual part.

    Raises
    ------
    DataError
        When a covariate of the variance function is missing from `data`.
    """
    part, encoder = design.residual, design.encoder
    if part is None:
        return None
    source = open_table(data)
    none = np.full(source.n, -1, dtype=np.int32)
    arm = np.zeros(source.n, dtype=np.int32)
    subject, visit, time = none, none, None
    spec = part.request.residual
    if spec is not None:
        assert part.subject is not None
        variables = (*spec.arms, *spec.subject)
        subject = _codes(part.subject, variables, source, encoder)
        if part.arm is not None:
            arm = _codes(part.arm, spec.arms, source, encoder)
        visit = _visit(part, spec.times, source, encoder)
        time = _time(part, spec.times, source, encoder)
    return NewResidual(
        subject=subject,
        arm=arm,
        visit=visit,
        time=time,
        covariates=tuple(_covariate(c, source, encoder) for c in part.variance),
        strata=tuple(
            None if c.strata is None else _codes(c.strata, c.part.strata, source, encoder)
            for c in part.variance
        ),
    )


def _codes(
    factor: GroupingFactor, variables: Labelled, source: Source, encoder: Encoder
) -> IntArray:
    known = GroupLevels(factor.name, factor.variables, factor.parts)
    return group_codes(known, variables, source, encoder)


def _visit(part: ResidualPart, times: Labelled, source: Source, encoder: Encoder) -> IntArray:
    if part.visit_values is None or len(times) != 1:
        return np.full(source.n, -1, dtype=np.int32)
    return group_codes(
        GroupLevels("visit", ("visit",), (part.visit_values,)), times, source, encoder
    )


def _time(
    part: ResidualPart, times: Labelled, source: Source, encoder: Encoder
) -> FloatArray | None:
    if part.time is None or any(
        c not in source.columns for c in columns_of(*(e for _, e in times))
    ):
        return None
    context = _context(source, encoder)
    columns = [as_float(evaluate_variable(label, node, context), label) for label, node in times]
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _covariate(column: VarianceColumn, source: Source, encoder: Encoder) -> FloatArray | None:
    if column.part.covariate is None:
        return None
    label, node = column.part.covariate
    missing = [c for c in columns_of(node) if c not in source.columns]
    if missing:
        raise DataError(
            f"the variance function {column.part.label} needs the column '{missing[0]}', which the "
            "new rows do not have"
        )
    return as_float(evaluate_variable(label, node, _context(source, encoder)), label)


def _context(source: Source, encoder: Encoder) -> Context:
    return Context(source, dict(encoder.state), False, encoder.levels, encoder.functions)
