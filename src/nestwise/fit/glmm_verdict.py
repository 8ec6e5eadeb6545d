"""What the optimum of a generalised linear mixed model is worth, in words."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmProblem
from nestwise.design.model import Design
from nestwise.fit.glmm_newton import GlmmPath
from nestwise.fit.rectify import diagonal_positions
from nestwise.fit.result import Verdict
from nestwise.fit.verdict import decide, singular_terms

FLAT = 2e-4
"""Curvature of the criterion, per squared unit of the link, that is called flat."""

SHARE = 0.3
"""Share of a direction from which a parameter is named."""


def flat_directions(problem: GlmmProblem, hessian: FloatArray) -> list[FloatArray]:
    """Directions in which the criterion hardly bends: estimates that ran away, or are not told.

    Variances at zero are left out: their own verdict says it.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    hessian : (size, size) float64
        Exact curvature at the optimum, kernel's units.
    """
    values, vectors = np.linalg.eigh(hessian)
    return [vectors[:, i] for i in np.flatnonzero(values < FLAT)]


def _runaway(
    design: Design, problem: GlmmProblem, psi: FloatArray, direction: FloatArray
) -> Diagnostic | None:
    """A diagnostic for one flat direction."""
    m, p = problem.m, problem.layout.p
    diagonal = diagonal_positions(problem.layout)
    names = [f"a variance ({i + 1})" for i in range(m)]
    names += [f"'{name}'" for name in design.fixed.names]
    names += ["the dispersion"] * int(problem.has_phi)
    large = np.flatnonzero(np.abs(direction) > SHARE)
    zero = {int(i) for i in diagonal if psi[i] == 0.0}
    if len(large) and all(int(i) < m for i in large) and zero:
        return None
    listed = ", ".join(names[i] for i in large[:6])
    fixed = any(m <= i < m + p for i in large)
    what = "has no maximum" if fixed else "hardly changes"
    return Diagnostic(
        "flat-likelihood",
        f"The likelihood {what} in the direction of {listed}: the estimates there are where the "
        "optimiser stopped, and their standard errors are not to be trusted.",
        "Look for groups or levels in which all responses are alike (separation); leave the term "
        "out, join levels, or collect more data.",
    )


def decide_glmm(
    design: Design,
    problem: GlmmProblem,
    path: GlmmPath,
    saddle: bool,
    par: FloatArray,
    control: Control,
) -> tuple[Verdict, tuple[Diagnostic, ...]]:
    """The verdict and its diagnostics, worst first.

    Parameters
    ----------
    design : Design
        Names.
    problem : GlmmProblem
        The model.
    path : GlmmPath
        Where the optimiser stopped.
    saddle : bool
        Whether it is a saddle.
    par : (m,) float64
        Rectified entries of Lambda.
    control : Control
        Its options.
    """
    singular = singular_terms(design, problem.layout, par, control.singular_tolerance)
    flat = tuple(
        found
        for d in flat_directions(problem, path.hessian)
        if (found := _runaway(design, problem, path.point.psi, d)) is not None
    )
    verdict, told = decide(singular, flat, path, saddle, False, control)
    return verdict, told
