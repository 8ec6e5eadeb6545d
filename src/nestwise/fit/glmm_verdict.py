"""What the optimum of a generalised linear mixed model is worth, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.families.family import Family
from nestwise.core.glmm import GlmmProblem
from nestwise.core.links.link import Link
from nestwise.design.model import Design
from nestwise.fit.glmm_newton import GlmmPath
from nestwise.fit.glmm_runaway import (
    FLAT_THERE,
    at_pole,
    bends_up,
    flat_directions,
    ran_away,
    unit_of,
)
from nestwise.fit.rectify import diagonal_positions
from nestwise.fit.result import Verdict
from nestwise.fit.verdict import ACCEPTABLE, FLAT_NOISE, decide, singular_terms

REDUCED = {"negative binomial": "poisson", "beta-binomial": "binomial"}
"""Families that become another one at the limit of their dispersion."""

NO_MAXIMUM = ("flat-likelihood", "no-residual-variance")
"""Codes of diagnostics with which estimates are not identifiable."""

LEVEL = 0.1
"""Gradient of a criterion that falls for ever, but hardly, where estimates have run away."""

TOLD = 1e-4
"""Difference of the criterion to a way to infinity that is told."""

NEXT_TO = 0.01
"""Linear predictor, beside the spread of all, that is next to the edge at zero."""

BOUNDED = ("sqrt", "identity", "inverse", "1/mu^2")
"""Links whose linear predictor may be one that no mean has."""

SHARE = 0.3
"""Share of a direction from which a parameter is named."""


def _runaway(
    design: Design,
    problem: GlmmProblem,
    family: Family,
    psi: FloatArray,
    direction: FloatArray,
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
        return _dispersion_at_limit(family, float(np.exp(psi[-1])))
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


def _dispersion_at_limit(family: Family, phi: float) -> Diagnostic:
    if family.name in REDUCED:
        smaller = REDUCED[family.name]
        return Diagnostic(
            "dispersion-at-limit",
            f"The likelihood hardly changes with the dispersion parameter, which is estimated as "
            f"{phi:.3g}: it tends to its limit, where the family becomes the {smaller}, or the "
            "data say nothing about it.",
            f"Take family={smaller!r} and compare; the other estimates are valid.",
        )
    return Diagnostic(
        "dispersion-at-limit",
        f"The likelihood hardly changes with the dispersion parameter, which is estimated as "
        f"{phi:.3g}: it tends to its limit, at which the random effects take over all of the "
        "variation within groups, or the data say nothing about it.",
        "Leave out the random effect with about one row a level, or keep it and read its variance "
        "in place of the dispersion; the other estimates are valid.",
    )


def _unbounded(phi: float) -> Diagnostic:
    return Diagnostic(
        "no-residual-variance",
        f"The dispersion runs to its limit (it was held at {phi:.3g}): fixed and random effects "
        "together reproduce the response, so that the likelihood grows for ever and has no "
        "maximum.",
        "Use fewer random effects or fewer coefficients: there are too few rows for both.",
    )


def _edge(path: GlmmPath) -> Diagnostic:
    return Diagnostic(
        "edge-of-range",
        f"The optimiser stopped after {path.n_evaluations} evaluations at the edge of what the "
        "family and link allow: beyond it some row has no mean that is possible, so that no "
        f"conditional modes exist; the curvature promises {path.decrease:.2g} more.",
        "The likelihood has no smooth maximum here: take the family's default link.",
    )


def _pole() -> Diagnostic:
    return Diagnostic(
        "laplace-pole",
        "The optimiser fell into a pole of Laplace's approximation: the joint density of response "
        "and random effects ceases to be concave at its mode there, so that the approximation "
        "has no maximum, though the likelihood may have one; the estimates mean nothing.",
        "Take control={'laplace': 'expected'}, quadrature (nAGQ=7; one grouping factor), or a link "
        "with which the density is concave (logit, probit or cloglog; log).",
    )


def _at_edge(path: GlmmPath, family: Family, link: Link) -> bool:
    """Whether the linear predictor of some row is next to zero, beyond which it has no mean."""
    bounded = link.name in BOUNDED or (link.name == "log" and family.trials)
    if not bounded or (family.name == "gaussian" and link.name == "identity"):
        return False
    eta = path.point.result.eta
    near = float(np.abs(eta).min()) < NEXT_TO * max(float(np.std(eta)), 1e-300)
    return path.stopped == "edge" or near


def _why(path: GlmmPath, family: Family, link: Link) -> tuple[Diagnostic, ...]:
    """Why no optimum was found, where that is known."""
    if _at_edge(path, family, link):
        return (_edge(path),)
    if at_pole(path) or (path.stopped == "edge" and bends_up(family, link)):
        return (_pole(),)
    return ()


def _open(
    design: Design, problem: GlmmProblem, family: Family, link: Link, path: GlmmPath
) -> tuple[Diagnostic, ...]:
    """What the likelihood leaves open, each thing once."""
    psi = path.point.psi
    if path.stopped == "unbounded":
        return (_unbounded(float(np.exp(psi[-1]))),)
    unit = unit_of(link, path.point.result.eta)
    known: list[Diagnostic | None] = []
    if path.stopped == "limit":
        # Told once; other flat directions would mix with this one.
        known.append(_dispersion_at_limit(family, float(np.exp(psi[-1]))))
        hessian = path.hessian.copy()
        hessian[-1, -1] = 1.0
        path = replace(path, hessian=hessian)
    found = [
        _runaway(design, problem, family, psi, d)
        for d in flat_directions(path, unit, problem.has_phi)
    ]
    return tuple(dict.fromkeys(d for d in (*known, *found) if d is not None))


def decide_glmm(
    design: Design,
    problem: GlmmProblem,
    family: Family,
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
    family, link
        Distribution and link function.
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
    found = _open(design, problem, family, link, path)
    flat = tuple(d for d in found if d.code in NO_MAXIMUM)
    limits = tuple(d for d in found if d.code not in NO_MAXIMUM)
    forgiven = ACCEPTABLE + 1e-12 * abs(path.point.value)
    if path.stopped == "unbounded":
        forgiven = np.inf  # there is no maximum to be near to
    elif ran_away(problem, link, path) == FLAT_THERE:
        forgiven, saddle = np.inf if flat and _spent(path) else FLAT_NOISE, False
    verdict, told = decide(singular, flat, path, saddle, False, control, forgiven)
    why = () if verdict.converged else _why(path, family, link)
    if any(d.code == "laplace-pole" for d in why):
        told = tuple(d for d in told if d not in flat)
    beyond = (_beyond(path.beyond),) if path.beyond > TOLD else ()
    return verdict, (*why, *told, *limits, *beyond)


def _spent(path: GlmmPath) -> bool:
    """Whether estimates that ran away have no farther to go: no mode is found beyond, or the
    criterion hardly falls. Curvatures are rounding of zeros there, and so is what they promise."""
    if at_pole(path):
        return False
    return path.stopped == "edge" or float(np.abs(path.point.gradient).max()) < LEVEL


def _beyond(gain: float) -> Diagnostic:
    much = f"is lower by {gain:.2g}" if np.isfinite(gain) else "falls without bound"
    return Diagnostic(
        "lower-at-infinity",
        f"These estimates are the best optimum that was found, but the criterion {much} where "
        "variances or coefficients run away to infinity, or a dispersion to its limit, which are "
        "no estimates.",
        "The data are few for this model, or Laplace's approximation is poor: use fewer random "
        "effects, or quadrature (nAGQ=7; one grouping factor) and compare.",
    )
