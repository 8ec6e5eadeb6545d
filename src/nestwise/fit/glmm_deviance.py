"""Laplace's criterion as a function of its parameters, for those who want to look at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.options import Control
from nestwise.core.families.family import Family
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem, evaluate_glmm
from nestwise.core.links.link import Link
from nestwise.design.check import check_groups
from nestwise.design.model import Design
from nestwise.fit.deviance import theta_names
from nestwise.fit.glmm_model import make_glmm


@dataclass(frozen=True, slots=True, eq=False)
class GlmmDeviance:
    """-2 log-likelihood by (theta, beta, log phi), the user's units (glmer's ``devFunOnly``).

    Parameters
    ----------
    problem : GlmmProblem
        The criterion in the kernel's units.
    has_scale : bool
        Whether the dispersion is a scale, to which theta is relative.
    start : (k,) float64
        theta of lme4's start (one on diagonals, zero elsewhere), beta and log phi of a first fit
        by quasi-likelihood.
    names : tuple of str
        Names of theta as in lme4, of the coefficients, and ``log(phi)`` where there is one.
    """

    problem: GlmmProblem
    has_scale: bool
    start: FloatArray
    names: tuple[str, ...]

    def value(self, parameters: FloatArray) -> float:
        """The criterion at `parameters` (k values)."""
        return _evaluate(self, parameters, 0).value

    def gradient(self, parameters: FloatArray) -> FloatArray:
        """(k,) exact derivative of `value` at `parameters`."""
        values = np.asarray(parameters, dtype=np.float64)
        slope = _evaluate(self, values, 1).gradient
        if not len(slope):
            return np.full(len(values), np.nan)
        problem, m = self.problem, self.problem.m
        layout, p = problem.layout, problem.layout.p
        by_theta = slope[:m] * layout.theta_scale
        by_beta = np.linalg.solve(layout.basis.to_user.T, slope[m : m + p])
        last = slope[m + p :].copy()
        if self.has_scale:
            by_theta *= _sigma(values)
            last += 0.5 * float(by_theta @ values[:m])
        return np.concatenate([by_theta, by_beta, last])


def _sigma(values: FloatArray) -> float:
    return float(np.exp(0.5 * values[-1]))


def _evaluate(function: GlmmDeviance, parameters: FloatArray, order: int) -> GlmmEvaluation:
    values = np.asarray(parameters, dtype=np.float64)
    if values.shape != function.start.shape or not np.isfinite(values).all():
        raise OptionError(
            f"parameters has shape {values.shape}; this model needs {len(function.start)} finite "
            f"values: {', '.join(function.names)}"
        )
    problem, m = function.problem, function.problem.m
    layout, p = problem.layout, problem.layout.p
    psi = values.copy()
    psi[:m] *= layout.theta_scale * (_sigma(values) if function.has_scale else 1.0)
    psi[m : m + p] = np.linalg.solve(layout.basis.to_user, values[m : m + p])
    return evaluate_glmm(problem, psi, None, order)


def glmm_deviance(
    design: Design, family: Family, link: Link, control: Control | None = None
) -> GlmmDeviance:
    """The criterion of a design as a function of (theta, beta, log phi).

    Parameters
    ----------
    design : Design
        With at least one random-effects term.
    family, link
        Distribution of the response and link function.
    control : Control, optional
        ``laplace="expected"`` gives glmer's criterion also for links that are not canonical.

    Returns
    -------
    GlmmDeviance
        See there.
    """
    check_groups(design)
    options = Control() if control is None else control
    model = make_glmm(design, family, link, options, centre=False)
    problem, layout = model.problem, model.problem.layout
    theta = (layout.entries[:, 1] == layout.entries[:, 2]).astype(np.float64)
    beta = layout.basis.to_user @ model.start.beta
    last = [] if model.start.phi is None else [np.log(model.start.phi)]
    names = (*theta_names(design, layout), *design.fixed.names, *["log(phi)"] * len(last))
    return GlmmDeviance(problem, model.has_scale, np.concatenate([theta, beta, last]), names)
