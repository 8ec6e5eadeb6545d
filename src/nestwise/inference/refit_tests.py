"""Tests of a fixed effect in refits, where only the response has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc

from nestwise._base.arrays import FloatArray
from nestwise.core.compiled import CompiledKernel
from nestwise.core.families.family import Family
from nestwise.core.links.link import Link
from nestwise.core.lmm import term_lambdas, unscaled_vcov
from nestwise.core.optimum import response_statistics
from nestwise.core.patterns import is_patterned
from nestwise.core.problem import Problem
from nestwise.design.model import Design
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.lmm import fit_lmm, refit
from nestwise.fit.refitter import Refitter, make_refitter, refit_statistics
from nestwise.fit.result import LmmFit
from nestwise.inference.ddf import methods
from nestwise.inference.wald import two_sided_p

LRT = "lrt"


@dataclass(frozen=True, slots=True)
class CoefficientTest:
    """The test of one coefficient in one refit.

    Parameters
    ----------
    p_value, estimate : float
        NaN where the refit failed.
    converged, singular : bool
        Its verdict.
    """

    p_value: float
    estimate: float
    converged: bool
    singular: bool


def coefficient_tester(
    fit: LmmFit, column: int, test: str
) -> Callable[[FloatArray], CoefficientTest]:
    """A function from a response to the test that a coefficient is zero.

    Parameters
    ----------
    fit : LmmFit
        The model; by maximum likelihood for ``"lrt"``.
    column : int
        Position of the coefficient.
    test : str
        A method for degrees of freedom (``"satterthwaite"``, ``"kenward-roger"``, ``"normal"``,
        ...), or ``"lrt"``.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> one = coefficient_tester(m.fit, 1, "satterthwaite")(m.fit.design.y)
    >>> round(one.p_value / float(m.pvalues.iloc[1]), 2)
    1.0
    """
    if test == LRT:
        return _by_likelihood(fit, column)
    method = methods(fit)[test]
    again = _refitting(fit)
    row = np.zeros((1, fit.beta.size))
    row[0, column] = 1.0

    def tested(y: FloatArray) -> CoefficientTest:
        found = again(y)
        variance = float(method.vcov(found)[column, column])
        statistic = np.array([found.beta[column] / np.sqrt(variance)])
        p = float(two_sided_p(statistic, method.single(found, row))[0])
        verdict = found.verdict
        estimate = float(found.beta[column])
        return CoefficientTest(p, estimate, verdict.converged, verdict.singular)

    return tested


def generalised_tester(
    design: Design, family: Family, link: Link, n_agq: int, column: int, test: str
) -> Callable[[FloatArray], CoefficientTest]:
    """The same for a generalised linear mixed model, each response fitted anew.

    Parameters
    ----------
    design : Design
        Without a response of its own.
    family, link, n_agq
        As for `fit_glmm`.
    column : int
        Position of the coefficient.
    test : str
        ``"normal"`` (Wald's z) or ``"lrt"``.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> f = m.fit
    >>> one = generalised_tester(f.design, f.family, f.link, 1, 1, "normal")(f.design.y)
    >>> round(one.p_value / float(m.pvalues.iloc[1]), 3)
    1.0
    """
    narrow = without(design, column) if test == LRT else None

    def tested(y: FloatArray) -> CoefficientTest:
        found = fit_glmm(replace(design, y=y), family, link, n_agq)
        estimate = float(found.beta[column])
        converged = found.verdict.converged
        if narrow is None:
            z = np.array([estimate / np.sqrt(float(found.vcov[column, column]))])
            p = float(two_sided_p(z, np.array([np.inf]))[0])
        else:
            zero = fit_glmm(replace(narrow, y=y), family, link, n_agq)
            p = float(chdtrc(1, max(zero.criterion - found.criterion, 0.0)))
            converged = converged and zero.verdict.converged
        return CoefficientTest(p, estimate, converged, found.verdict.singular)

    return tested


def _refitting(fit: LmmFit) -> Callable[[FloatArray], LmmFit]:
    """The fast refit where the compiled kernel has one, else a whole one."""
    if is_patterned(fit.problem) or not isinstance(fit.working.kernel, CompiledKernel):
        return lambda y: refit(fit, y)
    refitter = make_refitter(fit)
    return lambda y: _light(refitter, y)


def _light(refitter: Refitter, y: FloatArray) -> LmmFit:
    """As much of a fit as tests of fixed effects read: the modes stay those of the first."""
    fit, made = refitter.fit, refitter.problems
    response = y if fit.design.offset is None else y - fit.design.offset
    statistics = response_statistics(made.working, made.arrays, response)
    found = refit_statistics(refitter, statistics)
    kernel = made.working.kernel
    assert isinstance(kernel, CompiledKernel)
    handle = kernel.handle.with_response(statistics.Zy, statistics.Xy, statistics.yy)
    working: Problem = replace(made.working, kernel=replace(kernel, handle=handle))
    theta = made.working_theta(found.theta)
    return replace(
        fit,
        problem=working if made.working is made.problem else fit.problem,
        working=working,
        working_theta=theta,
        theta=found.theta,
        beta=found.beta,
        sigma=found.sigma,
        criterion=found.criterion,
        lambdas=term_lambdas(made.problem, found.theta),
        unscaled_vcov=unscaled_vcov(working, theta),
        verdict=replace(fit.verdict, converged=found.converged, singular=found.singular),
        curvature=None,
    )


def _by_likelihood(fit: LmmFit, column: int) -> Callable[[FloatArray], CoefficientTest]:
    """Twice the difference of the log-likelihoods with and without the coefficient."""
    large, small = (
        make_refitter(fit),
        make_refitter(fit_lmm(without(fit.design, column), reml=False)),
    )

    def tested(y: FloatArray) -> CoefficientTest:
        one, zero = large.fit_response(y), small.fit_response(y)
        chisq = max(zero.criterion - one.criterion, 0.0)
        converged = one.converged and zero.converged
        estimate = float(one.beta[column])
        return CoefficientTest(float(chdtrc(1, chisq)), estimate, converged, one.singular)

    return tested


def without(design: Design, column: int) -> Design:
    """The design without one column of the fixed effects."""
    fixed = design.fixed
    kept = [j for j in range(len(fixed.names)) if j != column]
    narrower = replace(
        fixed,
        X=np.asfortranarray(fixed.X[:, kept]),
        names=tuple(fixed.names[j] for j in kept),
        assign=tuple(fixed.assign[j] for j in kept),
        intercept=fixed.intercept and column != 0,
        full=None,
    )
    return replace(design, fixed=narrower)


__all__ = ["LRT", "CoefficientTest", "coefficient_tester", "generalised_tester", "without"]
