"""Fits of models in which a random term has a structured covariance: ``cs``, ``ar1``, ``toep``, ...

The criterion, its gradient and average information are those of theta, the entries of Lambda; they
are carried to the parameters of the structures by the chain rule. Everything after the optimum
reads theta and Lambda and needs to know of no structure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import FitError
from nestwise._base.options import Control
from nestwise.core.hessian import second_part
from nestwise.core.lmm import (
    conditional_modes,
    covariance_from,
    degrees,
    evaluate,
    lambda_templates,
    term_lambdas,
    user_beta,
)
from nestwise.core.patterns import (
    curvature_of,
    hessian_by_par,
    par_of,
    theta_of,
)
from nestwise.core.problem import Problem
from nestwise.core.threads import limited
from nestwise.design.model import Design, RandomTerm
from nestwise.fit.curvature import RESTARTS, profiled, way_down
from nestwise.fit.newton import Path, minimise
from nestwise.fit.point import Point, evaluate_parts
from nestwise.fit.rectify import upright
from nestwise.fit.result import LmmFit, Verdict
from nestwise.fit.start import starting_par
from nestwise.fit.verdict import ACCEPTABLE, decide, singular_terms

FLAT = 1e-7
"""Curvature, relative to the largest, that counts as none."""

EDGE = 1e-4
"""Distance of a correlation matrix from singularity that is called being at the limit."""

LARGE = 300.0
"""Relative standard deviation from which the residual variance is called zero."""

SIZES = (1.0, 0.3, 2.0)
"""Relative standard deviations of the further starts."""

CORRELATION = 0.4
"""Correlation of neighbours in the further starts."""


def patterned_objective(problem: Problem, reml: bool) -> Callable[[FloatArray], Point]:
    """What the optimiser minimises: the parameters of the structures to `Point`."""
    scale = problem.theta_scale

    def function(par: FloatArray) -> Point:
        theta, slopes = theta_of(problem, par)
        parts = evaluate_parts(problem, theta * scale, problem.entries, reml)
        m = len(par)
        if not np.isfinite(parts.value):
            return Point(par, float("nan"), np.zeros(m), np.eye(m), 1, parts.result)
        by_kernel = slopes * scale
        inner = parts.information + second_part(problem, parts.scores)
        hessian = by_kernel @ inner @ by_kernel.T
        bend = curvature_of(problem, par, scale * parts.gradient)
        if np.isfinite(bend).all():
            hessian += bend
        gradient = by_kernel @ parts.gradient
        return Point(par, parts.value, gradient, hessian, parts.evaluations, parts.result)

    return function


def patterned_starts(problem: Problem) -> list[FloatArray]:
    """Moment estimates, and equal standard deviations with correlated neighbours."""
    moments = starting_par(problem) / problem.theta_scale
    out = [par_of(problem, moments)]
    blocks = lambda_templates(problem, np.zeros(len(problem.entries)))
    for size in SIZES:
        for block, scales in zip(blocks, problem.column_scales, strict=True):
            k = len(block)
            lag = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
            half = np.linalg.cholesky(CORRELATION**lag)
            block[:] = size * half / scales[:, None]
        theta = np.concatenate([b.ravel() for b in blocks])[problem.lambda_index]
        out.append(par_of(problem, theta))
    return out


def optimise_patterned(
    problem: Problem, reml: bool, control: Control, starts: list[FloatArray]
) -> Path:
    """The best path from the starts; the first counts, the others are further looks.

    Raises
    ------
    FitError
        When the criterion cannot be evaluated at any start.
    """
    function, best, count = patterned_objective(problem, reml), None, 0

    def leave(par: FloatArray) -> bool:
        return _takes_all(problem, theta_of(problem, par)[0])

    for start in starts:
        path = minimise(function, start, control, leave)
        count += path.n_evaluations
        if path.stopped == "degenerate":
            continue
        if best is None or path.point.value < best.point.value - 1e-9:
            best = path
    if best is None:
        raise FitError(
            "the criterion cannot be evaluated at the starting values: the numbers overflow; "
            "check the scale of the response, the covariates and the weights"
        )
    return replace(best, n_evaluations=count)


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """Where the optimiser of structured terms ended, and the curvature there.

    Parameters
    ----------
    path : Path
        The path, with all its evaluations but those of the Hessian.
    saddle : bool
        Whether restarts ran out at a saddle.
    hessian : (n_par + 1, n_par + 1) float64 or None
        By (par, sigma); None where nothing is left to the residuals.
    """

    path: Path
    saddle: bool
    hessian: FloatArray | None


def leave_saddles(problem: Problem, reml: bool, path: Path, control: Control) -> Settled:
    """Go on from where the exact Hessian bends down.

    Parameters
    ----------
    problem : Problem
        The model.
    reml : bool
        REML or ML.
    path : Path
        Where the optimiser ended.
    control : Control
        Options of the optimiser.
    """
    function, restarts = patterned_objective(problem, reml), 0
    while True:
        point = path.point
        if _takes_all(problem, theta_of(problem, point.par)[0]):
            return Settled(path, False, None)
        H = hessian_by_par(problem, point.par, _sigma(problem, reml, point), reml)
        if path.decrease > ACCEPTABLE:
            return Settled(path, False, H)
        better = way_down(function, point.par, point.value, profiled(H))
        if better is None or restarts == RESTARTS:
            return Settled(path, better is not None, H)
        other = minimise(function, better.par, control)
        path = replace(other, n_evaluations=path.n_evaluations + other.n_evaluations)
        restarts += 1


def _sigma(problem: Problem, reml: bool, point: Point) -> float:
    """Residual standard deviation at a point."""
    return float(np.sqrt(point.result.pwrss / degrees(problem, reml)))


def _takes_all(problem: Problem, theta: FloatArray) -> bool:
    """Whether the random effects leave nothing to the residuals."""
    return bool(np.abs(theta * problem.theta_scale).max() > LARGE)


def _judge(
    design: Design,
    problem: Problem,
    settled: Settled,
    sigma: float,
    control: Control,
) -> tuple[Verdict, tuple[Diagnostic, ...]]:
    """The verdict on a path, and why."""
    path = settled.path
    theta, _ = theta_of(problem, upright(problem, path.point.par))
    if settled.hessian is None:
        verdict = Verdict("not-converged", False, False, path.decrease)
        return verdict, (no_residual(design),)
    singular = singular_structures(design, problem, theta, control.singular_tolerance)
    flat = () if singular else flat_directions(design, path.point.par, sigma, settled.hessian)
    return decide(singular, flat, path, settled.saddle, False, control)


def no_residual(design: Design) -> Diagnostic:
    """The diagnostic of structured random effects that take up all of the variation."""
    names = _structured(design)
    return Diagnostic(
        "no-residual-variance",
        f"The residual variance tends to zero: {names} can take up all of the variation.",
        "With one row for each group and column the structure belongs to the residuals: write "
        "residual='ar1(time | subject)' (or another structure) in place of the random term.",
    )


def _structured(design: Design) -> str:
    """The structured terms as text."""
    return " and ".join(
        f"{t.structure}({design.formula.random[t.bar].label})"
        for t in design.terms
        if t.structure not in ("us", "diag")
    )


def fit_patterned(
    design: Design,
    problem: Problem,
    reml: bool,
    options: Control,
    start: FloatArray | None = None,
) -> LmmFit:
    """Estimate a model with structured random effects and give the verdict.

    Parameters
    ----------
    design : Design
        Names of the terms.
    problem : Problem
        Its cross-products.
    reml, options
        Criterion and optimiser.
    start : (m,) float64, optional
        theta to begin with.
    """
    starts = patterned_starts(problem) if start is None else [par_of(problem, start)]
    with limited(max(problem.kernel.dense_order, 6 * len(problem.entries)), options.threads):
        found = optimise_patterned(problem, reml, options, starts)
        settled = leave_saddles(problem, reml, found, options)
        path = settled.path
        par, sigma = upright(problem, path.point.par), _sigma(problem, reml, path.point)
        theta, _ = theta_of(problem, par)
        verdict, told = _judge(design, problem, settled, sigma, options)
    result = evaluate(problem, theta, reml, 0).kernel
    return LmmFit(
        design=design,
        problem=problem,
        working=problem,
        working_theta=theta,
        reml=reml,
        control=options,
        theta=theta,
        par=par,
        beta=user_beta(problem, result),
        unscaled_vcov=covariance_from(problem, result.RX),
        modes=conditional_modes(problem, theta, result),
        lambdas=term_lambdas(problem, theta),
        sigma=sigma,
        pwrss=path.point.result.pwrss,
        criterion=path.point.value,
        n_evaluations=path.n_evaluations,
        verdict=verdict,
        diagnostics=(*told, *design.diagnostics),
    )


def singular_structures(
    design: Design, problem: Problem, theta: FloatArray, tolerance: float
) -> tuple[Diagnostic, ...]:
    """Variances at zero, then correlations at the limit of what the structure allows."""
    found = list(singular_terms(design, problem, theta * problem.theta_scale, tolerance))
    if found:
        return tuple(found)
    for term, Lambda in zip(design.terms, term_lambdas(problem, theta), strict=True):
        edge = at_limit(term, design.factors[term.factor].name, Lambda)
        if edge is not None:
            found.append(edge)
    return tuple(found)


def at_limit(term: RandomTerm, group: str, Lambda: FloatArray) -> Diagnostic | None:
    """What to say of correlations at the limit of their structure; None when they are not.

    Parameters
    ----------
    term : RandomTerm
        The term.
    group : str
        Its grouping factor.
    Lambda : (k, k) float64
        Its relative factor, with no variance of zero.
    """
    sd = np.sqrt((Lambda**2).sum(axis=1))
    C = Lambda @ Lambda.T / np.outer(sd, sd)
    if len(C) < 2 or np.linalg.eigvalsh(C)[0] >= EDGE:
        return None
    return Diagnostic(
        "singular",
        f"The correlations of {term.structure}(... | {group}) are estimated at the limit of what "
        "the structure allows.",
        "There are too few groups, or too little variation, for this structure: use one with "
        "fewer parameters, or (1 | g).",
    )


def flat_directions(
    design: Design, par: FloatArray, sigma: float, hessian: FloatArray
) -> tuple[Diagnostic, ...]:
    """What the data cannot tell: directions in (par, sigma) without curvature at the optimum."""
    scale = np.append(np.maximum(np.abs(par), 0.1), sigma)
    H = hessian * np.outer(scale, scale)
    if not np.isfinite(H).all():
        return ()
    values = np.linalg.eigvalsh(H)
    if abs(values[0]) > FLAT * float(np.abs(values).max()):
        return ()
    return (
        Diagnostic(
            "not-identifiable",
            f"The data cannot tell the parameters of {_structured(design)} from each other and "
            "from the residual variance: the criterion does not change along one direction.",
            "With one row for each group and column, a structure with a free variance takes up "
            "the residual: use a simpler one, such as (1 | g).",
        ),
    )


__all__ = [
    "at_limit",
    "fit_patterned",
    "flat_directions",
    "no_residual",
    "optimise_patterned",
    "patterned_objective",
    "patterned_starts",
]
