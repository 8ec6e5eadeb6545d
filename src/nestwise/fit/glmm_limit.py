"""A dispersion that runs to its limit: it is held there, and what the criterion does is named."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm import GlmmEvaluation
from nestwise.core.glmm_rows import FamilyRows
from nestwise.fit.glmm_newton import Function

FARTHEST, NEAREST = float(np.log(1e8)), float(np.log(1e4))
"""Change of log(phi) from its starting value at which it has run to its limit, and the least that
is ever called far. Farther out, the rounding of the mode divided by phi is all that is left of
the other derivatives."""

NOTHING = float(np.log(1e-9))
"""Size of a scale, beside what the response itself has, that is called none; a shape that is one
over it, beside the response, makes no difference to a family without."""

HELD = ("limit", "unbounded")
"""How a path ends whose dispersion is held at its limit."""

LEVEL, AIMS, SLOPED = 1e-3, (5e-5, 5e-4), 0.02
"""Slope of the criterion by log(phi) that is none; those that are aimed at, the next one where
there are no modes at the first; and distance of a slope from a whole number: where the likelihood
has no bound, it grows like a power of phi."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far log(phi), the last parameter, may go.

    Parameters
    ----------
    low, high : float
        Of log(phi).
    start : float
        Where it began.
    """

    low: float
    high: float
    start: float

    def passed(self, psi: FloatArray) -> bool:
        """Whether a point lies beyond."""
        return not self.low <= float(psi[-1]) <= self.high

    def brought_back(self, psi: FloatArray) -> FloatArray:
        """The point, or where it is far out the same with the dispersion it began with."""
        return np.append(psi[:-1], self.start) if self.far(psi) else psi

    def far(self, psi: FloatArray) -> bool:
        """Whether a point is on the way there."""
        return abs(float(psi[-1]) - self.start) > NEAREST

    def farther(self, point: GlmmEvaluation) -> tuple[FloatArray, ...]:
        """Where the slope by log(phi) will be all but none, or at least small: next to a limit it
        is a multiple of phi, or of 1 / phi. Empty where it does not fall outwards."""
        if not np.isfinite(point.value):
            return ()
        outwards = float(np.sign(point.psi[-1] - self.start))
        slope = -outwards * float(point.gradient[-1])
        if not slope >= LEVEL:
            return ()
        move = outwards * np.log(slope / np.array(AIMS))
        return tuple(np.append(point.psi[:-1], point.psi[-1] + step) for step in move)


def reach_about(psi: FloatArray, rows: FamilyRows) -> Reach | None:
    """The reach about a starting point; None where there is no dispersion.

    Parameters
    ----------
    psi : (size,) float64
        Where the optimiser begins; its last element is the logarithm of the dispersion.
    rows : FamilyRows
        Family and response.
    """
    if rows.family.dispersion is None:
        return None
    start = float(psi[-1])
    low, high = start - FARTHEST, start + FARTHEST
    if rows.family.dispersion == "scale":
        low = min(max(low, _natural(rows) + NOTHING), start - NEAREST)
    else:
        large = float(np.log(max(1.0, float(np.abs(rows.y).mean())))) - NOTHING
        high = max(min(high, large), start + NEAREST)
    return Reach(low, high, start)


def _natural(rows: FamilyRows) -> float:
    """Logarithm of the scale with which a mean's own size would be its standard deviation."""
    y = rows.y
    mean, variance = float(np.mean(y)), float(np.var(y))
    unit = float(rows.family.variance(np.array([mean]), 1.0)[0])
    ratio = variance / unit if np.isfinite(unit) and unit > 0.0 else 0.0
    return float(np.log(ratio)) if ratio > 0.0 and np.isfinite(ratio) else -np.inf


def held(function: Function, log_phi: float) -> Function:
    """The criterion with its dispersion held.

    Parameters
    ----------
    function : callable
        The criterion.
    log_phi : float
        Where it is held.
    """

    def with_held(psi: FloatArray, u: FloatArray | None) -> GlmmEvaluation:
        moved = psi.copy()
        moved[-1] = log_phi
        there = function(moved, u)
        if not len(there.gradient):
            return there
        gradient = there.gradient.copy()
        gradient[-1] = 0.0
        return replace(there, gradient=gradient)

    return with_held


def without_last(hessian: FloatArray) -> FloatArray:
    """The same curvature with none by the last parameter, whose gradient is zero.

    Parameters
    ----------
    hessian : (size, size) float64
        Curvature.
    """
    out = hessian.copy()
    out[-1, :] = out[:, -1] = 0.0
    return out


def limit_at(point: GlmmEvaluation) -> str | None:
    """What the criterion does where its dispersion is held: ``"limit"`` (it has become level),
    ``"unbounded"`` (it falls for ever), or None.

    Parameters
    ----------
    point : GlmmEvaluation
        The optimum with the dispersion held, with its slope by the dispersion.
    """
    if not (np.isfinite(point.value) and np.isfinite(point.gradient).all()):
        return None
    slope = abs(float(point.gradient[-1]))
    if slope < LEVEL:
        return "limit"
    if slope > 0.5 and abs(slope - round(slope)) < SLOPED:
        return "unbounded"
    return None
