"""Continuation along a profile: one coordinate moves, the others follow by Newton steps.

Source: Bates & Watts (1988), Nonlinear Regression Analysis, section 6.1 (profile t); Venzon &
Moolgavkar (1988), Applied Statistics 37, 87-94 (profile likelihood by Newton steps).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise.core.unprofiled import Local

TOLERANCE = 1e-6
"""Promised further decrease of the deviance at which the other coordinates have settled."""

SPACING = 0.7
"""Distance in zeta between points."""

OVERSHOT = 3.0
"""Distance in zeta, in units of that which was aimed at, from which a step is taken back."""

SHORTER, TRIES = 0.25, 20
"""By how much it is then shortened, and how often."""

FLAT = 1e-9
"""Curvature, relative to the largest, below which a direction counts as flat."""

MOST = 60
"""Points on one side after which a profile that does not rise is given up."""

Deviance = Callable[[FloatArray, bool], Local]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a profile, away from the estimate.

    Parameters
    ----------
    position : (g,) float64
        Values of the moving coordinate.
    zeta : (g,) float64
        Signed root of the deviance difference there.
    slope : (g,) float64
        Derivative of zeta by the coordinate.
    end : str
        ``"reached"`` (zeta is as large as asked), ``"boundary"``, ``"lower"`` (a lower deviance
        than at the estimate was met), ``"degenerate"`` (no finite deviance), ``"level"`` (the
        deviance does not rise any more).
    """

    position: FloatArray
    zeta: FloatArray
    slope: FloatArray
    end: str


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """The other coordinates at their optimum.

    Parameters
    ----------
    w : (d,) float64
        All coordinates.
    at : Local
        The deviance there.
    tangent : (d,) float64
        How the optimum moves with the fixed coordinate (1 at the fixed one).
    curvature : float
        Second derivative of the profile deviance.
    """

    w: FloatArray
    at: Local
    tangent: FloatArray
    curvature: float


@dataclass(frozen=True, slots=True, eq=False)
class _Split:
    """The Hessian among the free coordinates, and with the fixed one."""

    values: FloatArray
    vectors: FloatArray
    cross: FloatArray
    own: float
    saddle: bool

    def solve(self, right: FloatArray) -> FloatArray:
        """Inverse (of the absolute curvature) times a vector."""
        return np.asarray(self.vectors @ ((self.vectors.T @ right) / self.values))


def _split(hessian: FloatArray, free: NDArray[np.intp], fixed: int) -> _Split:
    values, vectors = np.linalg.eigh(hessian[free[:, None], free])
    least, most = (float(values[0]), float(values[-1])) if len(values) else (0.0, 0.0)
    floor = FLAT * max(abs(least), abs(most), 1e-300)
    return _Split(
        np.maximum(np.abs(values), floor),
        vectors,
        hessian[free, fixed],
        float(hessian[fixed, fixed]),
        least < -1e4 * floor,
    )


def settle(deviance: Deviance, w: FloatArray, fixed: int) -> Settled | None:
    """Minimise over all coordinates but one, beginning at `w`; None where it fails.

    Newton steps; the curvature is used for two steps before it is computed anew, and steps that
    do not decrease the deviance are halved.
    """
    free = np.flatnonzero(np.arange(len(w)) != fixed)
    at = deviance(w, True)
    if not np.isfinite(at.value):
        return None
    split = _split(at.hessian, free, fixed)
    for turn in range(40):
        gradient = at.gradient[free]
        step = -split.solve(gradient)
        promised = -0.5 * float(gradient @ step)
        if promised < TOLERANCE:
            lower = _escape(deviance, w, at, split, free) if split.saddle else None
            if lower is None:
                return _settled(w, at, split, free, fixed)
            w, at = lower
            split = _split(at.hessian, free, fixed)
            continue
        for _ in range(30):
            trial_w = w.copy()
            trial_w[free] += step
            trial = deviance(trial_w, turn % 2 == 1)
            if trial.value <= at.value + 1e-9:
                break
            step *= 0.5
        else:
            return _settled(w, at, split, free, fixed) if promised < 1e-5 else None
        w, at = trial_w, trial
        if turn % 2 == 1:
            split = _split(at.hessian, free, fixed)
    return None


