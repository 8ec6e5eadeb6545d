"""Cluster-robust covariance of the fixed effects, with Satterthwaite degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.printed import aligned, printed_html
from nestwise._base.table import Table
from nestwise.inference.kinds import LmmFit, PlainFit
from nestwise.inference.wald import two_sided_p, vcov

KINDS = ("CR2", "CR1", "CR0")

SINGULAR = 1e-9
"""Eigenvalues of a cluster's adjustment below this share of the largest count as zero."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClusterRobust:
    """A sandwich estimate that stays right when the covariance model is wrong.

    Parameters
    ----------
    kind : str
        ``"CR0"``, ``"CR1"`` or ``"CR2"``.
    n_clusters : int
        Independent clusters.
    vcov : (p, p) float64
        Covariance of the fixed effects.
    table : Table
        ``term estimate std_error statistic df p_value``.
    """

    kind: str
    n_clusters: int
    vcov: FloatArray
    table: Table

    def __str__(self) -> str:
        t = self.table
        rows = [
            [
                str(t["term"][i]),
                *(f"{t[name][i]:.4g}" for name in ("estimate", "std_error", "df", "statistic")),
                f"{t['p_value'][i]:.3g}",
            ]
            for i in range(len(t))
        ]
        lines = aligned(["", "estimate", "std_error", "df", "t", "p"], rows)
        return "\n".join([*lines, "", t.note] if t.note else lines)

    __repr__ = __str__
    _repr_html_ = printed_html


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over the rows of each cluster c.

    Parameters
    ----------
    scores : (C, p) float64
        X_c'V_c^-1 A_c e_c.
    weights : (C, p, p) float64
        X_c'V_c^-1 A_c X_c.
    sizes : (C, p, p) float64
        X_c'V_c^-1 A_c V_c A_c'V_c^-1 X_c.
    """

    scores: FloatArray
    weights: FloatArray
    sizes: FloatArray


def cluster_robust(fit: PlainFit, cluster: object = None, kind: str = "CR2") -> ClusterRobust:
    """Covariance of the fixed effects from the variation of whole clusters.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit; its covariance model is the working model.
    cluster : str or (n,) array, optional
        A grouping factor by name, or the cluster of every used row. By default the grouping
        factor with the fewest levels. Rows of different clusters must be independent under the
        fit: all grouping factors are nested in the cluster.
    kind : str
        ``"CR0"``: no adjustment; ``"CR1"``: times C / (C - 1) for C clusters; ``"CR2"``: unbiased
        under the working model, which is best with few clusters (rows of a cluster are handled
        as one dense block: time grows with the cube of its size).

    Returns
    -------
    ClusterRobust

    Raises
    ------
    OptionError
        When the cluster is not known, has missing labels or one level, or grouping factors are
        not nested in it.

    Source
    ------
    Bell & McCaffrey (2002), Surv. Methodol. 28, 169-181; Pustejovsky & Tipton (2018), J. Bus.
    Econ. Stat. 36, 672-683, eq. 5-7 and 11.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (1 | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = cluster_robust(m.fit).table
    >>> t["std_error"].round(2).tolist(), t["df"].round(2).tolist()
    ([6.82, 1.55], [17.0, 17.0])
    """
    one_of("kind", kind, KINDS)
    codes, count = _clusters(fit, cluster)
    B = vcov(fit)
    sums = _cluster_sums(fit, codes, count, B, kind)
    inflation = count / (count - 1) if kind == "CR1" else 1.0
    covariance = inflation * B @ (sums.scores.T @ sums.scores) @ B
    std_error = np.sqrt(np.diag(covariance))
    df = _degrees(sums, B)
    statistic = fit.beta / std_error
    table = Table(
        {
            "term": np.array(fit.design.fixed.names, dtype=object),
            "estimate": fit.beta.copy(),
            "std_error": std_error,
            "statistic": statistic,
            "df": df,
            "p_value": two_sided_p(statistic, df),
        },
        f"{kind} standard errors from {count} clusters, Satterthwaite degrees of freedom.",
    )
    return ClusterRobust(kind, count, covariance, table)


def _clusters(fit: PlainFit, cluster: object) -> tuple[IntArray, int]:
    """(n,) cluster of every row and the number of clusters."""
    factors = fit.design.factors
    known = {f.name: f for f in factors}
    if cluster is None and factors:
        cluster = min(factors, key=lambda f: f.n_levels).name
    if cluster is None:
        raise OptionError("a linear model does not know its clusters; give cluster=")
    if isinstance(cluster, str):
        one_of("cluster", cluster, tuple(known))
        codes, count = known[cluster].codes, known[cluster].n_levels
    else:
        codes, count = _coded(np.asarray(cluster), len(fit.design.y))
    if count < 2:
        raise OptionError("all rows are in one cluster; robust errors need two or more")
    for factor in factors:
        parent = np.zeros(factor.n_levels, dtype=np.int64)
        parent[factor.codes] = codes
        if not np.array_equal(parent[factor.codes], codes):
            raise OptionError(
                f"levels of {factor.name!r} occur in several clusters, so clusters are not "
                "independent; cluster by a factor in which all grouping factors are nested"
            )
    return codes, count


def _coded(labels: AnyArray, n: int) -> tuple[IntArray, int]:
    if labels.shape != (n,):
        raise OptionError(
            f"cluster has shape {labels.shape}; give one label for each of the {n} rows used"
        )
    missing = labels != labels if labels.dtype.kind in "fO" else np.zeros(n, dtype=bool)
    if np.any(missing) or any(label is None for label in labels.tolist()):
        raise OptionError("cluster has missing labels; leave those rows out of the fit")
    found, codes = np.unique(labels, return_inverse=True)
    return codes.astype(np.int32), len(found)


def _cluster_sums(fit: PlainFit, codes: IntArray, count: int, B: FloatArray, kind: str) -> _Sums:
    X, p = fit.design.fixed.X, fit.beta.size
    y = fit.design.y - (0.0 if fit.design.offset is None else fit.design.offset)
    residual = y - X @ fit.beta
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(count + 1))
    scores = np.zeros((count, p))
    weights, sizes = np.zeros((count, p, p)), np.zeros((count, p, p))
    for c in range(count):
        rows = order[bounds[c] : bounds[c + 1]].astype(np.int32)
        Xc, V = X[rows], _working(fit, rows)
        WX = np.linalg.solve(V, Xc)
        AWX = _adjustment(V, V - Xc @ B @ Xc.T).T @ WX if kind == "CR2" else WX
        scores[c] = AWX.T @ residual[rows]
        weights[c] = AWX.T @ Xc
        sizes[c] = AWX.T @ V @ AWX
    return _Sums(scores, weights, sizes)


def _working(fit: PlainFit, rows: IntArray) -> FloatArray:
    """Covariance matrix of some rows under the fit, (r, r)."""
    w = fit.design.weights
    V = np.diag(np.ones(len(rows)) if w is None else 1.0 / w[rows])
    if isinstance(fit, LmmFit):
        for term, Lambda in zip(fit.design.terms, fit.lambdas, strict=True):
            columns = [np.ones(len(rows)) if z is None else z[rows] for z in term.Z]
            half = np.column_stack(columns) @ Lambda
            codes = fit.design.factors[term.factor].codes[rows]
            V += (half @ half.T) * (codes[:, None] == codes)
    return np.asarray(fit.sigma**2 * V)


def _adjustment(V: FloatArray, left: FloatArray) -> FloatArray:
    """A = D'(D left D')^(+1/2) D with V = D'D, so that A left A' = V (Pustejovsky & Tipton)."""
    D = np.linalg.cholesky(V).T
    values, vectors = np.linalg.eigh(D @ left @ D.T)
    keep = values > SINGULAR * values.max(initial=0.0)
    half = D.T @ vectors[:, keep]
    return np.asarray((half / np.sqrt(values[keep])) @ half.T)


def _degrees(sums: _Sums, B: FloatArray) -> FloatArray:
    """Satterthwaite's degrees of freedom of each coefficient under the working model, (p,)."""
    df = np.empty(len(B))
    for j, column in enumerate(B):
        size = np.einsum("i,cik,k->c", column, sums.sizes, column)
        s = np.einsum("i,cik->ck", column, sums.weights)
        own = np.einsum("ci,ij,cj->c", s, B, s)
        S = B @ (s.T @ s)
        # sum over pairs of (delta size - s_c'B s_d)^2, without forming the pairs.
        spread = float(np.sum(size**2 - 2.0 * size * own)) + float(np.trace(S @ S))
        df[j] = float(np.sum(size - own)) ** 2 / spread
    return df
