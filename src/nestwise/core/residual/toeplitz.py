"""Toeplitz: a correlation for each lag, positive definite by its partial autocorrelations.

Source: Barndorff-Nielsen & Schou (1973), J. Multivariate Anal. 3, 408-419 (one to one between
partial and plain autocorrelations); Durbin (1960), Rev. Inst. Int. Stat. 28, 233-244 (recursion).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import after_deviations
from nestwise.core.residual.matrix import (
    after_ratios,
    by_visits,
    joined,
    no_ratios,
    with_variances,
)
from nestwise.core.residual.structure import Natural, ResidualStructure

START = 0.3
"""First partial autocorrelation to begin with; the others begin at zero."""


def autocorrelations(par: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(m + 1,) autocorrelations at lags 0 to m from partial ones tanh(par), with derivatives.

    Returns
    -------
    r : (m + 1,) float64
        r[0] is 1.
    dr : (m, m + 1) float64
        Derivatives by par.
    """
    m = len(par)
    partial = np.tanh(par)
    r, dr = np.zeros(m + 1), np.zeros((m, m + 1))
    r[0] = 1.0
    phi, dphi = np.zeros(0), np.zeros((m, 0))
    left, dleft = 1.0, np.zeros(m)
    for k in range(m):
        a, da = float(partial[k]), np.zeros(m)
        da[k] = 1.0 - a * a
        back, dback = r[k:0:-1], dr[:, k:0:-1]
        r[k + 1] = phi @ back + a * left
        dr[:, k + 1] = dphi @ back + dback @ phi + da * left + a * dleft
        turned, dturned = phi[::-1], dphi[:, ::-1]
        dphi = np.column_stack([dphi - np.outer(da, turned) - a * dturned, da])
        phi = np.append(phi - a * turned, a)
        dleft = dleft * (1.0 - a * a) - left * 2.0 * a * da
        left *= 1.0 - a * a
    return r, dr


def toeplitz_matrix(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """(v, v) correlation that depends on the lag alone, and its derivatives."""
    r, dr = autocorrelations(par)
    lag = np.abs(np.subtract.outer(np.arange(v), np.arange(v)))
    return r[lag], dr[:, lag]


def _natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    r, dr = autocorrelations(par)
    return tuple(f"rho[{k}]" for k in range(1, len(labels))), r[1:], dr[:, 1:].T.copy()


def _chart(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """r / sqrt(1 - r^2) of the autocorrelation at each lag."""
    r, dr = autocorrelations(par)
    left = 1.0 - r[1:] ** 2
    return r[1:] / np.sqrt(left), dr[:, 1:] * left**-1.5


def _start(n_visits: int, distance: float = 1.0) -> FloatArray:
    par = no_ratios(n_visits)
    par[:1] = np.arctanh(START)
    return par


TOEP = ResidualStructure(
    name="toep",
    meaning="Toeplitz: a correlation for each lag",
    needs="visits",
    heterogeneous=False,
    n_par=lambda v: max(v - 1, 0),
    start=_start,
    covariance=by_visits(toeplitz_matrix),
    natural=_natural,
    chart=_chart,
)

TOEPH = ResidualStructure(
    name="toeph",
    meaning="Toeplitz with a variance for each visit",
    needs="visits",
    heterogeneous=True,
    n_par=lambda v: 2 * max(v - 1, 0),
    start=after_ratios(_start),
    covariance=by_visits(with_variances(toeplitz_matrix)),
    natural=joined(_natural),
    chart=after_deviations(_chart),
)
