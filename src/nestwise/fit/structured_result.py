"""The frozen result of a fit with structured residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.copies import itself, itself_deeply
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.structured.filled import fill
from nestwise.core.structured.problem import StructuredProblem
from nestwise.design.model import Design
from nestwise.fit.result import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class NaturalParameters:
    """Parameters of the residuals in the words of users.

    Parameters
    ----------
    part : (k,) object
        ``"correlation"``, ``"variance"`` or ``"arm"``: what they belong to.
    arm : (k,) object
        The arm of each; empty text where all share it.
    names : (k,) object
        ``"rho"``, ``"sd[2]/sd[1]"``, ``"cor[1,2]"``, ``"power"``.
    values : (k,) float64
        Estimates.
    slopes : (k, m) float64
        Their derivatives by all parameters of the fit.
    """

    part: AnyArray
    arm: AnyArray
    names: AnyArray
    values: FloatArray
    slopes: FloatArray


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class StructuredFit:
    """A linear (mixed) model with structured residuals, fitted to a design.

    Cov(y) = sigma^2 V with V = Z Lambda Lambda' Z' + R.

    Parameters
    ----------
    design : Design
        The arrays that were fitted.
    problem : StructuredProblem
        Patterns and sums; `core.structured` answers further questions from it.
    reml : bool
        REML or ML.
    control : Control
        The options of the optimiser.
    par : (m,) float64
        All parameters as the optimiser moves them: entries of the Lambdas in scaled columns, or
        what fills them where a term has a structure such as ``cs`` (user's columns); then the
        residuals'.
    theta : (t,) float64
        Relative covariance parameters of the random effects, user's units, lme4's order.
    residual_par : (m - t,) float64
        The residuals' parameters, free on the real line.
    natural : NaturalParameters
        The same in the words of users.
    beta : (p,) float64
        Fixed effects.
    unscaled_vcov : (p, p) float64
        (X'V^-1 X)^-1.
    modes, lambdas : tuple of (n_levels, k) and of (k, k) float64
        Conditional modes and relative factor of each random term, user's units.
    weighted_residuals : (n,) float64
        V^-1 (y - X beta).
    sigma : float
        sqrt(pwrss / df), df = n - p (REML) or n (ML).
    pwrss : float
        (y - X beta)'V^-1 (y - X beta).
    criterion : float
        -2 log-likelihood, restricted for REML.
    n_evaluations : int
        Evaluations of the criterion with its gradient.
    verdict : Verdict
        Whether it converged, and to what.
    diagnostics : tuple of Diagnostic
        The verdict in words, and what the design had to say.
    """

    design: Design
    problem: StructuredProblem
    reml: bool
    control: Control
    par: FloatArray
    theta: FloatArray
    residual_par: FloatArray
    natural: NaturalParameters
    beta: FloatArray
    unscaled_vcov: FloatArray
    modes: tuple[FloatArray, ...]
    lambdas: tuple[FloatArray, ...]
    weighted_residuals: FloatArray
    sigma: float
    pwrss: float
    criterion: float
    n_evaluations: int
    verdict: Verdict
    diagnostics: tuple[Diagnostic, ...]

    __copy__ = itself
    __deepcopy__ = itself_deeply

    def __reduce__(self) -> tuple[Any, ...]:
        from nestwise.fit.parts import reduced

        return reduced(self)

    @property
    def filled(self) -> FloatArray:
        """(t + r,) `par` with the entries of every Lambda (scaled columns) in their places."""
        return fill(self.problem.arrays, self.par)

    @property
    def loglik(self) -> float:
        """Log-likelihood, restricted for REML: -criterion / 2."""
        return -0.5 * self.criterion
