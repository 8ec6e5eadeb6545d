"""Any variances, any correlations: the log-Cholesky parameterisation.

Source: Pinheiro & Bates (1996), Stat. Comput. 6, 289-296, section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.matrix import by_visits
from nestwise.core.residual.structure import Natural, ResidualStructure


def _factor(par: FloatArray, v: int) -> FloatArray:
    """Lower Cholesky factor with L[0, 0] = 1: rows one after the other, log of the diagonal."""
    L = np.eye(v)
    rows, columns = np.tril_indices(v)
    L[rows[1:], columns[1:]] = par
    diagonal = np.arange(1, v)
    L[diagonal, diagonal] = np.exp(L[diagonal, diagonal])
    return L


def unstructured_matrix(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """(v, v) covariance L L' relative to the first variance, and its derivatives."""
    L = _factor(par, v)
    rows, columns = np.tril_indices(v)
    dR = np.zeros((len(par), v, v))
    for k, (r, c) in enumerate(zip(rows[1:].tolist(), columns[1:].tolist(), strict=True)):
        column = L[:, c] * (L[r, r] if r == c else 1.0)
        dR[k, r] += column
        dR[k, :, r] += column
    return L @ L.T, dR


def _natural(par: FloatArray, labels: Sequence[str]) -> Natural:
    v = len(labels)
    R, dR = unstructured_matrix(par, v)
    sd = np.sqrt(R.diagonal())
    # relative change of each standard deviation
    change = dR[:, np.arange(v), np.arange(v)] / (2.0 * R.diagonal())
    names = [f"sd[{x}]/sd[{labels[0]}]" for x in labels[1:]]
    values = list(sd[1:])
    slopes = [sd[i] * change[:, i] for i in range(1, v)]
    for i in range(v):
        for j in range(i + 1, v):
            size, cor = sd[i] * sd[j], R[i, j] / (sd[i] * sd[j])
            names.append(f"cor[{labels[i]},{labels[j]}]")
            values.append(cor)
            slopes.append(dR[:, i, j] / size - cor * (change[:, i] + change[:, j]))
    return tuple(names), np.array(values), np.array(slopes).reshape(len(names), len(par))


def _chart(par: FloatArray, v: int) -> tuple[FloatArray, FloatArray]:
    """Entries below the diagonal of the factor, divided by the one on the diagonal of their row."""
    rows, columns = np.tril_indices(v)
    rows, columns = rows[1:], columns[1:]
    values, slopes = par.copy(), np.eye(len(par))
    below = np.flatnonzero(rows > columns)
    diagonal = rows[below] * (rows[below] + 3) // 2 - 1
    share = np.exp(-par[diagonal])
    values[below] *= share
    slopes[below, below] = share
    slopes[diagonal, below] = -values[below]
    return values, slopes


def _start(n_visits: int, distance: float = 1.0) -> FloatArray:
    """Compound symmetry with a correlation of 0.3."""
    L = np.linalg.cholesky(0.7 * np.eye(n_visits) + 0.3)
    diagonal = np.arange(n_visits)
    L[diagonal, diagonal] = np.log(L[diagonal, diagonal])
    return np.asarray(L[np.tril_indices(n_visits)][1:])


US = ResidualStructure(
    name="us",
    meaning="unstructured: any variances, any correlations",
    needs="visits",
    heterogeneous=True,
    n_par=lambda v: max(v * (v + 1) // 2 - 1, 0),
    start=_start,
    covariance=by_visits(unstructured_matrix),
    natural=_natural,
    chart=_chart,
)
