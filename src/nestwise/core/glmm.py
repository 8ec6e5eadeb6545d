"""Laplace's approximation as a function of one vector: (par, beta, log phi).

par are the entries of Lambda with Cov(b) = Lambda Lambda' (absolute, also for families with a
scale), beta the coefficients of the centred and scaled X; all in the units of the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm_kernel import GlmmKernel, GlmmPlace, GlmmResult, RowFunction
from nestwise.core.glmm_rows import Step
from nestwise.core.lmm import flat_lambdas, lambda_templates
from nestwise.core.problem import ModelArrays, Problem

LOG_PHI = 200.0
"""Size of log(phi) beyond which it stays: third powers of phi have to be finite."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class GlmmProblem:
    """A generalised linear mixed model with the maps between the user's units and the kernel's.

    Parameters
    ----------
    kernel : GlmmKernel
        Criterion and gradient.
    layout : Problem
        A working linear mixed model of the same columns: where theta goes, the scales.
    arrays : ModelArrays
        The rows; `y` is the response itself.
    offset : (n,) float64
        Known part of the linear predictor.
    rows : RowFunction
        Log-likelihood of the rows.
    has_phi : bool
        Whether there is a dispersion parameter.
    """

    kernel: GlmmKernel
    layout: Problem
    arrays: ModelArrays
    offset: FloatArray
    rows: RowFunction
    has_phi: bool

    @property
    def m(self) -> int:
        """Number of covariance parameters."""
        return len(self.layout.entries)

    @property
    def size(self) -> int:
        """Number of all parameters."""
        return self.m + self.layout.p + int(self.has_phi)


@dataclass(frozen=True, slots=True, eq=False)
class GlmmEvaluation:
    """The criterion at one point of the parameter space.

    Parameters
    ----------
    psi : (size,) float64
        (par, beta, log phi) in the kernel's units.
    value : float
        -2 log-likelihood, NaN where no mode was found.
    gradient : (size,) float64
        Its derivative by psi; empty when not asked for.
    result : GlmmResult
        What the kernel returned.
    """

    psi: FloatArray
    value: float
    gradient: FloatArray
    result: GlmmResult


def phi_of(problem: GlmmProblem, psi: FloatArray) -> float | None:
    """The dispersion parameter, None where the family has none."""
    return float(np.exp(np.clip(psi[-1], -LOG_PHI, LOG_PHI))) if problem.has_phi else None


def evaluate_glmm(
    problem: GlmmProblem, psi: FloatArray, u: FloatArray | None = None, order: int = 1
) -> GlmmEvaluation:
    """Criterion and gradient at `psi`.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    psi : (size,) float64
        (par, beta, log phi) in the kernel's units; the signs of par are free.
    u : (q,) float64, optional
        Where the search for the mode begins; zero when not given.
    order : int
        0: criterion only; 1: with gradient; 2: with the Hessian where the kernel knows it.
    """
    layout, m = problem.layout, problem.m
    beta = np.ascontiguousarray(psi[m : m + layout.p])
    lambdas = flat_lambdas(layout, psi[:m])
    place = GlmmPlace(lambdas, layout.entries, beta, phi_of(problem, psi), u)
    r = problem.kernel.evaluate(place, order)
    gradient = np.zeros(0)
    if order > 0 and np.isfinite(r.criterion):
        last = [r.grad_log_phi] if problem.has_phi else []
        gradient = np.concatenate([r.grad_lambda, r.grad_beta, last])
    return GlmmEvaluation(psi, r.criterion, gradient, r)


def working_rows(
    arrays: ModelArrays, offset: FloatArray, eta: FloatArray, terms: Step
) -> ModelArrays:
    """The linear mixed model whose equations are one scoring step at `eta`.

    Source: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., eq. 2.13.

    Parameters
    ----------
    arrays : ModelArrays
        The rows; `y` is not used.
    offset : (n,) float64
        Known part of the linear predictor.
    eta : (n,) float64
        Linear predictor.
    terms : Step
        The rows there.
    """
    weights = np.maximum(terms.info, 1e-10 * max(float(np.mean(terms.info)), 1e-300))
    response = eta - offset + terms.d1 / weights
    return ModelArrays(
        y=np.ascontiguousarray(response),
        X=arrays.X,
        intercept=arrays.intercept,
        weights=np.ascontiguousarray(weights),
        codes=arrays.codes,
        n_levels=arrays.n_levels,
        terms=arrays.terms,
    )


def linear_predictor(
    layout: Problem,
    arrays: ModelArrays,
    offset: FloatArray,
    par: FloatArray,
    beta: FloatArray,
    u: FloatArray,
) -> FloatArray:
    """(n,) offset + X beta + Z Lambda u.

    Parameters
    ----------
    layout : Problem
        Maps and scales.
    arrays : ModelArrays
        The rows.
    offset : (n,) float64
        Known part.
    par : (m,) float64
        Entries of Lambda in the kernel's units.
    beta : (p,) float64
        Coefficients of the centred and scaled X.
    u : (q,) float64
        Spherical random effects.
    """
    eta = offset + arrays.X @ (layout.basis.to_user @ beta)
    for term, b in zip(arrays.terms, random_effects(layout, par, u), strict=True):
        codes = arrays.codes[term.factor]
        for j, column in enumerate(term.columns):
            effect = b[codes, j]
            eta += effect if column is None else effect * column
    return np.asarray(eta)


def random_effects(layout: Problem, par: FloatArray, u: FloatArray) -> tuple[FloatArray, ...]:
    """(n_levels, k) effects b = Lambda u of each term, in the units of the columns."""
    per_factor, at = [], 0
    templates = lambda_templates(layout, par)
    for (k, m), La, scale in zip(layout.shapes, templates, layout.column_scales, strict=True):
        per_factor.append(u[at : at + m * k].reshape(m, k) @ La.T / scale)
        at += m * k
    return tuple(per_factor[t.factor][:, t.first : t.first + t.k] for t in layout.terms)
