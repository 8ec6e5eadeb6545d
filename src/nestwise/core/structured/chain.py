"""Residuals that depend on the one before them only: evaluated from sums over pairs of neighbours.

The compiled twin of `nestwise.core.structured.blockwise` for first-order autoregressions, in visits
or in time, beside random effects that share one grouping factor. What an evaluation costs does not
depend on the number of rows, and its second derivatives are exact.
"""

from __future__ import annotations

from typing import Any

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core import _kernels
from nestwise.core.optimum import STOPPED
from nestwise.core.structured.blockwise import Evaluation, failed
from nestwise.core.structured.problem import StructuredProblem


def evaluate_chain(chain: _kernels.Chain, par: FloatArray, reml: bool) -> Evaluation:
    """Criterion with exact first and second derivatives.

    Parameters
    ----------
    chain : Chain
        From `nestwise.core.structured.chainsums.make_chain`.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.
    """
    return _evaluation(chain.evaluate(par, reml))


def descend_chain(
    chain: _kernels.Chain, start: FloatArray, reml: bool, tolerance: float, max_evaluations: int
) -> tuple[Evaluation, int, float, str]:
    """Newton's method as in `nestwise.fit.newton`, compiled.

    Parameters
    ----------
    chain : Chain
        From `nestwise.core.structured.chainsums.make_chain`.
    start : (m,) float64
        Parameters to begin with.
    reml : bool
        REML or ML.
    tolerance, max_evaluations
        As in `Control`.

    Returns
    -------
    tuple
        The best point, evaluations, the decrease that its curvature still promises, and why it
        stopped there.
    """
    found, count, decrease, stopped = chain.descend(start, reml, tolerance, max_evaluations)
    return _evaluation(found), count, decrease, STOPPED[stopped]


def chain_curvature(
    problem: StructuredProblem, par: FloatArray, reml: bool
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Second derivatives of the determinants and of pwrss, and first ones of X'V^-1 X.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    reml : bool
        REML or ML.

    Returns
    -------
    (m, m), (m, m), (m, p, p) float64
        The last in the basis Q. None where the model has no chain, or parameters that fill entries
        of Lambda.

    Raises
    ------
    FitError
        When the covariance matrix is singular there.
    """
    if problem.chain is None or problem.arrays.patterned:
        return None
    found = problem.chain.curvature(par, reml)
    if found is None:
        raise FitError("the covariance matrix at the estimates is singular")
    return found


def _evaluation(found: tuple[Any, ...]) -> Evaluation:
    if len(found) == 2:
        return failed(found[0])
    par, value, gradient, hessian, by_logdet, by_pwrss, pwrss, delta, Phi = found
    return Evaluation(par, value, gradient, hessian, 1, by_logdet, by_pwrss, pwrss, delta, Phi)
