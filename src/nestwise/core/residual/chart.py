"""The parameters by which Kenward and Roger's adjustment takes second derivatives.

The adjustment depends on the parameterisation through the second derivatives of V, and users
compare it with R's mmrm, so each structure says what its parameters are there: logarithms of
standard deviations, and correlations rho as rho / sqrt(1 - rho^2). Only what is not linear in
par has to be said; a linear change leaves the adjustment as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.differences import second_by_differences

Chart = Callable[[FloatArray, int], tuple[FloatArray, FloatArray]]
"""(par, number of visit levels) to parameters (m,) and their derivatives, [by par, of them]."""


def as_it_is(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """par itself."""
    return par.copy(), np.eye(len(par))


def of_tanh(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """rho / sqrt(1 - rho^2) of rho = tanh(par), which is sinh(par)."""
    return np.sinh(par), np.diag(np.cosh(par))


def by_power(power: int) -> Chart:
    """logit(rho) of the correlation at distance one, rho = exp(-exp(-power * par[0])).

    Further parameters stay as they are.
    """

    def chart(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
        values, slopes = as_it_is(par, v)
        rate = float(np.exp(-power * par[0]))
        values[0] = -rate - np.log(-np.expm1(-rate))
        slopes[0, 0] = power * rate / -np.expm1(-rate)
        return values, slopes

    return chart


def after_deviations(correlation: Chart) -> Chart:
    """v - 1 logarithms of ratios of standard deviations before the parameters of a correlation."""

    def chart(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
        first = max(v - 1, 0)
        values, slopes = as_it_is(par, v)
        values[first:], slopes[first:, first:] = correlation(par[first:], v)
        return values, slopes

    return chart


def bending(chart: Chart, par: FloatArray, v: int) -> FloatArray:
    """(m, m, m) second derivatives of the chart, carried back to par: [c, d, e].

    A function f of par has the second derivatives f_cd - sum_e bending[c, d, e] f_e along the
    parameters of the chart, in the coordinates of par. NaN where the chart ends, as at correlations
    of one.
    """
    with np.errstate(all="ignore"):
        slopes = chart(par, v)[1]
        second = second_by_differences(lambda at: chart(at, v)[1], par)
        try:
            return np.asarray(second @ np.linalg.inv(slopes))
        except np.linalg.LinAlgError:
            return np.full_like(second, np.nan)
