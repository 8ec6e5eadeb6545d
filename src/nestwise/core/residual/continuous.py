"""Continuous-time autoregression: phi^|dt| for any times, with 0 < phi < 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import by_power
from nestwise.core.residual.distance import distances
from nestwise.core.residual.structure import Natural, ResidualStructure
from nestwise.core.residual.visits import Visits

START = 0.3
"""Correlation at the typical distance to begin with."""


def continuous_covariance(par: FloatArray, visits: Visits) -> tuple[FloatArray, FloatArray]:
    """(v, v) correlation phi^|dt|, phi = exp(-exp(-par)), and its derivative.

    The parameter is the logarithm of the time in which the correlation falls to 1/e, so that a
    step of it means the same in hours and in years.
    """
    rate = float(np.exp(-par[0]))
    apart = rate * distances(visits.time)
    R = np.exp(-apart)
    return R, (apart * R)[None]


def _natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    rate = float(np.exp(-par[0]))
    phi = float(np.exp(-rate))
    return ("phi",), np.array([phi]), np.array([[phi * rate]])


def _start(n_visits: int, distance: float = 1.0) -> FloatArray:
    return np.array([np.log(distance / -np.log(START))])


CAR1 = ResidualStructure(
    name="car1",
    meaning="continuous-time autoregression: phi^|dt| for any times",
    needs="time",
    heterogeneous=False,
    n_par=lambda v: 1,
    start=_start,
    covariance=continuous_covariance,
    natural=_natural,
    chart=by_power(1),
    neighbours="time",
)
