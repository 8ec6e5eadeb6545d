"""From a design and a family to the criterion of a generalised linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.centred import Centering, centred_arrays, find_centering
from nestwise.core.families.family import Family
from nestwise.core.glmm import GlmmProblem
from nestwise.core.glmm_beginning import Start
from nestwise.core.glmm_compiled import compiled_glmm
from nestwise.core.glmm_merge import merge_rows, rows_together
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.links.link import Link
from nestwise.core.links.scaled import scaled_link, unit_of_response
from nestwise.core.problem import ModelArrays, Problem
from nestwise.design.model import Design
from nestwise.fit.assemble import glmm_arrays
from nestwise.fit.glmm_begin import MakeKernel, begin, problem_of

PLAIN = ("us", "diag")
"""Structures whose parameters are entries of Lambda."""


@dataclass(frozen=True, slots=True, eq=False)
class GlmmModel:
    """A model ready to be optimised.

    Parameters
    ----------
    problem : GlmmProblem
        Its criterion, in the coordinates of the optimiser.
    start : Start
        Where to begin.
    centering : Centering or None
        What was taken from random slopes of covariates far from zero.
    user_arrays, user_offset, user_rows
        The rows as they came: before that, and before rows were put together.
    unit : float
        What one of the optimiser's linear predictor is on the scale of the link; the links of the
        rows and the offsets are in this unit.
    index : (n,) int or None
        Where each of these rows went; None where none were put together.
    has_scale : bool
        Whether the dispersion is a scale, to which theta is relative.
    curvature : (size, size) float64 or None
        Curvature to begin with, where it is known.
    """

    problem: GlmmProblem
    start: Start
    centering: Centering | None
    user_arrays: ModelArrays
    user_offset: FloatArray
    user_rows: FamilyRows
    unit: float
    index: NDArray[np.intp] | None
    has_scale: bool
    curvature: FloatArray | None


def make_glmm(
    design: Design,
    family: Family,
    link: Link,
    control: Control,
    make_kernel: MakeKernel = compiled_glmm,
    centre: bool = True,
) -> GlmmModel:
    """Arrays, starting values and kernel of a model.

    Parameters
    ----------
    design : Design
        With at least one random-effects term.
    family, link
        Distribution and link function.
    control : Control
        Options of the optimiser.
    make_kernel : callable
        From `GlmmInput` to what gives criterion and gradient: Laplace's approximation, or a
        quadrature with the same interface.
    centre : bool
        Whether random slopes of covariates far from zero are centred.
    """
    arrays, offset, weights = glmm_arrays(design)
    unit = _unit(design, family, link)
    whole = FamilyRows(family, scaled_link(link, unit), design.y, weights)
    if unit != 1.0:
        offset = offset / unit
    centering = find_centering(arrays) if centre else None
    moved = arrays if centering is None else centred_arrays(arrays, centering)
    merged = merge_rows(moved, offset, whole)
    fewer, known, rows = moved, offset, whole
    if merged is not None:
        fewer, known, rows = merged.arrays, merged.offset, merged.rows
    start, curvature = begin(fewer, known, rows, control, make_kernel)
    if unit != 1.0:
        start = replace(start, layout=_in_unit(start.layout, unit))
    return GlmmModel(
        problem=problem_of(fewer, known, rows, start, control, make_kernel),
        start=start,
        centering=centering,
        user_arrays=arrays,
        user_offset=offset,
        user_rows=whole,
        unit=unit,
        index=None if merged is None else merged.index,
        has_scale=family.dispersion == "scale",
        curvature=curvature,
    )


def _unit(design: Design, family: Family, link: Link) -> float:
    """The unit of the linear predictor in which the optimiser works."""
    # Shares have none, and parameters of structures are standard deviations in the user's.
    if family.trials or any(term.structure not in PLAIN for term in design.terms):
        return 1.0
    return unit_of_response(link, design.y)


def _in_unit(layout: Problem, unit: float) -> Problem:
    """The maps to the user's parameters from those of a linear predictor in another unit."""
    basis = replace(layout.basis, to_user=layout.basis.to_user * unit)
    scales = tuple(scale / unit for scale in layout.column_scales)
    return replace(layout, basis=basis, theta_scale=layout.theta_scale / unit, column_scales=scales)


def with_kernel(model: GlmmModel, control: Control, make_kernel: MakeKernel) -> GlmmModel:
    """The same model with another way to integrate over its random effects.

    Parameters
    ----------
    model : GlmmModel
        From `make_glmm`.
    control : Control
        Options of the optimiser.
    make_kernel : callable
        As for `make_glmm`.
    """
    old = model.problem
    problem = problem_of(old.arrays, old.offset, old.rows, model.start, control, make_kernel)
    return replace(model, problem=problem)


def with_response(model: GlmmModel, y: FloatArray) -> GlmmModel:
    """The same model of another response; its kernel is still that of the old one.

    Parameters
    ----------
    model : GlmmModel
        From `make_glmm`.
    y : (n,) float64
        The response of all rows.
    """
    rows = replace(model.user_rows, y=y)
    if model.index is not None:
        rows = rows_together(rows, model.index, len(model.problem.offset))
    return replace(model, problem=replace(model.problem, rows=rows))
