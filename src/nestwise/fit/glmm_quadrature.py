"""From Laplace's approximation to the quadrature: where its optimiser begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmEvaluation
from nestwise.core.glmm_compiled import compiled_glmm
from nestwise.core.glmm_kernel import GlmmInput, GlmmKernel
from nestwise.core.quadrature_compiled import (
    Compiled,
    is_compiled,
    quadrature_kernel,
)
from nestwise.core.quadrature_rule import gauss_hermite
from nestwise.design.model import Design
from nestwise.fit.glmm_descent import compiled_path, descend_from
from nestwise.fit.glmm_model import GlmmModel, with_kernel
from nestwise.fit.glmm_newton import GlmmPath, criterion_of

ROUGHLY = 1e-2
"""Promised decrease at which Laplace's approximation has been followed far enough."""


def check_points(design: Design, n_agq: int) -> None:
    """Refuse a number of quadrature points that this model cannot have.

    Parameters
    ----------
    design : Design
        The model.
    n_agq : int
        Points in each dimension of a level's random effects.

    Raises
    ------
    OptionError
        When it is no whole number above zero, there are several grouping factors, or too many
        nodes.
    """
    if isinstance(n_agq, bool) or not isinstance(n_agq, (int, np.integer)) or n_agq < 1:
        raise OptionError(
            f"nAGQ={n_agq!r} is not a whole number from 1 up: 1 is Laplace's approximation, which "
            "here takes no longer than glmer's nAGQ=0; 7 to 25 are quadrature points"
        )
    if n_agq == 1:
        return
    if len(design.factors) > 1:
        names = ", ".join(f.name for f in design.factors)
        raise OptionError(
            f"nAGQ={n_agq} needs one grouping factor, and this model has {len(design.factors)} "
            f"({names}): their integral does not split by level; use nAGQ=1 (Laplace), or leave "
            "out all but one"
        )
    gauss_hermite(int(n_agq), sum(len(t.columns) for t in design.terms))


def laplace_kernel(rows: GlmmInput) -> GlmmKernel:
    """Laplace's approximation: as a quadrature of one point where that is compiled.

    Parameters
    ----------
    rows : GlmmInput
        The rows of the model.
    """
    return quadrature_kernel(rows, 1) if is_compiled(rows) else compiled_glmm(rows)


def with_points_of(model: GlmmModel, control: Control, n_agq: int) -> GlmmModel:
    """The same model with `n_agq` quadrature points.

    Parameters
    ----------
    model : GlmmModel
        From `make_glmm`.
    control : Control
        Options of the optimiser.
    n_agq : int
        Points in each dimension of a level's random effects.
    """
    kernel = model.problem.kernel
    if isinstance(kernel, Compiled):
        return replace(model, problem=replace(model.problem, kernel=kernel.with_points(n_agq)))
    return with_kernel(model, control, lambda rows: quadrature_kernel(rows, n_agq))


def quadrature_start(
    model: GlmmModel, n_agq: int, control: Control, first: GlmmEvaluation, guess: FloatArray
) -> tuple[GlmmModel, GlmmEvaluation, FloatArray, int]:
    """Follow Laplace's approximation downhill, then change to the quadrature.

    Parameters
    ----------
    model : GlmmModel
        With Laplace's kernel.
    n_agq : int
        Quadrature points.
    control : Control
        Options of the optimiser.
    first : GlmmEvaluation
        Where the optimiser begins.
    guess : (size, size) float64
        Curvature there.

    Returns
    -------
    tuple
        The model with the quadrature's kernel, its evaluation near the optimum of Laplace's
        approximation, the curvature learnt on the way, and the evaluations spent.
    """
    near = descend_from(model.problem, first, guess, control, ROUGHLY, exact=False)
    integrated = with_points_of(model, control, n_agq)
    function = criterion_of(integrated.problem)
    for point in (near.point, first):
        found = function(point.psi, point.result.u)
        if np.isfinite(found.value) and np.isfinite(found.gradient).all():
            hessian = near.hessian if point is near.point else guess
            return integrated, found, hessian, near.n_evaluations + 1
    return integrated, found, guess, near.n_evaluations + 2


def compiled_quadrature(
    model: GlmmModel, n_agq: int, control: Control, psi: FloatArray, guess: FloatArray
) -> tuple[GlmmModel, GlmmPath] | None:
    """The optimum by the compiled optimiser, on the same way; None where it cannot go it.

    Parameters
    ----------
    model, n_agq, control
        As for `quadrature_start`.
    psi : (size,) float64
        Where the optimiser begins.
    guess : (size, size) float64
        Curvature there.
    """
    near = compiled_path(model.problem, psi, model.start.u, guess, control, ROUGHLY, False)
    if near is None:
        return None
    integrated = with_points_of(model, control, n_agq)
    begin, u = near.point.psi, near.point.result.u
    path = compiled_path(integrated.problem, begin, u, near.hessian, control)
    if path is None:
        return None
    count = near.n_evaluations + path.n_evaluations
    return integrated, replace(path, n_evaluations=count)
