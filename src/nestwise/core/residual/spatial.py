"""Correlations that fall with distance: exponential and Gaussian, with or without a nugget.

With range r and distance d: exp(-d/r) and exp(-(d/r)^2). A nugget c is a jump at distance
zero: different rows have (1 - c) times the correlation.

Source: Cressie (1993), Statistics for Spatial Data, section 2.3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import by_power
from nestwise.core.residual.distance import distances
from nestwise.core.residual.structure import Natural, ResidualStructure
from nestwise.core.residual.visits import Visits

START = 0.3
"""Correlation at the typical distance to begin with."""

NUGGET = 0.1
"""Nugget to begin with."""

Correlation = Callable[[FloatArray, Visits], tuple[FloatArray, FloatArray]]


def _falling(power: int) -> Correlation:
    """exp(-(d / range)^power) with range = exp(par)."""

    def covariance(par: FloatArray, visits: Visits) -> tuple[FloatArray, FloatArray]:
        apart = (distances(visits.time) * np.exp(-par[0])) ** power
        R = np.exp(-apart)
        return R, (power * apart * R)[None]

    return covariance


def _jumping(correlation: Correlation) -> Correlation:
    """A nugget 1 / (1 + exp(-par[1])) on top."""

    def covariance(par: FloatArray, visits: Visits) -> tuple[FloatArray, FloatArray]:
        R, dR = correlation(par[:1], visits)
        nugget = 1.0 / (1.0 + np.exp(-par[1]))
        same = np.eye(R.shape[-1])
        apart = 1.0 - same
        jump = -nugget * (1.0 - nugget) * R * apart
        return same + (1.0 - nugget) * R * apart, np.stack([(1.0 - nugget) * dR[0], jump])

    return covariance


def _natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    reach = np.exp(par[0])
    if len(par) == 1:
        return ("range",), np.array([reach]), np.array([[reach]])
    nugget = 1.0 / (1.0 + np.exp(-par[1]))
    slopes = np.diag([reach, nugget * (1.0 - nugget)])
    return ("range", "nugget"), np.array([reach, nugget]), slopes


def _spatial(name: str, meaning: str, power: int, nugget: bool) -> ResidualStructure:
    plain = _falling(power)

    def start(n_visits: int, distance: float = 1.0) -> FloatArray:
        reach = np.log(distance / (-np.log(START)) ** (1.0 / power))
        return np.array([reach, np.log(NUGGET / (1.0 - NUGGET))][: 1 + nugget])

    return ResidualStructure(
        name=name,
        meaning=meaning,
        needs="coordinates",
        heterogeneous=False,
        n_par=lambda v: 1 + nugget,
        start=start,
        covariance=_jumping(plain) if nugget else plain,
        natural=_natural,
        chart=by_power(power),
        neighbours="time" if power == 1 and not nugget else None,
    )


EXP = _spatial("exp", "exponential decay with distance, exp(-d/range)", 1, False)
GAU = _spatial("gau", "Gaussian decay with distance, exp(-(d/range)^2)", 2, False)
EXP_NUGGET = _spatial("exp_nugget", "exponential decay with distance, and a nugget", 1, True)
GAU_NUGGET = _spatial("gau_nugget", "Gaussian decay with distance, and a nugget", 2, True)
