"""The frozen result of a generalised linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nestwise._base.arrays import FloatArray
from nestwise._base.copies import itself, itself_deeply
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.families.family import Family
from nestwise.core.glmm import GlmmProblem
from nestwise.core.links.link import Link
from nestwise.core.problem import Problem
from nestwise.design.model import Design
from nestwise.fit.glmm_working import working_problem
from nestwise.fit.result import Verdict


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class GlmmFit:
    """A generalised linear mixed model fitted to a design by maximum likelihood.

    Parameters
    ----------
    design : Design
        The arrays that were fitted; ``design.y`` is the response (a proportion for binomial
        data, ``design.weights`` then are the trials).
    family : Family
        Distribution of the response given the random effects.
    link : Link
        The link function.
    n_agq : int
        Quadrature points for each random effect; 1 is Laplace's approximation.
    control : Control
        The options of the optimiser.
    model : GlmmProblem
        The criterion as a function of (par, beta, log phi), for further questions.
    theta : (m,) float64
        Covariance parameters in the user's units and lme4's order, relative to `sigma`.
    par : (n_par,) float64
        The free covariance parameters: those of the structures (absolute standard deviations and
        transformed correlations) where a term has one, else `theta`.
    beta : (p,) float64
        Fixed effects, in the order of ``design.fixed.names``.
    phi : float or None
        Dispersion parameter of the family, where it has one.
    sigma : float
        sqrt(phi) for families with a scale, else 1.
    vcov : (p, p) float64
        Covariance of `beta`, from the Hessian of the criterion in all parameters.
    par_vcov : (k, k) float64
        Covariance of (theta, beta, log phi).
    modes : tuple of (n_levels, k) float64
        Conditional modes b of each term of ``design.terms``, in the user's units.
    lambdas : tuple of (k, k) float64
        Relative Cholesky factor of each term: Cov(b) = sigma^2 Lambda Lambda'.
    u : (q,) float64
        Spherical modes: factor by factor, level by level, sd 1 each.
    eta, mu : (n,) float64
        Linear predictor and mean of each row at the modes, offset included.
    criterion : float
        -2 log-likelihood.
    loglik : float
        Log-likelihood.
    n_evaluations : int
        Evaluations of criterion and gradient.
    verdict : Verdict
        Whether it converged, and to what.
    diagnostics : tuple of Diagnostic
        The verdict in words, and what the design had to say.
    """

    design: Design
    family: Family
    link: Link
    n_agq: int
    control: Control
    model: GlmmProblem
    theta: FloatArray
    par: FloatArray
    beta: FloatArray
    phi: float | None
    sigma: float
    vcov: FloatArray
    par_vcov: FloatArray
    modes: tuple[FloatArray, ...]
    lambdas: tuple[FloatArray, ...]
    u: FloatArray
    eta: FloatArray
    mu: FloatArray
    criterion: float
    loglik: float
    n_evaluations: int
    verdict: Verdict
    diagnostics: tuple[Diagnostic, ...]

    __copy__ = itself
    __deepcopy__ = itself_deeply

    def __reduce__(self) -> tuple[Any, ...]:
        from nestwise.fit.parts import reduced

        return reduced(self)

    @property
    def problem(self) -> Problem:
        """The working linear mixed model at the optimum, made when it is first asked for.

        Its equations are the curvature of the joint density at the mode, relative to
        ``sigma**2``, so that the functions of `core.lmm` and `core.equations` give conditional
        covariances and variances of predictions.
        """
        return working_problem(self)
