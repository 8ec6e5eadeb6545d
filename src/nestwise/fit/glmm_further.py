"""Where else the optimiser of a generalised model may begin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm import GlmmProblem
from nestwise.core.glmm_rows import FamilyRows
from nestwise.fit.glmm_begin import first_eta
from nestwise.fit.glmm_runaway import bends_up
from nestwise.fit.multistart import SIZES, start_of, starts

TINY = 40
"""Rows up to which effects can stand for one another."""

ALL_ALIKE, PER_FACTOR = 3, 4
"""Starts with all factors alike, and with one of them alone or correlated effects."""

SHARES = (0.5, 1.5, 2.0)
"""Shares of the optimum at hand: larger effects go with coefficients that are larger by as much."""

SHIFT, FAR_SHIFT = 2.0, 8.0
"""Changes of the logarithm of a dispersion: as much to either side, and far towards its limit."""

WIDE = 10.0
"""Standard deviation (link scale) of a wide start."""

QUANTILES = (0.75, 0.25, 1.0, 0.0)
"""Of the responses, on the link's scale: other intercepts."""

RANDOM = 6
"""Starts in which coefficients move, too."""

SPREADS, MOVES = (0.5, 2.0, 6.0), (1.0, 3.0)
"""Sizes of random standard deviations, and of random changes of coefficients."""


def further_starts(
    problem: GlmmProblem, rows: FamilyRows, psi: FloatArray, unit: float
) -> Iterator[FloatArray]:
    """Other covariances, none among them; other dispersions with them; and other coefficients.

    A dispersion and the variance of an effect that few rows share can stand for each other.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    rows : FamilyRows
        Its family.
    psi : (size,) float64
        The optimum at hand.
    unit : float
        How large a linear predictor is.
    """
    m, rest = problem.m, psi[problem.m :]
    sized = [unit * par for par in starts(problem.layout)]
    if bends_up(rows.family, rows.link):
        yield np.concatenate([np.zeros(m), rest])
    if psi[:m].any():
        for share in SHARES:
            scaled = share * psi
            scaled[-1:] = psi[-1] if problem.has_phi else scaled[-1]
            yield scaled
    if problem.has_phi:
        yield from _dispersed(rows, sized, rest)
    for par in _different([*sized[:ALL_ALIKE], *sized[len(SIZES) :][:PER_FACTOR]]):
        yield np.concatenate([par, rest])
    yield np.concatenate([WIDE * sized[0], rest])
    rng = np.random.default_rng(0)
    for i in range(RANDOM):
        moved = rest.copy()
        last = len(rest) - int(problem.has_phi)
        moved[:last] += unit * MOVES[i % 2] * rng.normal(size=last)
        moved[last:] += rng.normal(size=len(rest) - last)
        yield np.concatenate([unit * SPREADS[i % 3] * rng.normal(size=m), moved])
    yield from _with_other_means(problem, rows, sized, rest)


def _with_other_means(
    problem: GlmmProblem, rows: FamilyRows, sized: list[FloatArray], rest: FloatArray
) -> Iterator[FloatArray]:
    """Perfectly correlated effects, about several means where the density may bend upwards.

    A mean far from most responses can be the best there, with effects that lead to them: under
    a log link the effects of all means that are nearly zero are nearly as good. Perfect
    correlations stay what they are on the way down, and with few levels are often best.
    """
    layout = problem.layout
    n, unit = len(layout.shapes), float(np.abs(sized[0]).max())
    pars = [unit * start_of(layout, [1.0] * n, tilt) for tilt in (1.0, -1.0)]
    if all(k == 1 for k, _ in layout.shapes):
        pars = sized[:1]
    elif layout.n <= TINY:
        for par in pars:
            yield np.concatenate([par, rest])
    at = problem.arrays.intercept
    if at < 0 or not bends_up(rows.family, rows.link):
        return
    for level in np.quantile(first_eta(rows), QUANTILES):
        other = rest.copy()
        other[: layout.p] = 0.0
        other[at] = level - float(problem.offset.mean())
        for par in pars:
            yield np.concatenate([par, other])


def _different(pars: list[FloatArray]) -> list[FloatArray]:
    """Each once: without correlations, those of correlated effects are the same."""
    return [p for i, p in enumerate(pars) if not any(np.array_equal(p, q) for q in pars[:i])]


def _dispersed(rows: FamilyRows, sized: list[FloatArray], rest: FloatArray) -> Iterator[FloatArray]:
    """Much more and much less dispersion, and nearly none."""
    to_limit = -FAR_SHIFT if rows.family.dispersion == "scale" else FAR_SHIFT
    for shift, par in ((to_limit, sized[0]), (SHIFT, sized[1]), (-SHIFT, sized[1])):
        moved = rest.copy()
        moved[-1] += shift
        yield np.concatenate([par, moved])
