"""One honest word on the optimum: converged, singular, not identifiable, saddle, or not.

What lme4 leaves to warnings is decided here from exact derivatives.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.lmm import lambda_templates
from nestwise.core.problem import Problem
from nestwise.design.model import Design, RandomTerm
from nestwise.fit.result import Status, Verdict

ACCEPTABLE = 1e-6
"""Promised further decrease up to which an optimum is called found."""

FLAT_NOISE = 0.1
"""The same along a direction that the data leave open, when no step helps any more."""

PERFECT = 1e-6
"""Distance of a correlation from one that is called one."""


class Ended(Protocol):
    """How an optimisation ended."""

    @property
    def n_evaluations(self) -> int: ...
    @property
    def decrease(self) -> float: ...
    @property
    def stopped(self) -> str: ...


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def singular_term(
    term: RandomTerm, group: str, Lambda: FloatArray, tolerance: float
) -> Diagnostic | None:
    """What is singular about one term, from its Lambda in scaled units."""
    sd = np.sqrt((Lambda**2).sum(axis=1))
    zero = [term.columns[i] for i in np.flatnonzero(sd < tolerance)]
    if zero:
        return Diagnostic(
            "singular",
            f"The variance of {_list(zero)} by {group} is estimated as zero.",
            "The data show no variation of this kind beyond chance: leave the term out, or keep "
            "it if the design asks for it; the other estimates are valid either way.",
        )
    if np.abs(Lambda.diagonal()).min() >= tolerance:
        return None
    R = Lambda @ Lambda.T / np.outer(sd, sd)
    pairs = [
        f"{term.columns[j]} and {term.columns[i]} ({'+' if R[i, j] > 0 else '-'}1)"
        for i in range(len(R))
        for j in range(i)
        if abs(R[i, j]) > 1.0 - PERFECT
    ]
    what = (
        f"The correlation of {_list(pairs)} by {group} is estimated at its limit."
        if pairs
        else f"The random effects by {group} ({_list(list(term.columns))}) are estimated to vary "
        "in fewer directions than there are effects."
    )
    return Diagnostic(
        "singular",
        what,
        "There are too few groups, or too little variation, for these correlations: use "
        "uncorrelated effects (||) or fewer of them.",
    )


def singular_terms(
    design: Design, problem: Problem, par: FloatArray, tolerance: float
) -> tuple[Diagnostic, ...]:
    """One diagnostic for each term whose covariance matrix is singular.

    Parameters
    ----------
    design, problem
        Names and positions.
    par : (m,) float64
        Rectified, in the kernel's (scaled) units.
    tolerance : float
        `Control.singular_tolerance`.
    """
    if (np.abs(par[problem.diagonal]) >= tolerance).all():
        return ()  # all variances are above it, and no column of a Lambda is lost
    templates = lambda_templates(problem, par)
    out = []
    for term, block in zip(design.terms, problem.terms, strict=True):
        part = slice(block.first, block.first + block.k)
        Lambda = templates[block.factor][part, part]
        found = singular_term(term, design.factors[term.factor].name, Lambda, tolerance)
        if found is not None:
            out.append(found)
    return tuple(out)


def _not_converged(path: Ended, control: Control) -> Diagnostic:
    return Diagnostic(
        "not-converged",
        f"The optimiser stopped after {path.n_evaluations} evaluations ({path.stopped}); the "
        f"curvature promises a further decrease of {path.decrease:.2g} in the criterion.",
        f"Raise control={{'max_evaluations': ...}} above {control.max_evaluations}, start "
        "elsewhere, or simplify the random effects.",
    )


def _saddle(path: Ended) -> Diagnostic:
    return Diagnostic(
        "saddle",
        f"The optimum found after {path.n_evaluations} evaluations is a saddle: a variance that "
        "is estimated as zero would improve the criterion.",
        "Start from other values (start=...) and compare the criteria.",
    )


def _collapsed() -> Diagnostic:
    return Diagnostic(
        "no-residual-variance",
        "The residual variance tends to zero: the random effects can reproduce the response, so "
        "that the likelihood has no maximum.",
        "Use fewer random effects, or none for groups with as few rows as effects.",
    )


def acceptable(stopped: str, par: FloatArray, flat: bool) -> float:
    """Promised decrease up to which an optimum is found: what rounding hides cannot be had.

    With relative standard deviations of 1e4 the reduced matrices keep half of the digits, which
    `nestwise.fit.digits` tells.

    Parameters
    ----------
    stopped : str
        Why the optimiser stopped.
    par : (m,) float64
        Its last parameters, columns scaled.
    flat : bool
        Whether the data leave a direction open: along it there is nothing but rounding.
    """
    if stopped != "noise":
        return ACCEPTABLE
    if flat:
        return FLAT_NOISE
    return max(ACCEPTABLE, min(5e-14 * float(np.square(par).max(initial=0.0)), 1e-3))


def decide(
    singular: tuple[Diagnostic, ...],
    flat: tuple[Diagnostic, ...],
    path: Ended,
    saddle: bool,
    collapsed: bool,
    control: Control,
    forgiven: float = ACCEPTABLE,
) -> tuple[Verdict, tuple[Diagnostic, ...]]:
    """The verdict and its diagnostics, worst first.

    Parameters
    ----------
    singular, flat : tuple of Diagnostic
        From `singular_terms` and `nestwise.fit.identify.identifiability`.
    path : Ended
        Where the optimiser stopped.
    saddle : bool
        Whether restarts ran out at a saddle.
    collapsed : bool
        Whether nothing is left to the residuals.
    control : Control
        Its options.
    forgiven : float
        From `acceptable`.
    """
    converged = path.decrease <= forgiven and not collapsed
    told: tuple[Diagnostic, ...] = ()
    status: Status = "converged"
    if singular:
        status = "singular"
    if flat:
        status = "not-identifiable"
    if saddle:
        status, told = "saddle", (_saddle(path),)
    if not converged:
        why = _collapsed() if collapsed else _not_converged(path, control)
        status, told = "not-converged", (*told, why)
    verdict = Verdict(status, converged and not saddle, bool(singular), path.decrease)
    return verdict, (*told, *flat, *singular)
