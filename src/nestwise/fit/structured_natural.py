"""Parameters of the residuals in the words of users, with their derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual_variance.registry import VARIANCE_FUNCTIONS
from nestwise.core.structured.model import StructuredArrays
from nestwise.design.groups import level_labels
from nestwise.design.model import Design, GroupingFactor
from nestwise.design.residual import ResidualPart, VarianceColumn
from nestwise.fit.structured_result import NaturalParameters

Row = tuple[str, str, str, float, FloatArray]
"""Part, arm, name, value, and derivatives by all parameters."""


def natural_parameters(
    design: Design, arrays: StructuredArrays, par: FloatArray
) -> NaturalParameters:
    """Correlations, ratios of standard deviations, powers: names, values and derivatives.

    Parameters
    ----------
    design : Design
        Labels of visits, arms and strata.
    arrays : StructuredArrays
        The model.
    par : (m,) float64
        All parameters.
    """
    rows: list[Row] = []
    part = design.residual
    if part is not None:
        rows = [*_structure(part, arrays, par), *_deviations(part, arrays, par)]
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    part_names, arms, names = (np.array(c, dtype=object) for c in columns[:3])
    return NaturalParameters(
        part_names,
        arms,
        names,
        np.array(columns[3], dtype=np.float64),
        np.array(columns[4], dtype=np.float64).reshape(len(rows), par.size),
    )


def arm_labels(part: ResidualPart) -> list[str]:
    """Names of the arms; one empty text when there are none."""
    return [""] if part.arm is None else [str(x) for x in level_labels(part.arm)]


def _structure(part: ResidualPart, arrays: StructuredArrays, par: FloatArray) -> list[Row]:
    structure, size = arrays.errors.structure, arrays.errors.n_structure
    if structure is None:
        return []
    rows: list[Row] = []
    for a, arm in enumerate(arm_labels(part)):
        at = arrays.n_effects + a * size + np.arange(size)
        names, values, slopes = structure.natural(par[at], part.visit_labels)
        rows += _rows("correlation", arm, names, values, slopes, at, par.size)
    return rows


def _deviations(part: ResidualPart, arrays: StructuredArrays, par: FloatArray) -> list[Row]:
    """Ratios between arms, then the variance function, in the order of the features."""
    at = arrays.n_par - arrays.errors.features.shape[1]
    rows: list[Row] = []
    labels = arm_labels(part)
    if len(labels) > 1:
        own = at + np.arange(len(labels) - 1)
        names, values, slopes = VARIANCE_FUNCTIONS["ident"].natural(par[own], labels)
        rows += _rows("arm", "", names, values, slopes, own, par.size)
        at += own.size
    for column in part.variance:
        kind, levels = _kind(column)
        count = VARIANCE_FUNCTIONS["ident"].n_par(len(levels)) if kind == "ident" else len(levels)
        own = at + np.arange(count)
        at += count
        if kind == "ident":
            names, values, slopes = VARIANCE_FUNCTIONS[kind].natural(par[own], levels)
            rows += _rows("variance", "", names, values, slopes, own, par.size)
            continue
        for level, one in zip(levels, own, strict=True):
            names, values, slopes = VARIANCE_FUNCTIONS[kind].natural(par[[one]], ("",))
            named = [f"{name}[{level}]" if level else name for name in names]
            rows += _rows("variance", "", named, values, slopes, np.array([one]), par.size)
    return rows


def _kind(column: VarianceColumn) -> tuple[str, list[str]]:
    strata: GroupingFactor | None = column.strata
    levels = [""] if strata is None else [str(x) for x in level_labels(strata)]
    return ("ident" if column.part.kind == "strata" else column.part.kind), levels


def _rows(
    part: str,
    arm: str,
    names: Sequence[str],
    values: FloatArray,
    slopes: FloatArray,
    at: np.ndarray[tuple[int, ...], np.dtype[np.intp]],
    m: int,
) -> list[Row]:
    wide = np.zeros((len(names), m))
    wide[:, at] = slopes
    return [
        (part, arm, name, float(value), row)
        for name, value, row in zip(names, values, wide, strict=True)
    ]