def _escape(
    deviance: Deviance, w: FloatArray, at: Local, split: _Split, free: NDArray[np.intp]
) -> tuple[FloatArray, Local] | None:
    """A lower point beside a saddle, None where there is none.

    A variance of zero is always stationary; it may be a minimum at the estimates and a saddle
    farther along the profile.
    """
    for length in (0.3, 0.1, 0.03, 0.01):
        beside = w.copy()
        beside[free] += length * split.vectors[:, 0]
        trial = deviance(beside, True)
        if trial.value < at.value - TOLERANCE:
            return beside, trial
    return None


def _settled(
    w: FloatArray, at: Local, split: _Split, free: NDArray[np.intp], fixed: int
) -> Settled:
    follow = -split.solve(split.cross)
    tangent = np.zeros(len(w))
    tangent[free] = follow
    tangent[fixed] = 1.0
    return Settled(w, at, tangent, split.own + float(split.cross @ follow))


def trace(
    deviance: Deviance,
    start: Settled,
    fixed: int,
    sign: int,
    limit: float,
    most: float,
    zeta_max: float,
) -> Side:
    """Follow one side of a profile until zeta is as large as asked, or a boundary is met.

    Parameters
    ----------
    deviance : callable
        ``deviance(w, curvature)``.
    start : Settled
        The estimate.
    fixed : int
        The coordinate that moves.
    sign : int
        1 upwards, -1 downwards.
    limit : float
        Boundary of the coordinate on this side; infinite for none.
    most : float
        Largest step.
    zeta_max : float
        How far to go.
    """
    spacing = zeta_max / np.ceil(zeta_max / SPACING)
    here, zeta, first = start, 0.0, start.at.value
    slope = float(np.sqrt(max(start.curvature, 0.0) / 2.0))
    position, zetas, slopes, end = [float(start.w[fixed])], [0.0], [slope], "level"
    if position[0] == limit:
        return Side(np.array(position), np.array(zetas), np.array(slopes), "boundary")
    bend = np.zeros(len(start.w))
    for _ in range(MOST):
        wanted = min(zeta + spacing, zeta_max + 1e-3)
        length = min((wanted - zeta) / slope if slope > 0.0 else most, most)
        far = zeta + OVERSHOT * spacing
        found = _no_farther(deviance, here, bend, fixed, sign * length, limit, first + far**2)
        if found is None:
            end = "degenerate"
            break
        rise = found.at.value - first
        if rise < -1e-6:
            end = "lower"
            break
        moved = float(found.w[fixed] - here.w[fixed])
        bend = (found.tangent - here.tangent) / moved
        here, zeta = found, float(np.sqrt(max(rise, 0.0)))
        pull = sign * float(here.at.gradient[fixed])
        slope = pull / (2.0 * zeta) if zeta > 1e-4 else slope
        position.append(float(here.w[fixed]))
        zetas.append(sign * zeta)
        slopes.append(max(slope, 0.0))
        if zeta >= zeta_max:
            end = "reached"
            break
        if position[-1] == limit:
            end = "boundary"
            break
    return Side(np.array(position), np.array(zetas), np.array(slopes), end)


def _no_farther(
    deviance: Deviance,
    here: Settled,
    bend: FloatArray,
    fixed: int,
    length: float,
    limit: float,
    highest: float,
) -> Settled | None:
    """`_advance` by shorter steps as long as the deviance rises above `highest`.

    Where the estimate ran away to infinity its curvature says nothing about where the deviance
    begins to rise.
    """
    for _ in range(TRIES):
        found = _advance(deviance, here, bend, fixed, length, limit)
        if found is None or found.at.value <= highest:
            break
        length = SHORTER * float(found.w[fixed] - here.w[fixed])
    return found


def _advance(
    deviance: Deviance, here: Settled, bend: FloatArray, fixed: int, length: float, limit: float
) -> Settled | None:
    """One step along the tangent as it bent last, then settle; shorter where that fails."""
    for _ in range(6):
        target = float(here.w[fixed]) + length
        beyond = target >= limit if length > 0.0 else target <= limit
        target = limit if beyond else target
        move = target - float(here.w[fixed])
        w = here.w + move * (here.tangent + 0.5 * move * bend)
        w[fixed] = target
        found = settle(deviance, w, fixed)
        if found is not None:
            return found
        length *= 0.3
    return None


__all__ = ["Deviance", "Settled", "Side", "settle", "trace"]
