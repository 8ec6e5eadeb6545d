"""From a design with a residual part to the arrays of the engine."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.core.residual.structure import ResidualStructure
from nestwise.core.residual_variance.registry import VARIANCE_FUNCTIONS
from nestwise.core.structured.model import EffectArrays, ErrorArrays, StructuredArrays
from nestwise.core.structures.registry import STRUCTURES
from nestwise.design.model import Design, RandomTerm
from nestwise.design.residual import ResidualPart, VarianceColumn


def structured_arrays(design: Design, mu: FloatArray | None = None) -> StructuredArrays:
    """The arrays that `core.structured` takes.

    Parameters
    ----------
    design : Design
        With a residual part or without.
    mu : (n,) float64, optional
        Fitted values, when the variance depends on them.

    Raises
    ------
    DataError
        When the structure needs times that are no numbers, or a covariate does not suit.
    """
    y = design.y if design.offset is None else design.y - design.offset
    effects = tuple(_effect(design, term) for term in design.terms)
    return StructuredArrays(
        np.ascontiguousarray(y, dtype=np.float64),
        design.fixed.X,
        effects,
        error_arrays(design, mu),
    )


def _effect(design: Design, term: RandomTerm) -> EffectArrays:
    factor = design.factors[term.factor]
    n, k = design.y.size, len(term.columns)
    Z = np.column_stack([np.ones(n) if z is None else z for z in term.Z])
    scale = np.sqrt(np.mean(Z * Z, axis=0))
    scale = np.where(scale > 0.0, scale, 1.0)
    structure = STRUCTURES[term.structure]
    free = tuple(structure.free(k))
    return EffectArrays(factor.codes, factor.n_levels, Z / scale, scale, free, structure.pattern)


def error_arrays(design: Design, mu: FloatArray | None) -> ErrorArrays:
    """The residual part alone; see `structured_arrays`."""
    part, n = design.residual, design.y.size
    none = np.zeros(n, dtype=np.int32)
    if part is None or part.subject is None:
        columns = [] if part is None else _features(part, mu)
        alone = np.arange(n, dtype=np.int32)
        features = _stacked(columns, n)
        return ErrorArrays(
            None, alone, none, 1, none, 1, np.zeros(n), 1.0, features, design.weights
        )
    structure = residual_structure(part)
    assert structure is not None
    time = _time(part, structure)
    arm, n_arms = (none, 1) if part.arm is None else (part.arm.codes, part.arm.n_levels)
    own = [arm[:, None] == np.arange(1, n_arms)] if n_arms > 1 else []
    return ErrorArrays(
        structure=structure,
        subject=part.subject.codes,
        arm=arm,
        n_arms=n_arms,
        visit=part.visit if structure.needs == "visits" else none,
        n_visits=max(len(part.visit_labels), 1),
        time=time,
        distance=1.0 if structure.needs == "visits" else _distance(time, part.subject.codes),
        features=_stacked([*own, *_features(part, mu)], n),
        weights=design.weights,
    )


def residual_structure(part: ResidualPart | None) -> ResidualStructure | None:
    """The structure that a residual part names."""
    spec = None if part is None else part.request.residual
    return None if spec is None else RESIDUAL_STRUCTURES[spec.structure]


def _stacked(columns: list[FloatArray], n: int) -> FloatArray:
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((n, 0))


def _time(part: ResidualPart, structure: ResidualStructure) -> FloatArray:
    spec = part.request.residual
    assert spec is not None
    if structure.needs == "visits":
        if len(spec.times) > 1:
            raise DataError(
                f"residual='{spec.text}': {structure.name} reads one visit variable; coordinates "
                "are for exp and gau"
            )
        return part.visit.astype(np.float64)
    if part.time is None:
        what = spec.times[0][0] if spec.times else "1"
        raise DataError(
            f"residual='{spec.text}': {structure.name} measures distances and needs numbers, but "
            f"'{what}' gives none; name a numeric column, or use ar1"
        )
    if structure.needs == "time" and part.time.ndim > 1:
        raise DataError(f"residual='{spec.text}': {structure.name} reads one time variable")
    return part.time


def _distance(time: FloatArray, subject: IntArray) -> float:
    """Median distance of neighbouring rows of a subject."""
    at = time.reshape(len(time), -1)
    order = np.lexsort((*at.T[::-1], subject))
    step = np.sqrt((np.diff(at[order], axis=0) ** 2).sum(axis=1))
    same = np.diff(subject[order]) == 0
    found = step[same & (step > 0.0)]
    return float(np.median(found)) if found.size else 1.0


def _features(part: ResidualPart, mu: FloatArray | None) -> list[FloatArray]:
    out = []
    for column in part.variance:
        codes = None if column.strata is None else column.strata.codes
        values = mu if column.part.of_fitted else column.covariate
        out.append(variance_features(column, values, codes))
    return out


def variance_features(
    column: VarianceColumn, values: FloatArray | None, codes: IntArray | None
) -> FloatArray:
    """(n, s) derivatives of the log standard deviation by one part of the variance function.

    Parameters
    ----------
    column : VarianceColumn
        The part, as the fit has it.
    values : (n,) float64 or None
        Its covariate in some rows, or their fitted values; None for strata.
    codes : (n,) int32 or None
        Their strata.

    Raises
    ------
    DataError
        When the function is not defined for a value.
    """
    part, strata = column.part, column.strata
    if part.kind == "strata":
        assert strata is not None
        assert codes is not None
        return VARIANCE_FUNCTIONS["ident"].features(
            np.asarray(codes, dtype=np.float64), strata.n_levels
        )
    function = VARIANCE_FUNCTIONS[part.kind]
    assert values is not None
    wrong = function.check(values)
    if wrong:
        raise DataError(f"variance function {part.label}: {wrong}")
    one = function.features(values, 1)
    if strata is None or codes is None:
        return one
    return np.asarray(one * (codes[:, None] == np.arange(strata.n_levels)))
