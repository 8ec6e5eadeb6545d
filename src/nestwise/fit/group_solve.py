"""Least squares in many groups at once, from the cross-products of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray
from nestwise.design.rank import redundant_columns

SAFE = 1e-6
"""Squared sine of a column's angle to the others above which cross-products have digits enough."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupSolutions:
    """Coefficients of every group.

    Parameters
    ----------
    beta : (G, p) float64
        NaN where a group does not determine a coefficient.
    inverse : (G, p, p) float64
        (X'WX)^-1 of the determined columns, NaN elsewhere.
    rss : (G,) float64
        Weighted residual sums of squares.
    rank, n : (G,) int64
        Determined coefficients and rows.
    """

    beta: FloatArray
    inverse: FloatArray
    rss: FloatArray
    rank: AnyArray
    n: AnyArray


def solve_groups(
    X: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    codes: AnyArray,
    n_groups: int,
    intercept: bool,
) -> GroupSolutions:
    """Regress y on X within every group.

    Columns are centred in each group when there is an intercept, so that covariates far from zero
    lose no digits; one step of refinement on the rows follows. Columns that are constant in a
    group, or that others determine there, are left out there.

    Parameters
    ----------
    X : (n, p) float64
        Model matrix; with `intercept` its first column is constant.
    y : (n,) float64
        Response less offset.
    weights : (n,) float64 or None
        Prior weights.
    codes : (n,) int
        Group of each row; every group occurs.
    n_groups : int
        Number of groups.
    intercept : bool
        Whether the first column is the intercept.

    Examples
    --------
    >>> X = np.column_stack([np.ones(5), [0.0, 1, 2, 1, 1]])
    >>> found = solve_groups(X, np.array([1.0, 3, 5, 4, 6]), None, np.array([0, 0, 0, 1, 1]), 2,
    ...     True)
    >>> found.beta.round(12).tolist(), found.rank.tolist()
    ([[1.0, 2.0], [5.0, nan]], [2, 1])
    """
    order = np.argsort(codes, kind="stable")
    rows = _Rows.make(X[order], y[order], None if weights is None else weights[order],
                      codes[order], n_groups, intercept)  # fmt: skip
    p = X.shape[1]
    beta = np.full((n_groups, p), np.nan)
    inverse = np.full((n_groups, p, p), np.nan)
    rank = np.zeros(n_groups, np.int64)
    patterns, which = np.unique(rows.varies, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        groups = np.flatnonzero(which.ravel() == k)
        _solve_alike(rows, groups, np.flatnonzero(pattern), beta, inverse, rank)
    residual = rows.y - np.einsum("ij,ij->i", rows.X, np.nan_to_num(beta)[rows.codes])
    rss = np.add.reduceat(rows.w * residual * residual, rows.starts)
    return GroupSolutions(beta, inverse, rss, rank, rows.n)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows sorted by group, and the columns centred within groups."""

    X: FloatArray
    y: FloatArray
    w: FloatArray
    codes: AnyArray
    starts: AnyArray
    n: AnyArray
    centre: FloatArray
    Z: FloatArray
    varies: BoolArray
    intercept: bool

    @staticmethod
    def make(
        X: FloatArray,
        y: FloatArray,
        weights: FloatArray | None,
        codes: AnyArray,
        n_groups: int,
        intercept: bool,
    ) -> _Rows:
        n = np.bincount(codes, minlength=n_groups)
        starts = np.concatenate([[0], np.cumsum(n)[:-1]])
        w = np.ones(y.size) if weights is None else weights
        first = X[starts]
        centre = np.zeros_like(first)
        if intercept:
            total = np.add.reduceat(w, starts)[:, None]
            centre = first + np.add.reduceat(w[:, None] * (X - first[codes]), starts) / total
            centre[:, 0] = 0.0
        Z = X - centre[codes]
        # A column that is constant in a group (or all zero, without an intercept) says nothing.
        reference = first[codes] if intercept else 0.0
        varies = np.logical_or.reduceat(reference != X, starts)
        if intercept:
            varies[:, 0] = True
        return _Rows(X, y, w, codes, starts, n, centre, Z, varies, intercept)

    def of(self, groups: AnyArray) -> AnyArray:
        """(n,) whether a row is in one of the groups."""
        inside = np.zeros(len(self.n), np.bool_)
        inside[groups] = True
        return inside[self.codes]


def _solve_alike(
    rows: _Rows,
    groups: AnyArray,
    columns: AnyArray,
    beta: FloatArray,
    inverse: FloatArray,
    rank: AnyArray,
) -> None:
    """Groups in which the same columns vary: together where that is safe, else one by one."""
    if not columns.size:
        return
    mine = rows.of(groups)
    Z, y, w, n = rows.Z[mine][:, columns], rows.y[mine], rows.w[mine], rows.n[groups]
    starts = np.concatenate([[0], np.cumsum(n)[:-1]])
    at = np.repeat(np.arange(len(groups)), n)
    size = np.sqrt(np.add.reduceat(w[:, None] * Z * Z, starts))
    V = Z / size[at]
    gram = _grams(V, w, starts)
    good = (_smallest_pivot(gram) > SAFE) & (n >= columns.size)
    if good.any():
        S = np.full_like(gram, np.nan)
        S[good] = np.linalg.inv(gram[good])
        b = np.einsum("gij,gj->gi", S, _scores(V, w * y, starts))
        left = w * (y - np.einsum("ij,ij->i", V, b[at]))
        b = (b + np.einsum("gij,gj->gi", S, _scores(V, left, starts))) / size
        S = S / (size[:, :, None] * size[:, None, :])
        b, S = _uncentred(rows, groups, columns, b, S)
        chosen = groups[good]
        beta[np.ix_(chosen, columns)] = b[good]
        inverse[np.ix_(chosen, columns, columns)] = S[good]
        rank[chosen] = columns.size
    for i in np.flatnonzero(~good):
        _solve_one(rows, int(groups[i]), columns, beta, inverse, rank)


def _grams(V: FloatArray, w: FloatArray, starts: AnyArray) -> FloatArray:
    q = V.shape[1]
    gram = np.empty((len(starts), q, q))
    for i in range(q):
        for j in range(i + 1):
            gram[:, i, j] = gram[:, j, i] = np.add.reduceat(w * V[:, i] * V[:, j], starts)
    return gram


def _scores(V: FloatArray, wy: FloatArray, starts: AnyArray) -> FloatArray:
    return np.asarray(np.add.reduceat(V * wy[:, None], starts))


def _smallest_pivot(gram: FloatArray) -> FloatArray:
    """Smallest squared pivot of the Cholesky factor of each matrix with unit diagonal."""
    left = gram.copy()
    smallest = np.full(len(gram), np.inf)
    with np.errstate(all="ignore"):
        for j in range(gram.shape[1]):
            pivot = left[:, j, j].copy()
            smallest = np.minimum(smallest, np.where(np.isnan(pivot), -1.0, pivot))
            column = left[:, :, j] / pivot[:, None]
            left = left - column[:, :, None] * left[:, j, None, :]
    return smallest


def _uncentred(
    rows: _Rows, groups: AnyArray, columns: AnyArray, b: FloatArray, S: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Coefficients and inverse for the columns as they are: only the intercept changes."""
    if not rows.intercept:
        return b, S
    # X = Z T with T = I but for the first row, which holds the means.
    back = np.tile(np.eye(columns.size), (len(groups), 1, 1))
    back[:, 0, 1:] = -rows.centre[np.ix_(groups, columns[1:])]
    return np.einsum("gij,gj->gi", back, b), back @ S @ back.transpose(0, 2, 1)


def _solve_one(
    rows: _Rows,
    group: int,
    columns: AnyArray,
    beta: FloatArray,
    inverse: FloatArray,
    rank: AnyArray,
) -> None:
    """One group by an orthogonal decomposition; columns that others determine are left out."""
    mine = slice(int(rows.starts[group]), int(rows.starts[group] + rows.n[group]))
    root = np.sqrt(rows.w[mine])
    Z = rows.Z[mine][:, columns]
    out = set(redundant_columns(np.asfortranarray(rows.X[mine][:, columns]), rows.intercept))
    kept = np.array([j for j in range(columns.size) if j not in out], np.intp)
    Q, R = np.linalg.qr(Z[:, kept] * root[:, None])
    half = np.linalg.inv(R)
    b = (half @ (Q.T @ (root * rows.y[mine])))[None]
    one = np.array([group])
    b, S = _uncentred(rows, one, columns[kept], b, (half @ half.T)[None])
    beta[group, columns[kept]] = b[0]
    inverse[np.ix_(one, columns[kept], columns[kept])] = S
    rank[group] = kept.size


__all__ = ["GroupSolutions", "solve_groups"]
