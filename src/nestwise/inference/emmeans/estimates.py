"""Linear estimates with labels: what means, trends and contrasts of them have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray
from nestwise.inference.ddf import ddf_name, methods
from nestwise.inference.kinds import Fit

ESTIMABLE = 1e-8
"""A row whose part along the null space is larger than this is not estimable."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearEstimates:
    """Rows L beta + offset with their labels.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    labels : mapping of str to (r,) ndarray
        Columns that name the rows, grouping columns last.
    by : tuple of str
        Those among them that group the rows.
    L : (r, p) float64
        Kept columns.
    offset : (r,) float64
        Added to each estimate.
    beyond : (r, d) float64
        Parts of the rows along the directions that the data say nothing of.
    ddf : str
        Method for degrees of freedom.
    level : float
        Confidence level.
    """

    fit: Fit
    labels: Mapping[str, AnyArray]
    by: tuple[str, ...]
    L: FloatArray
    offset: FloatArray
    beyond: FloatArray
    ddf: str
    level: float

    @property
    def estimable(self) -> BoolArray:
        """Which rows the data can tell, (r,)."""
        scale = np.maximum(1.0, np.abs(self.L).max(axis=1, initial=0.0))
        return np.asarray(np.abs(self.beyond).max(axis=1, initial=0.0) <= ESTIMABLE * scale)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Estimates, standard errors and degrees of freedom, (r,) each; NaN where not estimable."""

    estimate: FloatArray
    se: FloatArray
    df: FloatArray


def numbers(rows: LinearEstimates) -> Numbers:
    """Evaluate linear estimates.

    Parameters
    ----------
    rows : LinearEstimates
        The rows.

    Returns
    -------
    Numbers
    """
    method = methods(rows.fit)[ddf_name(rows.fit, rows.ddf)]
    good = rows.estimable
    V = method.vcov(rows.fit)
    estimate, se, df = (np.full(len(rows.L), np.nan) for _ in range(3))
    L = rows.L[good]
    estimate[good] = L @ rows.fit.beta + rows.offset[good]
    se[good] = np.sqrt(np.maximum(np.einsum("ri,ij,rj->r", L, V, L), 0.0))
    if len(L):
        df[good] = method.single(rows.fit, L)
    return Numbers(estimate, se, df)


def correlation(rows: LinearEstimates, index: AnyArray) -> FloatArray:
    """Correlation matrix of the chosen rows' estimates."""
    L = rows.L[index]
    V = L @ methods(rows.fit)[ddf_name(rows.fit, rows.ddf)].vcov(rows.fit) @ L.T
    scale = 1.0 / np.sqrt(np.diag(V))
    return np.asarray(V * np.outer(scale, scale), dtype=np.float64)


def by_groups(rows: LinearEstimates) -> list[AnyArray]:
    """Positions of the rows of each group, in order of first appearance."""
    if not rows.by:
        return [np.arange(len(rows.L))]
    keys = list(zip(*(rows.labels[name].tolist() for name in rows.by), strict=True))
    return [np.array([i for i, k in enumerate(keys) if k == key]) for key in dict.fromkeys(keys)]
