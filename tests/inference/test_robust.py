"""Cluster-robust covariance against full matrices and known special cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

import nestwise as nw
from inference.r_models import table
from nestwise.inference.robust import cluster_robust


def full(
    m: nw.MixedModel | nw.LinearModel, codes: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Covariance and degrees of freedom from n x n matrices, written out as in the papers."""
    fit = m.fit
    X, n = fit.design.fixed.X, len(fit.design.y)
    V = np.eye(n) if fit.design.weights is None else np.diag(1.0 / fit.design.weights)
    for term, Lambda in zip(fit.design.terms, getattr(fit, "lambdas", ()), strict=True):
        Z = np.column_stack([np.ones(n) if z is None else z for z in term.Z]) @ Lambda
        own = fit.design.factors[term.factor].codes
        V += (Z @ Z.T) * (own[:, None] == own)
    V *= fit.sigma**2
    W = np.linalg.inv(V)
    B = np.linalg.inv(X.T @ W @ X)
    H = X @ B @ X.T @ W
    e = (np.eye(n) - H) @ fit.design.y
    G, meat = [], np.zeros((X.shape[1],) * 2)
    for c in np.unique(codes):
        r = np.flatnonzero(codes == c)
        A = np.eye(len(r))
        if kind == "CR2":
            D = np.linalg.cholesky(V[np.ix_(r, r)]).T
            inner = D @ ((np.eye(n) - H)[r] @ V @ (np.eye(n) - H)[r].T) @ D.T
            A = D.T @ np.linalg.inv(np.real(sqrtm(inner))) @ D
        T = X[r].T @ W[np.ix_(r, r)] @ A
        meat += np.outer(T @ e[r], T @ e[r])
        G.append((np.eye(n) - H)[r].T @ T.T @ B)
    df = []
    for j in range(X.shape[1]):
        g = np.column_stack([G_c[:, j] for G_c in G])
        P = g.T @ V @ g
        df.append(np.trace(P) ** 2 / np.sum(P**2))
    scale = len(G) / (len(G) - 1) if kind == "CR1" else 1.0
    return scale * B @ meat @ B, np.array(df)


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2"])
def test_as_full_matrices(kind: str) -> None:
    data = table("sleepstudy").iloc[[i for i in range(180) if i % 7 != 2]].reset_index(drop=True)
    m = nw.lmer("Reaction ~ Days + (Days | Subject)", data, weights="w")
    r = m.cluster_robust(kind=kind)
    V, df = full(m, data["Subject"].to_numpy(), kind)
    np.testing.assert_allclose(r.vcov, V, rtol=1e-8)
    np.testing.assert_allclose(r.table["df"], df, rtol=1e-8)
    assert r.n_clusters == 18


def test_nested_factors_by_the_outermost() -> None:
    m = nw.lmer("strength ~ 1 + (1 | batch/cask)", table("Pastes"))
    V, df = full(m, table("Pastes")["batch"].to_numpy(), "CR2")
    r = m.cluster_robust()
    np.testing.assert_allclose(r.vcov, V, rtol=1e-8)
    np.testing.assert_allclose(r.table["df"], df, rtol=1e-8)
    np.testing.assert_array_equal(m.cluster_robust("batch").vcov, r.vcov)


def test_rows_as_clusters_give_hc2() -> None:
    data = table("cake").iloc[:40]
    m = nw.lm("angle ~ temp", data)
    X = np.column_stack([np.ones(40), data["temp"]])
    B = np.linalg.inv(X.T @ X)
    H = X @ B @ X.T
    e = data["angle"].to_numpy() - H @ data["angle"].to_numpy()
    hc2 = B @ (X.T * (e**2 / (1 - np.diag(H)))) @ X @ B
    r = m.cluster_robust(np.arange(40))
    np.testing.assert_allclose(r.vcov, hc2, rtol=1e-9)


def test_pooled_analysis_with_clusters_is_unbiased() -> None:
    """The same in the long run as the variance that clusters really cause."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(15), 6)
    x = rng.normal(size=15)[g]
    slopes, robust, naive = [], [], []
    for _ in range(300):
        m = nw.lm("y ~ x", {"y": rng.normal(size=15)[g] + rng.normal(size=90), "x": x})
        slopes.append(m.params["x"])
        robust.append(m.cluster_robust(g).vcov[1, 1])
        naive.append(m.vcov()[1, 1])
    true = np.var(slopes)
    # The variance of 300 slopes has a relative Monte-Carlo error of 8 %.
    assert np.mean(robust) == pytest.approx(true, rel=0.3)
    assert np.mean(naive) < 0.5 * true


def test_bad_input() -> None:
    m = nw.lmer("Reaction ~ Days + (1 | Subject)", table("sleepstudy"))
    crossed = nw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", table("Penicillin"))
    with pytest.raises(nw.NestwiseError, match="did you mean 'Subject'"):
        m.cluster_robust("Subjct")
    with pytest.raises(nw.NestwiseError, match="use one of 'CR2'"):
        m.cluster_robust(kind="CR9")
    with pytest.raises(nw.NestwiseError, match="180 rows"):
        m.cluster_robust([1, 2])
    with pytest.raises(nw.NestwiseError, match="missing"):
        m.cluster_robust([None] * 180)
    with pytest.raises(nw.NestwiseError, match="nested"):
        crossed.cluster_robust()
    with pytest.raises(nw.NestwiseError, match="one cluster"):
        m.cluster_robust([1] * 180)
    with pytest.raises(nw.NestwiseError, match="cluster="):
        cluster_robust(nw.lm("Reaction ~ Days", table("sleepstudy")).fit)
