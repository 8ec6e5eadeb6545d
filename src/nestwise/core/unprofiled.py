"""-2 log-likelihood with sigma (and one shift of the response) as free coordinates.

The coordinates are ``z = (ell, tau[, shift])``: ``ell = Lambda sigma / sigma0`` in the kernel's
units, ``tau = log(sigma / sigma0)``, and `shift` moves the response to ``y - shift * x``. In them
a fixed standard deviation, a fixed sigma and a fixed coefficient are all fixed coordinates.

Source: Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), eq. 31, for the deviance at
a given sigma.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import Problem

STEP = 1e-5
"""Step of the forward differences of the exact gradient, in relative standard deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A model, or a family of models over shifts of its response.

    Parameters
    ----------
    base : Problem
        With the response y.
    along, summed : Problem or None
        The same model with responses x and y + x; None without a shift. Everything that depends
        on the response is quadratic in it, so that three models give all of them.
    sigma0 : float
        Unit of sigma.
    """

    base: Problem
    along: Problem | None
    summed: Problem | None
    sigma0: float


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """The deviance at one z.

    Parameters
    ----------
    value : float
        -2 log-likelihood.
    gradient : (d,) float64
        Its derivative by z, exact.
    hessian : (d, d) float64
        Its curvature: analytic but for the block of ell, where the gradient is differenced. Empty
        when not asked for.
    """

    value: float
    gradient: FloatArray
    hessian: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """log|M| and rho^2 with their derivatives by theta, and rho^2's first two by the shift."""

    ldL2: float
    d_ldL2: FloatArray
    pwrss: float
    d_pwrss: FloatArray
    by_shift: float
    d_by_shift: FloatArray
    twice_by_shift: float


def _read(family: Family, theta: FloatArray, shift: float) -> _Read:
    base = family.base
    flat = flat_lambdas(base, theta)
    r = base.kernel.evaluate(flat, base.entries, False, 1)
    if family.along is None or family.summed is None:
        return _Read(r.ldL2, r.grad_logdet, r.pwrss, r.grad_pwrss, 0.0, r.grad_pwrss, 0.0)
    x = family.along.kernel.evaluate(flat, base.entries, False, 1)
    s = family.summed.kernel.evaluate(flat, base.entries, False, 1)
    cross = 0.5 * (s.pwrss - r.pwrss - x.pwrss)
    d_cross = 0.5 * (s.grad_pwrss - r.grad_pwrss - x.grad_pwrss)
    return _Read(
        r.ldL2,
        r.grad_logdet,
        r.pwrss + shift * (shift * x.pwrss - 2.0 * cross),
        r.grad_pwrss + shift * (shift * x.grad_pwrss - 2.0 * d_cross),
        2.0 * (shift * x.pwrss - cross),
        2.0 * (shift * x.grad_pwrss - d_cross),
        2.0 * x.pwrss,
    )


def local(family: Family, z: FloatArray, curvature: bool) -> Local:
    """The deviance at `z`, its gradient and, on request, its Hessian.

    Parameters
    ----------
    family : Family
        The model.
    z : (d,) float64
        ``(ell, tau)``, or ``(ell, tau, shift)`` when the family has shifts.
    curvature : bool
        Whether the Hessian is wanted: as many further evaluations as theta has entries.

    Returns
    -------
    Local
        Its value is NaN where the model is degenerate.
    """
    m, base = len(family.base.entries), family.base
    tau = float(z[m])
    shift = float(z[m + 1]) if len(z) > m + 1 else 0.0
    shrink = math.exp(-tau)
    precision = (shrink / family.sigma0) ** 2
    theta = z[:m] * shrink
    read = _read(family, theta, shift)
    log_sigma2 = 2.0 * (tau + math.log(family.sigma0))
    value = read.ldL2 + base.n * (math.log(2.0 * math.pi) + log_sigma2)
    value += read.pwrss * precision - base.log_weights
    score = read.d_ldL2 + read.d_pwrss * precision
    gradient = np.empty(len(z))
    gradient[:m] = score * shrink
    gradient[m] = 2.0 * (base.n - read.pwrss * precision) - score @ theta
    if len(z) > m + 1:
        gradient[m + 1] = read.by_shift * precision
    if not read.pwrss > 0.0:
        value = float("nan")
    hessian = np.empty((0, 0))
    if curvature and value == value:
        H = _theta_block(family, theta, shift, precision, score)
        hessian = _chain(H, theta, score, read, shrink, precision, len(z))
    return Local(value, gradient, hessian)


def _theta_block(
    family: Family, theta: FloatArray, shift: float, precision: float, score: FloatArray
) -> FloatArray:
    """(m, m) second derivatives by theta at fixed sigma, by differences of the gradient."""
    m = len(theta)
    H = np.empty((m, m))
    for i, at in enumerate(theta.tolist()):
        moved = theta.copy()
        step = STEP * max(1.0, abs(at))
        moved[i] += step
        read = _read(family, moved, shift)
        H[i] = (read.d_ldL2 + read.d_pwrss * precision - score) / step
    return 0.5 * (H + H.T)


def _chain(
    H: FloatArray,
    theta: FloatArray,
    score: FloatArray,
    read: _Read,
    shrink: float,
    precision: float,
    size: int,
) -> FloatArray:
    """From second derivatives in (theta, sigma, shift) to those in z; theta = ell exp(-tau)."""
    m = len(theta)
    out = np.zeros((size, size))
    by_tau = -2.0 * precision * read.d_pwrss
    H_theta = H @ theta
    out[:m, :m] = H * shrink**2
    out[:m, m] = out[m, :m] = shrink * (by_tau - H_theta - score)
    out[m, m] = theta @ (H_theta - 2.0 * by_tau + score) + 4.0 * precision * read.pwrss
    if size > m + 1:
        by_shift = precision * read.d_by_shift
        out[:m, m + 1] = out[m + 1, :m] = shrink * by_shift
        cross = -by_shift @ theta - 2.0 * precision * read.by_shift
        out[m, m + 1] = out[m + 1, m] = cross
        out[m + 1, m + 1] = precision * read.twice_by_shift
    return out
