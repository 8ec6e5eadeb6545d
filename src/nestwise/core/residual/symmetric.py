"""Compound symmetry: one correlation between any two visits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import after_deviations, as_it_is
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


def _rho(x: float, v: int) -> tuple[float, float]:
    """Correlation in (-1/(v - 1), 1), where the matrix is positive definite, and its slope."""
    low = -1.0 / (v - 1)
    share = 1.0 / (1.0 + np.exp(-x))
    return low + (1.0 - low) * share, (1.0 - low) * share * (1.0 - share)


def symmetric_matrix(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """(v, v) compound symmetric correlation and its derivative."""
    if v < 2:
        return np.ones((v, v)), np.zeros((0, v, v))
    rho, slope = _rho(float(par[0]), v)
    apart = 1.0 - np.eye(v)
    return np.eye(v) + rho * apart, slope * apart[None]


def _n_par(v: int) -> int:
    return int(v > 1)


def _start(n_visits: int, distance: float = 1.0) -> FloatArray:
    if n_visits < 2:
        return np.zeros(0)
    low = -1.0 / (n_visits - 1)
    share = (START - low) / (1.0 - low)
    return np.array([np.log(share / (1.0 - share))])


def _natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    if len(labels) < 2:
        return no_parameters()
    rho, slope = _rho(float(par[0]), len(labels))
    return ("rho",), np.array([rho]), np.array([[slope]])


CS = ResidualStructure(
    name="cs",
    meaning="compound symmetry: one correlation between any two visits",
    needs="visits",
    heterogeneous=False,
    n_par=_n_par,
    start=_start,
    covariance=by_visits(symmetric_matrix),
    natural=_natural,
    chart=as_it_is,
)

CSH = ResidualStructure(
    name="csh",
    meaning="compound symmetry with a variance for each visit",
    needs="visits",
    heterogeneous=True,
    n_par=lambda v: max(v - 1, 0) + _n_par(v),
    start=after_ratios(_start),
    covariance=by_visits(with_variances(symmetric_matrix)),
    natural=joined(_natural),
    chart=after_deviations(as_it_is),
)
