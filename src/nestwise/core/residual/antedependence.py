"""First-order ante-dependence: each visit depends on the one before, each in its own way.

The correlation of two visits is the product of the correlations of the neighbours between them.
Source: Gabriel (1962), Ann. Math. Stat. 33, 201-212; Zimmerman & Nunez-Anton (2009), Antedependence
Models for Longitudinal Data, eq. 2.20.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import after_deviations, of_tanh
from nestwise.core.residual.matrix import (
    after_ratios,
    by_visits,
    joined,
    with_variances,
)
from nestwise.core.residual.structure import Natural, ResidualStructure

START = 0.3
"""Correlation of neighbours to begin with."""


def antedependence_matrix(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """(v, v) correlation from those of neighbours, tanh(par), and its derivatives."""
    rho = np.tanh(par)
    R, dR = np.eye(v), np.zeros((len(par), v, v))
    for j in range(1, v):
        # visit j through visit j - 1
        R[:j, j] = R[:j, j - 1] * rho[j - 1]
        dR[:, :j, j] = dR[:, :j, j - 1] * rho[j - 1]
        dR[j - 1, :j, j] += R[:j, j - 1] * (1.0 - rho[j - 1] ** 2)
        R[j, :j], dR[:, j, :j] = R[:j, j], dR[:, :j, j]
    return R, dR


def _natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    rho = np.tanh(par)
    names = tuple(f"cor[{a},{b}]" for a, b in pairwise(labels))
    return names, rho, np.diag(1.0 - rho * rho)


def _start(n_visits: int, distance: float = 1.0) -> FloatArray:
    return np.full(max(n_visits - 1, 0), np.arctanh(START))


AD = ResidualStructure(
    name="ad",
    meaning="ante-dependence: a correlation for each pair of neighbouring visits",
    needs="visits",
    heterogeneous=False,
    n_par=lambda v: max(v - 1, 0),
    start=_start,
    covariance=by_visits(antedependence_matrix),
    natural=_natural,
    chart=of_tanh,
)

ADH = ResidualStructure(
    name="adh",
    meaning="ante-dependence with a variance for each visit",
    needs="visits",
    heterogeneous=True,
    n_par=lambda v: 2 * max(v - 1, 0),
    start=after_ratios(_start),
    covariance=by_visits(with_variances(antedependence_matrix)),
    natural=joined(_natural),
    chart=after_deviations(of_tanh),
)
