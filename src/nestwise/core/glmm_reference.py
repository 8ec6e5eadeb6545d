"""Laplace's approximation written out with dense matrices: the twin of the compiled kernel.

D(Lambda, beta, phi) = -2 sum loglik_i(eta_i) + u'u + log|M| at the mode u of the joint density,
with eta = offset + X beta + A u, A = Z Lambda and M = A'WA + I.

Source: Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), for the notation; Kristensen
et al. (2016), J. Stat. Softw. 70(5), eq. 3-5, for the derivative through the mode.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.linalg import LinAlgError

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.glmm_factor import Factor, factorised, log_determinant, solved, spread
from nestwise.core.glmm_kernel import GlmmInput, GlmmPlace, GlmmResult, RowFunction, Terms
from nestwise.core.reference import dense_z
from nestwise.core.threads import limited

MAX_ITERATIONS = 100
"""Newton steps after which the search for the mode gives up."""

HALVINGS = 20
"""Times that one step may be halved."""

DECREMENT = 1e-22
"""Squared Newton decrement for each random effect at which the mode is found."""

SURE = 1e-9
"""Squared Newton decrement at which the mode is accepted when rounding hides further progress."""


@dataclass(frozen=True, slots=True, eq=False)
class DenseGlmm:
    """Dense arrays behind the interface of `nestwise.core.glmm_kernel.GlmmKernel`.

    Parameters
    ----------
    rows : RowFunction
        Log-likelihood of the rows.
    X : (n, p) float64
        Scaled fixed-effects matrix.
    Z : (n, q) float64
        Scaled random-effects columns, factor by factor, level by level.
    offset : (n,) float64
        Known part of the linear predictor.
    shapes : tuple of (k, n_levels)
        Width and number of levels of each factor.
    observed : bool
        Which weights log|M| has.
    """

    rows: RowFunction
    X: FloatArray
    Z: FloatArray
    offset: FloatArray
    shapes: tuple[tuple[int, int], ...]
    observed: bool

    def evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        """See `GlmmKernel.evaluate`."""
        with limited(self.Z.shape[1], 1):
            return self._evaluate(at, order)

    def _evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        A = self.Z @ _lambda(self.shapes, at.lambdas)
        fixed = self.offset + self.X @ at.beta
        start = np.zeros(A.shape[1]) if at.u is None else at.u
        mode = find_mode(self.rows, A, fixed, at.phi, start)
        if mode is None:
            return _failed(len(fixed), A.shape[1])
        return _laplace(self, A, mode, at.phi, at.entries, order)


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """Where the joint density of response and random effects is highest.

    Parameters
    ----------
    u : (q,) float64
        Spherical random effects.
    eta : (n,) float64
        Linear predictor.
    terms : Terms
        The rows there.
    d1 : (n,) float64
        Their slopes, with the digits that the rounding of `eta` takes from large ones.
    n_iterations : int
        Newton steps.
    """

    u: FloatArray
    eta: FloatArray
    terms: Terms
    d1: FloatArray
    n_iterations: int


def dense_glmm(model: GlmmInput) -> DenseGlmm:
    """The dense twin of the compiled kernel."""
    n = len(model.offset)
    blocks = [dense_z(f, np.ones(n)) for f in model.factors]
    return DenseGlmm(
        rows=model.rows,
        X=(model.X - model.center) / model.scale,
        Z=np.hstack(blocks),
        offset=model.offset,
        shapes=tuple((len(f.columns), f.n_levels) for f in model.factors),
        observed=model.observed,
    )


def _lambda(shapes: tuple[tuple[int, int], ...], lambdas: FloatArray) -> FloatArray:
    """(q, q): Lambda, block diagonal over factors and levels."""
    q = sum(k * m for k, m in shapes)
    out, at, first = np.zeros((q, q)), 0, 0
    for k, m in shapes:
        block = lambdas[at : at + k * k].reshape(k, k)
        for level in range(m):
            place = slice(first + level * k, first + (level + 1) * k)
            out[place, place] = block
        at, first = at + k * k, first + k * m
    return out


def find_mode(
    rows: RowFunction, A: FloatArray, fixed: FloatArray, phi: float | None, u: FloatArray
) -> Mode | None:
    """Penalised iteratively reweighted least squares, with halved steps.

    The curvature is the observed one where that is positive definite, else the expected one, which
    always is. None when no step helps before the mode is reached.

    Parameters
    ----------
    rows : RowFunction
        Log-likelihood of the rows.
    A : (n, q) float64
        Z Lambda.
    fixed : (n,) float64
        offset + X beta.
    phi : float or None
        Dispersion.
    u : (q,) float64
        Where to begin.
    """
    terms = rows(fixed + A @ u, phi)
    value = _penalised(terms, u)
    if not np.isfinite(value):
        u = np.zeros_like(u)
        terms = rows(fixed, phi)
        value = _penalised(terms, u)
    before = np.inf
    for count in range(MAX_ITERATIONS):
        factor = _curvature(A, terms) if np.isfinite(value) else None
        if factor is None:
            return None
        step = solved(factor, terms.d1, u)
        decrement = float((factor.R @ step) @ (factor.R @ step))
        # Newton's method squares a decrement as small as `SURE`; else rounding is left.
        rounding = decrement < SURE and decrement > 0.25 * before
        if decrement <= DECREMENT * len(u) or rounding:
            return _last(A, fixed, u, terms, step, count)
        before = decrement
        for _ in range(HALVINGS):
            trial = u + step
            trial_terms = rows(fixed + A @ trial, phi)
            trial_value = _penalised(trial_terms, trial)
            if trial_value <= value + 1e-13 * abs(value):
                break
            step = 0.5 * step
        else:
            return _last(A, fixed, u, terms, step, count) if decrement < SURE else None
        u, terms, value = trial, trial_terms, trial_value
    return None


def _last(
    A: FloatArray, fixed: FloatArray, u: FloatArray, terms: Terms, step: FloatArray, count: int
) -> Mode:
    """The mode after a last step, d1 following to first order.

    Where weights are large, the rounding of eta shows in d1: the step takes it back.
    """
    u = u + step
    return Mode(u, fixed + A @ u, terms, terms.d1 + terms.d2 * (A @ step), count)


def _penalised(terms: Terms, u: FloatArray) -> float:
    return -2.0 * float(np.sum(terms.loglik)) + float(u @ u)


def _curvature(A: FloatArray, terms: Terms) -> Factor | None:
    """M with the observed curvature or, where that is not positive definite, the expected."""
    for weights in (-terms.d2, terms.info):
        with suppress(LinAlgError):
            return factorised(A, weights)
    return None


def _failed(n: int, q: int) -> GlmmResult:
    nan = float("nan")
    none = np.zeros(0)
    return GlmmResult(nan, np.zeros(q), np.full(n, nan), none, none, nan, nan, MAX_ITERATIONS)


def _laplace(
    model: DenseGlmm,
    A: FloatArray,
    mode: Mode,
    phi: float | None,
    entries: IntArray,
    order: int,
) -> GlmmResult:
    """The criterion at the mode, and its gradient."""
    terms, u, q = mode.terms, mode.u, A.shape[1]
    W = -terms.d2 if model.observed else terms.info
    try:
        M = factorised(A, W)
    except LinAlgError:
        return _failed(len(mode.eta), q)
    ldL2 = log_determinant(M)
    criterion = _penalised(terms, u) + ldL2
    none = np.zeros(0)
    if order == 0:
        return GlmmResult(criterion, u, mode.eta, none, none, 0.0, ldL2, mode.n_iterations)
    dW = -terms.d3 if model.observed else terms.dinfo
    AM = spread(M)
    leverage = np.einsum("iq,iq->i", A, AM)
    t = leverage * dW
    # u moves with the parameters so that its own gradient stays zero; log|M| feels that by s.
    s = solved(M if model.observed else factorised(A, -terms.d2), t)
    As = A @ s
    slope = -2.0 * mode.d1 + t + terms.d2 * As
    through, score, face = model.Z.T @ slope, model.Z.T @ mode.d1, (model.Z.T * W) @ AM
    grad_phi = _by_log_phi(model, terms, leverage, As)
    grad_lambda = np.array(
        [
            _by_entry(model.shapes, entry, np.outer(through, u) + np.outer(score, s) + 2.0 * face)
            for entry in entries
        ]
    )
    return GlmmResult(
        criterion, u, mode.eta, grad_lambda, model.X.T @ slope, grad_phi, ldL2, mode.n_iterations
    )


def _by_log_phi(model: DenseGlmm, terms: Terms, leverage: FloatArray, As: FloatArray) -> float:
    """Derivative of the criterion by log(phi); 0 for families without dispersion."""
    own, d1, d2, info = terms.phi_loglik, terms.phi_d1, terms.phi_d2, terms.phi_info
    if own is None or d1 is None or d2 is None or info is None:
        return 0.0
    dW = -d2 if model.observed else info
    return float(-2.0 * own.sum() + leverage @ dW + As @ d1)


def _by_entry(
    shapes: tuple[tuple[int, int], ...], entry: IntArray, derivative: FloatArray
) -> float:
    """Sum over levels of the (row, column) element of the diagonal blocks of d D / d Lambda."""
    factor, row, column = (int(e) for e in entry)
    first = sum(k * m for k, m in shapes[:factor])
    k, m = shapes[factor]
    at = first + k * np.arange(m)
    return float(derivative[at + row, at + column].sum())
