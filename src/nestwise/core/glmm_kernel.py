"""What a kernel of the generalised linear mixed model answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.kernel import FactorColumns


class Terms(Protocol):
    """log-likelihood of each row and its derivatives by the linear predictor, all (n,).

    `info` is the expected value of ``-d2`` and `dinfo` its derivative. The ``phi_`` members are
    derivatives by log(phi), None for families without a dispersion parameter.
    """

    @property
    def loglik(self) -> FloatArray: ...
    @property
    def d1(self) -> FloatArray: ...
    @property
    def d2(self) -> FloatArray: ...
    @property
    def d3(self) -> FloatArray: ...
    @property
    def info(self) -> FloatArray: ...
    @property
    def dinfo(self) -> FloatArray: ...
    @property
    def phi_loglik(self) -> FloatArray | None: ...
    @property
    def phi_d1(self) -> FloatArray | None: ...
    @property
    def phi_d2(self) -> FloatArray | None: ...
    @property
    def phi_info(self) -> FloatArray | None: ...


class RowFunction(Protocol):
    """A family with its link, response and weights filled in."""

    def __call__(self, eta: FloatArray, phi: float | None) -> Terms:
        """The terms of each row at the linear predictor `eta` (n,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class GlmmInput:
    """Rows of a generalised linear mixed model, as a kernel reads them.

    Parameters
    ----------
    rows : RowFunction
        The log-likelihood of the rows.
    X : (n, p) float64, Fortran order
        Fixed-effects columns in the user's units.
    center, scale : (p,) float64
        Subtracted from, then divided into, the columns of X.
    offset : (n,) float64
        Known part of the linear predictor.
    factors : tuple of FactorColumns
        The grouping factors.
    observed : bool
        Whether log|M| has the observed weights -d2 (Laplace's approximation proper) or the
        expected ones.
    threads : int
        Threads that the linear algebra may use.
    solver : str
        As in `KernelInput`.
    """

    rows: RowFunction
    X: FloatArray
    center: FloatArray
    scale: FloatArray
    offset: FloatArray
    factors: tuple[FactorColumns, ...]
    observed: bool = True
    threads: int = 1
    solver: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class GlmmPlace:
    """Where a kernel is asked.

    Parameters
    ----------
    lambdas, entries
        As in `Kernel`, but absolute: Cov(b) = Lambda Lambda'.
    beta : (p,) float64
        Coefficients of the scaled X.
    phi : float or None
        Dispersion.
    u : (q,) float64 or None
        Where the mode is sought from; zero when not given.
    """

    lambdas: FloatArray
    entries: IntArray
    beta: FloatArray
    phi: float | None = None
    u: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GlmmResult:
    """One evaluation of Laplace's approximation, in the scaled units of the kernel.

    Parameters
    ----------
    criterion : float
        -2 log-likelihood by Laplace's approximation; NaN when no mode was found.
    u : (q,) float64
        Spherical modes: factor by factor, level by level.
    eta : (n,) float64
        Linear predictor there.
    grad_lambda : (e,) float64
        Derivatives by the entries of Lambda that were asked for.
    grad_beta : (p,) float64
        Derivatives by the coefficients of the scaled X.
    grad_log_phi : float
        Derivative by log(phi), 0 for families without dispersion.
    ldL2 : float
        log|M|.
    n_iterations : int
        Steps that it took to find the mode.
    precise : bool
        Whether the gradient is exact to rounding, so that differences over a tiny step tell.
    hessian : (s, s) float64 or None
        Exact second derivatives by (lambda, beta, log phi), where the kernel knows them.
    slopes : (q, s) float64 or None
        How the modes move with these parameters, with the Hessian.
    """

    criterion: float
    u: FloatArray
    eta: FloatArray
    grad_lambda: FloatArray
    grad_beta: FloatArray
    grad_log_phi: float
    ldL2: float
    n_iterations: int
    precise: bool = False
    hessian: FloatArray | None = None
    slopes: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """When a compiled optimiser stops.

    Parameters
    ----------
    near : float
        Promised decrease at which it stops learning the curvature.
    tolerance : float
        Promised decrease at which it stops with the exact curvature.
    evaluations : int
        Most evaluations.
    exact : bool
        Whether the curvature is made exact at all.
    low, high : float
        Range of the last parameter, log phi, that it leaves no farther than by one step.
    """

    near: float
    tolerance: float
    evaluations: int
    exact: bool
    low: float = -math.inf
    high: float = math.inf

    @property
    def stop(self) -> tuple[float, float, int, bool]:
        """All but the range, in the order of the C++ side."""
        return self.near, self.tolerance, self.evaluations, self.exact


@dataclass(frozen=True, slots=True, eq=False)
class WayDown:
    """Where a compiled optimiser begins, and when it stops.

    Parameters
    ----------
    psi : (size,) float64
        (par, beta, log phi) in the kernel's units.
    u : (q,) float64
        Where the modes are sought from.
    hessian : (size, size) float64
        First guess of the curvature.
    entries : (m, 3) int32
        Factor, row and column of each par.
    limits : Limits
        When to stop.
    """

    psi: FloatArray
    u: FloatArray
    hessian: FloatArray
    entries: IntArray
    limits: Limits


class GlmmKernel(Protocol):
    """Laplace's approximation to -2 log-likelihood, with its exact gradient."""

    def evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        """Criterion (order 0) and gradient (order 1), the mode sought from `u` (or zero).

        Order 2 adds the Hessian where the kernel knows it, and is order 1 elsewhere.
        """
        ...
