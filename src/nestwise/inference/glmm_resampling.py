"""Parametric bootstrap of a GLMM: responses drawn from the fit, the model fitted to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import NestwiseError
from nestwise._base.options import Control
from nestwise.core.families.family import Family
from nestwise.core.links.link import Link
from nestwise.design.model import Design
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_refit import glmm_refitter
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.parameters import fit_parameters, parameter_values
from nestwise.inference.residuals import fixed_part
from nestwise.inference.simulate import draw, generator

FINE, SINGULAR, FAILED = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class GlmmParts:
    """A GLMM without its compiled kernels, so that it can be sent to another process."""

    design: Design
    family: Family
    link: Link
    n_agq: int
    control: Control


def dismantle_glmm(fit: GlmmFit) -> GlmmParts:
    """What another process needs to fit the model again."""
    return GlmmParts(fit.design, fit.family, fit.link, fit.n_agq, fit.control)


def fitted_again(parts: GlmmParts) -> GlmmFit:
    """The fit again; deterministic."""
    return fit_glmm(parts.design, parts.family, parts.link, parts.n_agq, parts.control)


@dataclass(frozen=True, slots=True, eq=False)
class GlmmTask:
    """One bootstrap, as it is sent to a worker."""

    parts: GlmmParts
    seed: int

    def begin(self) -> Callable[[int], FloatArray]:
        """A function from the number of a replicate to its row."""
        return glmm_row_maker(fitted_again(self.parts), self.seed)


def glmm_row_maker(fit: GlmmFit, seed: int) -> Callable[[int], FloatArray]:
    """From the number of a replicate to its parameters and, last, its status.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    seed : int
        Replicate r depends on it and r alone.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ 1 + (1 | herd)", nw.load_dataset("cbpp"), weights="size")
    >>> glmm_row_maker(m.fit, 1)(0).size
    3
    """
    again, listed = glmm_refitter(fit), fit_parameters(fit)
    eta, q = fixed_part(fit), len(listed)

    def one(r: int) -> FloatArray:
        row = np.full(q + 1, np.nan)
        row[q] = FAILED
        try:
            found = again(draw(fit, eta, generator(seed, r)))
        except NestwiseError:
            return row
        if found.converged:
            row[:q] = parameter_values(listed, found.lambdas, found.sigma, found.beta, found.phi)
            row[q] = SINGULAR if found.singular else FINE
        return row

    return one
