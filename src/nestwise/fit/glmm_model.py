"""From a design and a family to the criterion of a generalised linear mixed model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.centred import Centering, centred_arrays, find_centering
from nestwise.core.families.family import Family
from nestwise.core.glmm import GlmmProblem
from nestwise.core.glmm_compiled import compiled_glmm
from nestwise.core.glmm_kernel import GlmmInput, GlmmKernel, RowFunction
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.links.link import Link, in_domain, mean
from nestwise.core.problem import ModelArrays, factor_columns
from nestwise.design.model import Design
from nestwise.fit.assemble import glmm_arrays
from nestwise.fit.glmm_start import Start, starting_point

MakeKernel = Callable[[GlmmInput], GlmmKernel]


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
    user_arrays : ModelArrays
        The rows before that.
    has_scale : bool
        Whether the dispersion is a scale, to which theta is relative.
    level : float
        Linear predictor of the mean response.
    """

    problem: GlmmProblem
    start: Start
    centering: Centering | None
    user_arrays: ModelArrays
    has_scale: bool
    level: float


def first_eta(family: Family, link: Link, y: FloatArray, weights: FloatArray) -> FloatArray:
    """(n,) a linear predictor read off the response alone.

    Responses that no mean of the link can equal (zero or less with a log link) begin at the mean
    of all, or among the others.
    """
    mu = family.start_mu(y, weights)
    with np.errstate(all="ignore"):
        eta = np.asarray(link.link(mu), dtype=np.float64)
        common = float(link.link(np.array([np.average(mu, weights=weights)]))[0])
    good = np.isfinite(eta) & in_domain(link, eta)
    if good.all():
        return eta
    if not np.isfinite(common):
        common = float(np.median(eta[good])) if good.any() else 0.0
    return np.where(good, eta, common)


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
    rows = FamilyRows(family, link, design.y, weights)
    centering = find_centering(arrays) if centre else None
    moved = arrays if centering is None else centred_arrays(arrays, centering)
    eta = first_eta(family, link, design.y, weights)
    start = starting_point(moved, offset, rows, eta, family.dispersion, control)
    has_phi = family.dispersion is not None
    problem = _problem(moved, offset, rows, start, has_phi, control, make_kernel)
    level = float(link.link(np.atleast_1d(mean(link, eta).mean()))[0])
    has_scale = family.dispersion == "scale"
    return GlmmModel(problem, start, centering, arrays, has_scale, level)


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
    problem = _problem(
        old.arrays, old.offset, old.rows, model.start, old.has_phi, control, make_kernel
    )
    return replace(model, problem=problem)


def _problem(
    arrays: ModelArrays,
    offset: FloatArray,
    rows: RowFunction,
    start: Start,
    has_phi: bool,
    control: Control,
    make_kernel: MakeKernel,
) -> GlmmProblem:
    basis = start.layout.basis
    kernel = make_kernel(
        GlmmInput(
            rows=rows,
            X=arrays.X,
            center=basis.center,
            scale=basis.scale,
            offset=offset,
            factors=factor_columns(arrays),
            observed=control.laplace == "observed",
            threads=control.threads,
            solver=control.solver,
        )
    )
    return GlmmProblem(kernel, start.layout, arrays, offset, rows, has_phi)
