"""From the matrix of all visit levels to a subject's rows, and variances for each visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.residual.structure import Natural, Start
from nestwise.core.residual.visits import Visits

Matrix = Callable[[FloatArray, int], tuple[FloatArray, FloatArray]]
"""(par, number of visit levels) to R (v, v) and its derivatives (n_par, v, v)."""


def by_visits(matrix: Matrix) -> Callable[[FloatArray, Visits], tuple[FloatArray, FloatArray]]:
    """The rows and columns of a subject's visits, from the matrix of all visit levels."""

    def covariance(par: FloatArray, visits: Visits) -> tuple[FloatArray, FloatArray]:
        if visits.index is None:
            raise FitError("this residual structure needs visit levels, but the rows have none")
        R, dR = matrix(par, visits.n_visits)
        rows, columns = visits.index[:, None], visits.index[None, :]
        return R[rows, columns], dR[:, rows, columns]

    return covariance


def with_variances(correlation: Matrix) -> Matrix:
    """A standard deviation for each visit around a correlation matrix.

    The first v - 1 parameters are the logarithms of sd[2]/sd[1], ..., sd[v]/sd[1]; those of the
    correlation follow.
    """

    def matrix(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
        ratios = max(v - 1, 0)
        sd = np.concatenate([[1.0], np.exp(par[:ratios])])[:v]
        C, dC = correlation(par[ratios:], v)
        outer = np.outer(sd, sd)
        R = C * outer
        dR = np.zeros((len(par), v, v))
        for k in range(ratios):
            dR[k, k + 1] += R[k + 1]
            dR[k, :, k + 1] += R[:, k + 1]
        dR[ratios:] = dC * outer
        return R, dR

    return matrix


def no_ratios(v: int) -> FloatArray:
    """(v - 1,) log ratios of standard deviations to begin with: all equal."""
    return np.zeros(max(v - 1, 0))


def after_ratios(start: Start) -> Start:
    """Starting values of a structure with variances around those of a correlation."""

    def both(n_visits: int, distance: float = 1.0) -> FloatArray:
        return np.append(no_ratios(n_visits), start(n_visits, distance))

    return both


def ratios_natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    """The ratios of standard deviations among the first v - 1 parameters."""
    m = max(len(labels) - 1, 0)
    values = np.exp(par[:m])
    slopes = np.zeros((m, len(par)))
    slopes[:, :m] = np.diag(values)
    return tuple(f"sd[{x}]/sd[{labels[0]}]" for x in labels[1:]), values, slopes


def joined(
    correlation: Callable[[FloatArray, Sequence[str]], Natural],
) -> Callable[[FloatArray, Sequence[str]], Natural]:
    """Natural parameters of a structure with variances around those of a correlation."""

    def natural(par: FloatArray, labels: Sequence[str]) -> Natural:
        m = max(len(labels) - 1, 0)
        sd_names, sds, sd_slopes = ratios_natural(par, labels)
        names, values, own = correlation(par[m:], labels)
        slopes = np.zeros((len(names), len(par)))
        slopes[:, m:] = own
        return sd_names + names, np.append(sds, values), np.vstack([sd_slopes, slopes])

    return natural


def no_parameters() -> Natural:
    """What a structure of a single visit has."""
    return (), np.zeros(0), np.zeros((0, 0))
