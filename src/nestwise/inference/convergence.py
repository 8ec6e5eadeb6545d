"""Is the optimum one? What the exact derivatives on which the verdict rests say, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise._base.printed import printed_html
from nestwise.core import _kernels
from nestwise.core.lmm import evaluate
from nestwise.core.patterns import hessian_by_par, is_patterned, theta_of
from nestwise.core.structured.derivatives import deviance_hessian
from nestwise.core.structured.evaluate import evaluate as evaluate_structured
from nestwise.fit.curvature import exact_hessian, free_entries, lower_par
from nestwise.fit.result import Curvature, LmmFit, Status
from nestwise.fit.structured_result import StructuredFit

FLAT = 1e-6
"""Curvature, relative to the largest, that counts as none: differences leave a tenth of it."""

NOISE = 3e-3
"""Diagonal, relative to the largest, up to which differences leave noise; not scaled to one."""

NEARLY_FLAT = 1e-3
"""Curvature at unit diagonal below which a flat direction is confirmed: it may itself be curved."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConvergenceCheck:
    """What the exact derivatives say of an optimum.

    Parameters
    ----------
    status : str
        The fit's verdict.
    gradient : (m,) float64
        Derivative of the criterion by the free theta, in units of the scaled columns.
    eigenvalues : (m + 1,) float64
        Of the exact Hessian of the deviance in (theta, sigma), ascending; sigma in units of itself,
        theta of columns of unit size. Parameters at a zero variance are left out.
    decrease : float
        Further decrease of the criterion that gradient and Hessian promise.
    steps : float
        Length of the Newton step in standard errors of the parameters.
    agrees : bool
        Whether this is what the verdict says: a minimum for ``converged`` and ``singular``; flat in
        some direction for ``not-identifiable``, unless a variance is zero: the flat direction may
        then lead out of the parameter space, where no Hessian sees it.
    """

    status: Status
    gradient: FloatArray
    eigenvalues: FloatArray
    decrease: float
    steps: float
    agrees: bool

    def __str__(self) -> str:
        word = "agrees with" if self.agrees else "contradicts"
        return (
            f"The exact Hessian {word} the verdict '{self.status}': smallest eigenvalue "
            f"{self.eigenvalues[0]:.3g}, largest {self.eigenvalues[-1]:.3g}; a Newton step would "
            f"be {self.steps:.2g} standard errors long and lower the criterion by "
            f"{self.decrease:.2g}."
        )

    __repr__ = __str__
    _repr_html_ = printed_html


@memo
def convergence_check(fit: LmmFit | StructuredFit) -> ConvergenceCheck:
    """Check the verdict of a fit by the exact gradient and Hessian at its optimum.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        A fitted linear mixed model, or one with structured residuals.

    Returns
    -------
    ConvergenceCheck
        Costs two evaluations for each theta; the answer is remembered.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> convergence_check(m.fit).agrees
    True
    """
    gradient, H = _derivatives(fit)
    values, vectors = np.linalg.eigh(H)
    along = vectors.T @ np.append(gradient, 0.0)
    curved = values > FLAT * max(1.0, float(np.abs(values).max()))
    decrease = 0.5 * float(np.sum(along[curved] ** 2 / values[curved]))
    least = _least_curvature(H)
    minimum = least > -FLAT or not _lower_beside(fit)
    if fit.verdict.status == "not-identifiable":
        expected = least < NEARLY_FLAT or fit.verdict.singular or len(gradient) < len(fit.par)
    else:
        expected = abs(least) > FLAT
    stopped = fit.verdict.status in ("saddle", "not-converged")
    agrees = (minimum and expected and decrease < 1e-5) != stopped
    # The deviance is -2 log-likelihood, so that half of H is the information.
    return ConvergenceCheck(
        fit.verdict.status, gradient, values, decrease, float(np.sqrt(decrease)), agrees
    )


def _least_curvature(H: FloatArray) -> float:
    """Smallest eigenvalue of the profiled Hessian at unit diagonal: no units, no number of rows."""
    return _kernels.least_curvature(np.ascontiguousarray(H), NOISE) if len(H) > 1 else 1.0


def _lower_beside(fit: LmmFit | StructuredFit) -> bool:
    """Whether the criterion is lower along the negative curvature, by more than rounding."""
    if isinstance(fit, StructuredFit) or is_patterned(fit.problem):
        return True
    found = Curvature(fit.working_theta, fit.sigma, exact_hessian(fit))
    return lower_par(fit.working, fit.reml, fit.criterion, found) is not None


def _derivatives(fit: LmmFit | StructuredFit) -> tuple[FloatArray, FloatArray]:
    """Gradient and Hessian by the free parameters; by those of the structures where there are."""
    if isinstance(fit, StructuredFit):
        return _of_structured(fit)
    problem, theta = fit.working, fit.working_theta
    gradient = evaluate(problem, theta, fit.reml).gradient
    if is_patterned(problem):
        scale = np.append(np.ones(len(fit.par)), 1.0 / fit.sigma)
        H = hessian_by_par(problem, fit.par, fit.sigma, fit.reml) / np.outer(scale, scale)
        return theta_of(problem, fit.par)[1] @ gradient, H
    scale = np.append(problem.theta_scale, 1.0 / fit.sigma)
    H = exact_hessian(fit) / np.outer(scale, scale)
    free = np.append(free_entries(problem.entries, theta), True)
    return (gradient / problem.theta_scale)[free[:-1]], H[np.ix_(free, free)]


def _of_structured(fit: StructuredFit) -> tuple[FloatArray, FloatArray]:
    """By par and log sigma, without entries of Lambda that a zero on its diagonal fixes."""
    arrays, m = fit.problem.arrays, fit.par.size
    free, first = np.ones(m + 1, dtype=np.bool_), 0
    for term in arrays.effects:
        if term.pattern is None:
            own = fit.par[first : first + term.n_par]
            zero = {r for (r, c), value in zip(term.free, own, strict=True) if r == c and not value}
            at = [first + i for i, (r, c) in enumerate(term.free) if zero & {r, c}]
            free[at] = False
        first += term.n_par
    gradient = evaluate_structured(fit.problem, fit.par, fit.reml).gradient
    H = deviance_hessian(fit.problem, fit.par, fit.sigma, fit.reml)
    return gradient[free[:-1]], H[np.ix_(free, free)]
