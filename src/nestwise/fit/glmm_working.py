"""The working linear mixed model at the mode of a generalised one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise._base.options import Control
from nestwise.core.families.family import Family
from nestwise.core.glmm_rows import FamilyRows, row_step
from nestwise.core.links.link import Link
from nestwise.core.problem import Problem, build_problem
from nestwise.design.model import Design
from nestwise.fit.assemble import glmm_arrays


class AtMode(Protocol):
    """What it is made of: the rows, their likelihood, and the linear predictor at the mode."""

    @property
    def design(self) -> Design: ...
    @property
    def family(self) -> Family: ...
    @property
    def link(self) -> Link: ...
    @property
    def eta(self) -> FloatArray: ...
    @property
    def phi(self) -> float | None: ...
    @property
    def sigma(self) -> float: ...
    @property
    def control(self) -> Control: ...


@dataclass(frozen=True, slots=True, eq=False)
class WorkingRows:
    """The rows at the mode as those of a linear model.

    Parameters
    ----------
    weights : (n,) float64
        Observed weights, -d2 of the log-likelihood.
    residuals : (n,) float64
        Working residuals, d1 over the weights.
    """

    weights: FloatArray
    residuals: FloatArray


def working_rows(fit: AtMode) -> WorkingRows:
    """Observed weights and working residuals at the mode.

    Parameters
    ----------
    fit : AtMode
        A fitted model.
    """
    y, w = fit.design.y, fit.design.weights
    rows = FamilyRows(fit.family, fit.link, y, np.ones(y.size) if w is None else w)
    terms = row_step(rows, fit.eta, fit.phi)
    # The sign of a weight is free, but nothing may be divided by a zero.
    least = 1e-12 * max(float(np.abs(terms.observed).mean()), 1e-300)
    observed = np.where(np.abs(terms.observed) < least, least, terms.observed)
    return WorkingRows(observed, terms.d1 / observed)


@memo
def working_problem(fit: AtMode) -> Problem:
    """The working linear mixed model in the user's columns, with observed weights.

    Made when it is first asked for, and remembered for as long as the fit lives.

    Parameters
    ----------
    fit : AtMode
        A fitted model.

    Source
    ------
    McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., eq. 2.13.
    """
    arrays, offset, _ = glmm_arrays(fit.design)
    working = working_rows(fit)
    response = fit.eta - offset + working.residuals
    scaled = np.ascontiguousarray(fit.sigma**2 * working.weights)
    working_arrays = replace(arrays, y=response, weights=scaled)
    options = fit.control
    return build_problem(working_arrays, threads=options.threads, solver=options.solver)
