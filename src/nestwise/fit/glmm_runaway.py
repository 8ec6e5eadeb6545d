"""Estimates that ran away: to infinity, or into a pole of Laplace's approximation."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.families.family import Family
from nestwise.core.glmm import GlmmProblem
from nestwise.core.links.link import Link
from nestwise.fit.glmm_newton import GlmmPath, spectrum
from nestwise.fit.verdict import ACCEPTABLE

FLAT = 2e-4
"""Curvature of the criterion, per squared unit of the link, that is called flat."""

OWN_UNIT = ("logit", "probit", "cloglog", "cauchit", "log")
"""Links whose linear predictor has no unit: a difference of one is never small."""

FAR = 10.0
"""Standard deviation or coefficient (link scale) that is far out: no mean moves any more."""

FLAT_THERE = 2
"""What `ran_away` says of estimates that nothing holds."""

WIDE = 15.0
"""Range of the linear predictors that such effects have; without it they only cancel each other,
as an intercept and a slope of a covariate far from zero do."""

STEEP = 1e4
"""Gradient from which the end of the optimiser is a pole of Laplace's approximation: there the
joint density bends upwards at its mode, and log|M| tends to minus infinity."""


WAVY_LINKS, WAVY_FAMILIES = ("cauchit", "inverse"), ("inverse gaussian",)
"""Links and families whose log density is not concave in the linear predictor."""


def bends_up(family: Family, link: Link) -> bool:
    """Whether the joint density may bend upwards, and the criterion have poles and more optima.

    Parameters
    ----------
    family, link
        Of the model.

    Examples
    --------
    >>> from nestwise.core.families.registry import FAMILIES
    >>> from nestwise.core.links.registry import LINKS
    >>> bends_up(FAMILIES["binomial"], LINKS["logit"])
    False
    """
    bent = family.name == "gaussian" and link.name != "identity"
    return bent or link.name in WAVY_LINKS or family.name in WAVY_FAMILIES


def unit_of(link: Link, eta: FloatArray) -> float:
    """How large a parameter typically is: links with a logarithm have their own unit.

    Parameters
    ----------
    link : Link
        The link function.
    eta : (n,) float64
        Linear predictor.
    """
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


def ran_away(problem: GlmmProblem, link: Link, path: GlmmPath) -> int:
    """How an optimum is held: 0 properly, 1 far out, 2 by nothing (it ran away).

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    link : Link
        The link function.
    path : GlmmPath
        Where the optimiser ended, with exact curvature.
    """
    unit = unit_of(link, path.point.result.eta)
    own = slice(0, problem.m + problem.layout.p)
    scaled = np.abs(path.point.psi[own]) / unit
    if not float(scaled.max()) > FAR or float(np.ptp(path.point.result.eta)) < WIDE * unit:
        return 0
    if np.linalg.eigvalsh(path.hessian[own, own])[0] * unit**2 < FLAT:
        return FLAT_THERE
    return int(float(scaled[: problem.m].max()) > FAR)


def at_pole(path: GlmmPath) -> bool:
    """Whether the optimiser fell into a pole: the criterion has no bound there, and no meaning.

    Parameters
    ----------
    path : GlmmPath
        Where it ended.
    """
    steep = float(np.abs(path.point.gradient).max(initial=0.0)) > STEEP
    return steep and path.decrease > ACCEPTABLE and path.stopped != "unbounded"
