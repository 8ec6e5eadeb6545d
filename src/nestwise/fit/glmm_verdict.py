"""What the optimum of a generalised linear mixed model is worth, in words."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmProblem
from nestwise.core.links.link import Link
from nestwise.design.model import Design
from nestwise.fit.glmm_newton import GlmmPath, spectrum
from nestwise.fit.rectify import diagonal_positions
from nestwise.fit.result import Verdict
from nestwise.fit.verdict import ACCEPTABLE, decide, singular_terms

FLAT = 2e-4
"""Curvature of the criterion, per squared unit of the link, that is called flat."""

OWN_UNIT = ("logit", "probit", "cloglog", "cauchit", "log")
"""Links whose linear predictor has no unit: a difference of one is never small."""

SHARE = 0.3
"""Share of a direction from which a parameter is named."""


def _unit(link: Link, eta: FloatArray) -> float:
    """How large a parameter typically is: links with a logarithm have their own unit."""
    if link.name in OWN_UNIT:
        return 1.0
    return max(float(np.std(eta)), 1e-3 * float(np.abs(eta).max()), 1e-300)


def flat_directions(path: GlmmPath, unit: float, has_phi: bool) -> list[FloatArray]:
    """Directions in which the criterion hardly bends: estimates that ran away, or are not told.

    Parameters
    ----------
    path : GlmmPath
        With the exact curvature at its end, kernel's units.
    unit : float
        How large each parameter typically is, the logarithm of a dispersion apart.
    has_phi : bool
        Whether the last parameter is one.
    """
    if unit == 1.0:
        values, vectors = spectrum(path)
    else:
        units = np.full(len(path.hessian), unit)
        units[-1] = 1.0 if has_phi else unit
        values, vectors = np.linalg.eigh(path.hessian * np.outer(units, units))
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
    if problem.has_phi and list(large) == [len(psi) - 1]:
        return _dispersion_at_limit(float(np.exp(psi[-1])))
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


def _dispersion_at_limit(phi: float) -> Diagnostic:
    return Diagnostic(
        "dispersion-at-limit",
        f"The likelihood hardly changes with the dispersion parameter, which is estimated as "
        f"{phi:.3g}: it tends to its limit, or the data say nothing about it.",
        "Take the family without it (poisson for negative binomial, binomial for beta-binomial) "
        "and compare; the other estimates are valid.",
    )


def _edge(path: GlmmPath) -> Diagnostic:
    return Diagnostic(
        "edge-of-range",
        f"The optimiser stopped after {path.n_evaluations} evaluations at the edge of what the "
        "family and link allow: beyond it some row has no mean that is possible, so that no "
        f"conditional modes exist; the curvature promises {path.decrease:.2g} more.",
        "The likelihood has no smooth maximum here: take the family's default link.",
    )


def decide_glmm(
    design: Design,
    problem: GlmmProblem,
    link: Link,
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
    link : Link
        The link function.
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
    unit = _unit(link, path.point.result.eta)
    found = [
        _runaway(design, problem, path.point.psi, d)
        for d in flat_directions(path, unit, problem.has_phi)
    ]
    flat = tuple(d for d in found if d is not None and d.code == "flat-likelihood")
    limits = tuple(d for d in found if d is not None and d.code != "flat-likelihood")
    forgiven = ACCEPTABLE + 1e-12 * abs(path.point.value)
    verdict, told = decide(singular, flat, path, saddle, False, control, forgiven)
    edge = (_edge(path),) if path.stopped == "edge" and not verdict.converged else ()
    return verdict, (*edge, *told, *limits)
