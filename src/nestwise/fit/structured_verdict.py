"""One honest word on the optimum of a model with structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.structured.covariance import error_covariance, structure_at
from nestwise.core.structured.evaluate import Evaluation
from nestwise.core.structured.filled import fill
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structures.registry import STRUCTURES
from nestwise.design.model import Design
from nestwise.fit.newton import Route
from nestwise.fit.patterned import at_limit, no_residual
from nestwise.fit.result import Status, Verdict
from nestwise.fit.structured_result import NaturalParameters
from nestwise.fit.verdict import ACCEPTABLE, singular_term

FLAT = 1e-8
"""Curvature of a direction, relative to a unit diagonal, that says the data cannot tell."""

LIMIT = 1e-4
"""Nugget, or one less it, that is called zero."""

BEYOND = 1e3
"""Range, in largest distances, that counts as infinite."""

NEARLY_FLAT = 1e-3
"""Promised further decrease up to which an optimum at infinity counts as reached."""

NEARLY = 1e-7
"""Smallest eigenvalue of the residual correlation matrix that still counts as positive."""


def judge(
    design: Design,
    problem: StructuredProblem,
    path: Route[Evaluation],
    natural: NaturalParameters,
    control: Control,
) -> tuple[Verdict, tuple[Diagnostic, ...]]:
    """The verdict and its diagnostics, worst first.

    Parameters
    ----------
    design, problem
        The model.
    path : Route
        Where the optimiser stopped.
    natural : NaturalParameters
        Its parameters in the words of users.
    control : Control
        Its options.
    """
    if path.stopped == "left":
        return Verdict("not-converged", False, False, path.decrease), (no_residual(design),)
    singular = (
        *_effects(design, problem, path.point.par, control),
        *_residuals(problem, path),
        *_limits(natural),
    )
    away = _without_bound(natural, problem)
    flat = () if away else _flat(problem, path.point)
    singular = away or singular
    converged = path.decrease <= (NEARLY_FLAT if away else ACCEPTABLE)
    status: Status = "converged"
    told: tuple[Diagnostic, ...] = ()
    if singular:
        status = "singular"
    if flat:
        status = "not-identifiable"
    if not converged:
        status, told = "not-converged", (_not_converged(path, control),)
    return Verdict(status, converged, bool(singular), path.decrease), (*told, *flat, *singular)


def _effects(
    design: Design, problem: StructuredProblem, par: FloatArray, control: Control
) -> tuple[Diagnostic, ...]:
    lambdas = effect_lambdas(problem.arrays, fill(problem.arrays, par))
    out = []
    for term, Lambda in zip(design.terms, lambdas, strict=True):
        name = design.factors[term.factor].name
        found = singular_term(term, name, Lambda, control.singular_tolerance)
        if found is None and STRUCTURES[term.structure].pattern is not None:
            found = at_limit(term, name, Lambda)
        if found is not None:
            out.append(found)
    return tuple(out)


def _residuals(problem: StructuredProblem, path: Route[Evaluation]) -> tuple[Diagnostic, ...]:
    """A residual correlation matrix that is singular, in the pattern where it is worst."""
    arrays, par = problem.arrays, fill(problem.arrays, path.point.par)
    if arrays.errors.structure is None:
        return ()
    # No row of the inverse of a chain's correlations adds up to more than 2 / (1 - |r|).
    if problem.chain is not None and 0.5 * problem.chain.short_of_one(par[-1]) > NEARLY:
        return ()
    blocks = problem.blocks
    found, least = structure_at(arrays, blocks, par), np.inf
    if found is not None and found.tables is not None:
        # The correlations of a subject are a part of those of all positions.
        roots = [np.sqrt(R.diagonal()) for R, _ in found.tables]
        pairs = zip(found.tables, roots, strict=True)
        whole = [R / np.outer(sd, sd) for (R, _), sd in pairs]
        if min(float(np.linalg.eigvalsh(C)[0]) for C in whole) > NEARLY:
            return ()
    for pattern in blocks.patterns:
        R, _, _ = error_covariance(arrays, blocks, pattern, par, found)
        sd = np.sqrt(R.diagonal())
        least = min(least, float(np.linalg.eigvalsh(R / np.outer(sd, sd))[0]))
    if least > NEARLY:
        return ()
    return (
        Diagnostic(
            "singular",
            "The residual correlation matrix is estimated at its limit: some residuals of a "
            "subject determine others.",
            "Use a simpler structure, or look for rows that repeat one another.",
        ),
    )


def _limits(natural: NaturalParameters) -> tuple[Diagnostic, ...]:
    """A nugget of zero or one."""
    pairs = zip(natural.values, natural.names, strict=True)
    nuggets = [float(v) for v, n in pairs if n == "nugget"]
    if not any(min(v, 1.0 - v) < LIMIT for v in nuggets):
        return ()
    return (
        Diagnostic(
            "singular",
            "The nugget is estimated at its limit: zero or all of the variance.",
            "Use the structure without a nugget (exp or gau), or independent residuals.",
        ),
    )


def _without_bound(
    natural: NaturalParameters, problem: StructuredProblem
) -> tuple[Diagnostic, ...]:
    """A range far beyond all distances: the likelihood rises for ever, and ever more slowly."""
    pairs = zip(natural.values, natural.names, strict=True)
    reach = max((float(v) for v, n in pairs if n == "range"), default=0.0)
    if not reach > 0.0:
        return ()
    time = problem.arrays.errors.time.reshape(problem.n, -1)
    extent = float(np.linalg.norm(np.ptp(time, axis=0)))
    if reach < BEYOND * extent:
        return ()
    return (
        Diagnostic(
            "singular",
            f"The range of the residual correlations grows without bound ({reach:.2g}; the largest "
            f"distance is {extent:.2g}): over the distances that occur only the fall of the "
            "covariance with distance is determined, not its level.",
            "Fixed effects, their tests and predictions are valid. Report neither range nor sigma, "
            "or use a structure with a shorter memory, such as gau, or with a random effect.",
        ),
    )


def _flat(problem: StructuredProblem, point: Evaluation) -> tuple[Diagnostic, ...]:
    """Directions in which neither gradient nor covariance change."""
    diagonal = point.hessian.diagonal()
    if not diagonal.size or (diagonal.size == 1 and diagonal[0] > 0.0):
        return ()
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(point.hessian * np.outer(scale, scale))
    if values[0] > FLAT * max(1.0, float(values[-1])):
        return ()
    t, share = problem.arrays.n_effects, np.abs(vectors[:, 0])
    both = bool(share[:t].max(initial=0.0) > 0.1 and share[t:].max(initial=0.0) > 0.1)
    what = (
        "The random effects and the residual structure describe the same covariances, so that the "
        "data cannot tell them apart."
        if both
        else "The data cannot tell some covariance parameters apart."
    )
    return (
        Diagnostic(
            "not-identifiable",
            what,
            "Leave one of them out: fixed effects and their tests are the same either way, but "
            "the single covariance parameters mean nothing.",
        ),
    )


def _not_converged(path: Route[Evaluation], control: Control) -> Diagnostic:
    return Diagnostic(
        "not-converged",
        f"The optimiser stopped after {path.n_evaluations} evaluations ({path.stopped}); the "
        f"curvature promises a further decrease of {path.decrease:.2g} in the criterion.",
        f"Raise control={{'max_evaluations': ...}} above {control.max_evaluations}, or use a "
        "simpler residual structure.",
    )
