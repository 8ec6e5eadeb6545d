"""The frozen results of a fit: what every later question reads and none changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nestwise._base.arrays import FloatArray
from nestwise._base.copies import itself, itself_deeply
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.problem import Problem
from nestwise.design.model import Design

Status = Literal["converged", "singular", "not-identifiable", "saddle", "not-converged"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the optimiser found the optimum, and of what kind it is.

    Parameters
    ----------
    status : str
        ``converged``, ``singular`` (converged, a variance is zero or a correlation one),
        ``not-identifiable`` (converged, but a direction is flat), ``saddle`` or
        ``not-converged``.
    converged : bool
        Whether no better criterion is near: true for the first three.
    singular : bool
        Whether a variance is zero or a correlation plus or minus one.
    decrease : float
        Further decrease of the criterion that the curvature promises, deviance units.
    """

    status: Status
    converged: bool
    singular: bool
    decrease: float


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """Exact second derivatives of the deviance at an optimum.

    Parameters
    ----------
    theta : (m,) float64
        Where, in the units of ``LmmFit.working_theta``.
    sigma : float
        Residual standard deviation there.
    hessian : (m + 1, m + 1) float64
        By (theta, sigma).
    """

    theta: FloatArray
    sigma: float
    hessian: FloatArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LmmFit:
    """A linear mixed model fitted to a design.

    Parameters
    ----------
    design : Design
        The arrays that were fitted.
    problem : Problem
        Their cross-products; `core` functions answer further questions from it.
    working : Problem
        The same model in the coordinates of the optimiser: random slopes of covariates far from
        zero are centred there. Otherwise it is `problem`.
    working_theta : (m,) float64
        theta of `working`.
    reml : bool
        Whether the criterion is REML (else ML).
    control : Control
        The options of the optimiser.
    theta : (m,) float64
        Relative covariance parameters in the user's units and lme4's order.
    par : (n_par,) float64
        What the optimiser moved: theta itself, or fewer parameters where a term has a structure
        such as ``cs`` or ``ar1`` (`nestwise.core.patterns`).
    beta : (p,) float64
        Fixed effects, in the order of ``design.fixed.names``.
    unscaled_vcov : (p, p) float64
        (X'V0^-1 X)^-1, so that ``sigma**2 * unscaled_vcov`` is the covariance of `beta`.
    modes : tuple of (n_levels, k) float64
        Conditional modes b of each term of ``design.terms``, in the user's units.
    lambdas : tuple of (k, k) float64
        Relative Cholesky factor of each term: Cov(b) = sigma^2 Lambda Lambda'.
    sigma : float
        Residual standard deviation.
    pwrss : float
        Penalised weighted residual sum of squares, rho^2(theta).
    criterion : float
        REML criterion or -2 log-likelihood.
    n_evaluations : int
        Evaluations of the criterion with its gradient on all rows, without those of the Hessian.
    verdict : Verdict
        Whether it converged, and to what.
    diagnostics : tuple of Diagnostic
        The verdict in words, and what the design had to say.
    curvature : Curvature or None
        The exact Hessian on which the verdict rests; None where it was not needed.
    """

    design: Design
    problem: Problem
    working: Problem
    working_theta: FloatArray
    reml: bool
    control: Control
    theta: FloatArray
    par: FloatArray
    beta: FloatArray
    unscaled_vcov: FloatArray
    modes: tuple[FloatArray, ...]
    lambdas: tuple[FloatArray, ...]
    sigma: float
    pwrss: float
    criterion: float
    n_evaluations: int
    verdict: Verdict
    diagnostics: tuple[Diagnostic, ...]
    curvature: Curvature | None = None

    __copy__ = itself
    __deepcopy__ = itself_deeply

    def __reduce__(self) -> tuple[Any, ...]:
        from nestwise.fit.parts import reduced

        return reduced(self)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LmFit:
    """A linear model without random part, fitted by (weighted) least squares.

    Parameters
    ----------
    design : Design
        The arrays that were fitted; ``design.terms`` is empty.
    beta : (p,) float64
        Coefficients, in the order of ``design.fixed.names``.
    unscaled_vcov : (p, p) float64
        (X'WX)^-1.
    sigma : float
        Residual standard deviation, sqrt(rss / df_resid).
    rss : float
        Weighted residual sum of squares.
    df_resid : int
        n - p.
    loglik : float
        Gaussian log-likelihood at the estimates, as R's ``logLik``.
    effects : (n,) float64
        Q'y of the orthogonal decomposition: sums of squares of sequential anova come from it.
    hat : (n,) float64
        Leverages.
    diagnostics : tuple of Diagnostic
        Dropped columns and the like.
    """

    design: Design
    beta: FloatArray
    unscaled_vcov: FloatArray
    sigma: float
    rss: float
    df_resid: int
    loglik: float
    effects: FloatArray
    hat: FloatArray
    diagnostics: tuple[Diagnostic, ...]
