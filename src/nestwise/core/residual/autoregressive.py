"""First-order autoregression: the correlation of visits k apart is rho^k.

The visits are taken as equally spaced; for unequal times use ``car1``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import after_deviations, of_tanh
from nestwise.core.residual.matrix import (
    after_ratios,
    by_visits,
    joined,
    no_parameters,
    with_variances,
)
from nestwise.core.residual.structure import Natural, ResidualStructure

START = 0.3
"""Correlation to begin with."""


def autoregressive_matrix(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """(v, v) correlation rho^|i - j| with rho = tanh(par), and its derivative."""
    if v < 2:
        return np.ones((v, v)), np.zeros((0, v, v))
    rho = float(np.tanh(par[0]))
    lag = np.abs(np.subtract.outer(np.arange(v), np.arange(v)))
    powers = np.asarray(rho ** np.arange(v), dtype=np.float64)
    steps = np.arange(v) * np.append(0.0, powers[:-1]) * (1.0 - rho * rho)
    return powers[lag], steps[lag][None]


def _n_par(v: int) -> int:
    return int(v > 1)


def _start(n_visits: int, distance: float = 1.0) -> FloatArray:
    return np.full(_n_par(n_visits), np.arctanh(START))


def _natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    if len(labels) < 2:
        return no_parameters()
    rho = float(np.tanh(par[0]))
    return ("rho",), np.array([rho]), np.array([[1.0 - rho * rho]])


AR1 = ResidualStructure(
    name="ar1",
    meaning="first-order autoregression: rho^k between visits k apart",
    needs="visits",
    heterogeneous=False,
    n_par=_n_par,
    start=_start,
    covariance=by_visits(autoregressive_matrix),
    natural=_natural,
    chart=of_tanh,
    neighbours="order",
)

AR1H = ResidualStructure(
    name="ar1h",
    meaning="first-order autoregression with a variance for each visit",
    needs="visits",
    heterogeneous=True,
    n_par=lambda v: max(v - 1, 0) + _n_par(v),
    start=after_ratios(_start),
    covariance=by_visits(with_variances(autoregressive_matrix)),
    natural=joined(_natural),
    chart=after_deviations(of_tanh),
)
