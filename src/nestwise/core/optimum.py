"""The compiled optimiser: first fits as far as they are easy, and refits by the thousand.

`nestwise.fit.newton` is its readable twin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.compiled import CompiledKernel
from nestwise.core.kernel import KernelResult
from nestwise.core.problem import ModelArrays, Problem
from nestwise.core.threads import limited

PROBES = 16
"""Columns of random signs for each factor, where gradients are estimated."""

DEAR = 120.0
"""Cube of the order of a dense remainder, in products of pairs of levels and probes, from which
its inverse is dearer than solutions for the probes (measured)."""

STOPPED = ("tolerance", "evaluations", "left", "noise", "degenerate")
"""Why the compiled optimiser stopped; positions are the C++ codes."""


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """Where the compiled optimiser stopped on its way down.

    Parameters
    ----------
    par, gradient, hessian : (m,), (m,), (m, m) float64
        As in `nestwise.fit.point.Point`; empty derivatives when it is degenerate.
    decrease : float
        Further decrease that the curvature promises.
    n_evaluations : int
        Evaluations of the kernel.
    stopped : str
        One of `STOPPED`.
    result : KernelResult
        What an evaluation at `par` returns.
    """

    par: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    decrease: float
    n_evaluations: int
    stopped: str
    result: KernelResult


@dataclass(frozen=True, slots=True, eq=False)
class ResponseStatistics:
    """All that the criterion needs of a response, less its first fit X (to_user @ shift).

    Parameters
    ----------
    Zy : (q,) float64
        Z'Wy: factor by factor, level by level, scaled columns.
    Xy : (p,) float64
        X'Wy, centred and scaled columns.
    yy : float
        y'Wy.
    """

    Zy: FloatArray
    Xy: FloatArray
    yy: float


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Where the compiled optimiser ended.

    Parameters
    ----------
    par : (m,) float64
        theta in the kernel's units, any sign.
    criterion : float
        REML criterion or -2 log-likelihood in the user's units.
    pwrss : float
        rho^2(theta).
    beta : (p,) float64
        Fixed effects, user's units.
    decrease : float
        Further decrease that the curvature promises.
    n_evaluations : int
        Evaluations of the kernel.
    finite : bool
        False when the criterion could not be evaluated at the start.
    """

    par: FloatArray
    criterion: float
    pwrss: float
    beta: FloatArray
    decrease: float
    n_evaluations: int
    finite: bool


def descent(
    problem: Problem,
    start: FloatArray,
    reml: bool,
    tolerance: float,
    max_evaluations: int,
    patience: int,
    leave: float,
) -> Descent | None:
    """Minimise the criterion, as far as the way is easy.

    Parameters
    ----------
    problem : Problem
        The model.
    start : (m,) float64
        par to begin with, kernel's units.
    reml : bool
        REML or ML.
    tolerance, max_evaluations
        As in `Control`.
    patience : int
        Evaluations after which slow progress ends it as ``"left"``.
    leave : float
        A diagonal of Lambda below this ends it as ``"left"``.

    Returns
    -------
    Descent or None
        None when the kernel is not the compiled one.
    """
    kernel = problem.kernel
    if not isinstance(kernel, CompiledKernel):
        return None
    probes = probes_of(problem, kernel)
    with limited(kernel.dense_order, kernel.threads):
        par, gradient, hessian, decrease, count, stopped, result = kernel.handle.descend(
            start, problem.entries, reml, tolerance, max_evaluations, patience, leave, probes
        )
    why = STOPPED[stopped]
    return Descent(par, gradient, hessian, decrease, count, why, KernelResult(*result))


def probes_of(problem: Problem, kernel: CompiledKernel) -> int:
    """Random signs for each factor to estimate gradients from; 0 where they are made exactly."""
    handle = kernel.handle
    if not handle.tail or handle.sparse_values:
        return 0
    solutions = float(handle.pair_values) * PROBES * len(problem.shapes)
    return PROBES if float(handle.tail) ** 3 > DEAR * solutions else 0


def estimates(problem: Problem) -> bool:
    """Whether the gradients on the way down may be estimates from random signs.

    Parameters
    ----------
    problem : Problem
        The model.
    """
    kernel = problem.kernel
    return isinstance(kernel, CompiledKernel) and probes_of(problem, kernel) > 0


def response_statistics(problem: Problem, arrays: ModelArrays, y: FloatArray) -> ResponseStatistics:
    """Cross-products of a response with the design, after the problem's first fit is taken out.

    Parameters
    ----------
    problem : Problem
        Gives the scaling and the first fit.
    arrays : ModelArrays
        Gives the rows.
    y : (n,) float64
        Response less offset.
    """
    basis = problem.basis
    r = y - arrays.X @ (basis.to_user @ basis.shift)
    weighted = r if arrays.weights is None else r * arrays.weights
    total = float(weighted.sum())
    Xy = (arrays.X.T @ weighted - basis.center * total) / basis.scale
    Zy = []
    for f, (codes, m) in enumerate(zip(arrays.codes, arrays.n_levels, strict=True)):
        columns = [c for t in arrays.terms if t.factor == f for c in t.columns]
        sums = [
            np.bincount(codes, weighted if c is None else weighted * c, minlength=m)
            for c in columns
        ]
        Zy.append((np.stack(sums, axis=1) / problem.column_scales[f]).ravel())
    return ResponseStatistics(np.concatenate(Zy), Xy, float(r @ weighted))


def with_response(problem: Problem, response: ResponseStatistics) -> Problem:
    """The same problem with another response; only its cross-products are exchanged."""
    kernel = problem.kernel
    if not isinstance(kernel, CompiledKernel):
        raise TypeError("responses are exchanged in the compiled kernel only")
    handle = kernel.handle.with_response(response.Zy, response.Xy, response.yy)
    return replace(problem, kernel=replace(kernel, handle=handle))


def optimum(
    problem: Problem,
    response: ResponseStatistics,
    start: FloatArray,
    reml: bool,
    tolerance: float,
    max_evaluations: int,
) -> Optimum:
    """Minimise the criterion of a problem whose response is replaced.

    Parameters
    ----------
    problem : Problem
        With a compiled kernel.
    response : ResponseStatistics
        The new response.
    start : (m,) float64
        par to begin with, kernel's units.
    reml : bool
        REML or ML.
    tolerance, max_evaluations
        As in `Control`.
    """
    kernel = problem.kernel
    if not isinstance(kernel, CompiledKernel):
        raise TypeError("the compiled optimiser works on the compiled kernel only")
    handle = kernel.handle.with_response(response.Zy, response.Xy, response.yy)
    par, value, _, _, pwrss, beta, decrease, count, finite = handle.minimise(
        start, problem.entries, reml, tolerance, max_evaluations
    )
    constant = -problem.log_weights - (2.0 * problem.basis.log_det if reml else 0.0)
    user = problem.basis.to_user @ (beta + problem.basis.shift)
    return Optimum(par, value + constant, pwrss, user, decrease, count, finite)
