"""Covariances between new rows and the rows of a fit with structured residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise.core.residual.visits import Visits
from nestwise.design.groups import level_labels
from nestwise.design.residual import ResidualPart
from nestwise.design.residual_new import NewResidual, encode_residual
from nestwise.fit.structured_arrays import variance_features
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.model_rows import ModelRows


@dataclass(frozen=True, slots=True, eq=False)
class NewErrors:
    """The residuals of complete new rows.

    Parameters
    ----------
    subject : (r,) int32
        Subject of the fit, -1 for none.
    arm : (r,) int32
        Arm.
    visit : (r,) int32
        Visit level, -1 for none.
    time : (r,) or (r, d) float64 or None
        Times or coordinates.
    sd : (r,) float64
        Standard deviations relative to sigma, without those that the structure has by visit.
    """

    subject: IntArray
    arm: IntArray
    visit: IntArray
    time: FloatArray | None
    sd: FloatArray


def new_errors(fit: StructuredFit, rows: ModelRows, data: Any, mu: FloatArray) -> NewErrors:
    """What the residual part is in new rows.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    rows : ModelRows
        The complete rows, encoded.
    data : table
        Where they come from.
    mu : (r,) float64
        Their predictions, which a variance function may need.

    Raises
    ------
    DataError
        When a row's arm or stratum is not one of the fit's.
    """
    part, errors = fit.design.residual, fit.problem.arrays.errors
    found = encode_residual(fit.design, data)
    n = len(rows.X)
    if part is None or found is None:
        none = np.full(n, -1, dtype=np.int32)
        return NewErrors(none, none, none, None, np.ones(n))
    kept = slice(None) if rows.kept is None else rows.kept
    arm = found.arm[kept]
    columns = []
    if errors.n_arms > 1:
        _refuse_unknown(arm, "arm")
        columns.append(np.asarray(arm[:, None] == np.arange(1, errors.n_arms), dtype=np.float64))
    columns += _variance(part, found, kept, mu)
    tail = fit.par[fit.par.size - errors.features.shape[1] :]
    logsd = np.column_stack(columns) @ tail if columns else np.zeros(n)
    time = None if found.time is None else found.time[kept]
    return NewErrors(found.subject[kept], arm, found.visit[kept], time, np.exp(logsd))


def _variance(
    part: ResidualPart, found: NewResidual, kept: AnyArray | slice, mu: FloatArray
) -> list[FloatArray]:
    out = []
    for column, covariate, strata in zip(
        part.variance, found.covariates, found.strata, strict=True
    ):
        codes = None if strata is None else strata[kept]
        if codes is not None:
            _refuse_unknown(codes, f"level of '{column.part.label}'")
        values = covariate[kept] if covariate is not None else mu
        out.append(variance_features(column, values, codes))
    return out


def _refuse_unknown(codes: IntArray, what: str) -> None:
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        raise DataError(
            f"row {row + 1} of the complete new rows has a {what} that the fit has not seen, so "
            "that its residual variance is not known"
        )


def error_covariances(
    fit: StructuredFit, new: NewErrors, subject: int, chosen: AnyArray, old: AnyArray
) -> FloatArray:
    """(r, v) covariance of new rows of a subject with its rows in the fit, over sigma^2.

    Parameters
    ----------
    fit : StructuredFit
        With a residual structure.
    new : NewErrors
        The new rows.
    subject : int
        The subject.
    chosen : (r,) intp
        Its rows among the new ones.
    old : (v,) intp
        Its rows in the fit.

    Raises
    ------
    DataError
        When a new row's visit or time is not known.
    """
    errors = fit.problem.arrays.errors
    structure = errors.structure
    assert structure is not None
    time = new.time
    if structure.needs == "visits":
        if (new.visit[chosen] < 0).any():
            part = fit.design.residual
            assert part is not None
            assert part.subject is not None
            raise DataError(
                f"a new row of subject {level_labels(part.subject)[subject]} has a visit that the "
                "fit has not seen; predict it without its residuals (residual=False)"
            )
        time = new.visit.astype(np.float64)
    if time is None:
        raise DataError("the new rows lack the times or coordinates of the residual structure")
    r = len(chosen)
    visits = Visits(
        np.concatenate([new.visit[chosen], errors.visit[old]]).astype(np.int32),
        np.concatenate([time[chosen], errors.time[old]]),
        errors.n_visits,
    )
    size, first = errors.n_structure, fit.theta.size
    arm = int(errors.arm[old[0]])
    par = fit.filled[first + arm * size : first + (arm + 1) * size]
    R, _ = structure.covariance(par, visits)
    tail = fit.par[fit.par.size - errors.features.shape[1] :]
    sd = np.exp(errors.features[old] @ tail)
    sd = sd if errors.weights is None else sd / np.sqrt(errors.weights[old])
    return np.asarray(new.sd[chosen][:, None] * R[:r, r:] * sd)


def error_variances(fit: StructuredFit, new: NewErrors) -> FloatArray:
    """(r,) variances of the residuals of new rows, over sigma^2."""
    errors = fit.problem.arrays.errors
    structure = errors.structure
    if structure is None or not structure.heterogeneous:
        return new.sd**2
    if (new.visit < 0).any():
        raise DataError(
            "a new row has a visit that the fit has not seen, so that its variance is not known"
        )
    size, first, v = errors.n_structure, fit.theta.size, errors.n_visits
    visits = Visits(np.arange(v, dtype=np.int32), np.arange(v, dtype=np.float64), v)
    diagonals = []
    for arm in range(errors.n_arms):
        par = fit.filled[first + arm * size : first + (arm + 1) * size]
        diagonals.append(structure.covariance(par, visits)[0].diagonal())
    return np.asarray(np.array(diagonals)[new.arm, new.visit] * new.sd**2)


def rows_by_subject(codes: IntArray, n_subjects: int) -> list[AnyArray]:
    """Rows of each subject."""
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(n_subjects + 1))
    return [order[bounds[s] : bounds[s + 1]] for s in range(n_subjects)]
