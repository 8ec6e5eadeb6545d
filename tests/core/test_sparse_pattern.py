"""The sparse factor that Python fills, against NumPy's dense one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from nestwise.core import _kernels

WIDTHS = np.array([1, 2, 1, 3] * 12, dtype=np.int32)


def graph(kind: str, nodes: int) -> csr_array:
    i = np.arange(nodes)
    pairs = [(i[:-k], i[k:]) for k in (1, 2)]
    if kind == "random":
        rng = np.random.default_rng(3)
        pairs = [(rng.integers(0, nodes, 60), rng.integers(0, nodes, 60))]
    if kind == "alike":
        # Cliques of nodes that nothing tells apart, each hanging on one of three hubs.
        pairs = [(i[:, None] + 0 * i, 0 * i[:, None] + i)]
        keep = (i[:, None] // 5 == i // 5) | (i < 3)
        pairs = [(a[keep], b[keep]) for a, b in pairs]
    a, b = (np.concatenate([pair[s] for pair in pairs]) for s in (0, 1))
    a, b = a[a != b], b[a != b]
    both = (np.concatenate([a, b]), np.concatenate([b, a]))
    found = csr_array((np.ones(both[0].size), both), shape=(nodes, nodes))
    found.sum_duplicates()
    return found


@pytest.mark.parametrize("kind", ["band", "random", "alike", "full"])
def test_equals_the_dense_factor(kind: str) -> None:
    g = graph(kind, WIDTHS.size)
    pattern = _kernels.sparse_pattern(
        g.indptr.astype(np.int64), g.indices.astype(np.int32), WIDTHS, kind == "full"
    )
    node = np.repeat(np.arange(WIDTHS.size), WIDTHS)
    n = node.size
    meet = g.toarray()[np.ix_(node, node)] > 0
    meet |= node[:, None] == node
    M = np.random.default_rng(1).normal(size=(n, n)) * meet
    M = M + M.T + 30.0 * np.eye(n)
    a, b = (x.astype(np.int32) for x in np.nonzero(meet))
    at, values = pattern.positions(a, b), np.zeros(pattern.values)
    values[at] = M[a, b]
    L = pattern.factorise(values)
    own = np.arange(n, dtype=np.int32)
    logdet = 2.0 * np.log(L[pattern.positions(own, own)]).sum()
    assert logdet == pytest.approx(np.linalg.slogdet(M)[1], rel=1e-13)
    np.testing.assert_allclose(pattern.inverse(L)[at], np.linalg.inv(M)[a, b], atol=1e-13)
    X = np.random.default_rng(2).normal(size=(n, 3))
    half = pattern.solve(L, X, True)
    np.testing.assert_allclose(pattern.solve(L, half, False), np.linalg.solve(M, X), atol=1e-13)
    np.testing.assert_allclose(half.T @ half, X.T @ np.linalg.solve(M, X), atol=1e-12)
    values[pattern.positions(own, own)] = -1.0
    assert pattern.factorise(values).size == 0


def test_a_chain_of_levels_stays_sparse() -> None:
    """Joined supernodes count the zeros of all their joins, not of the last one only."""
    n = 3000
    g = graph("band", n)
    pattern = _kernels.sparse_pattern(
        g.indptr.astype(np.int64), g.indices.astype(np.int32), np.ones(n, dtype=np.int32), False
    )
    assert pattern.values < 20 * n


@pytest.mark.parametrize("seed", range(12))
def test_any_graph(seed: int) -> None:
    """Merged nodes, absorbed cliques and joined runs leave every entry in its place."""
    rng = np.random.default_rng(seed)
    nodes, groups = int(rng.integers(2, 40)), int(rng.integers(1, 9))
    # Nodes of a group meet the same groups, so that many of them are alike.
    group = rng.integers(0, groups, nodes)
    between = rng.random((groups, groups)) < 0.3
    meet = (between | between.T)[np.ix_(group, group)] | (rng.random((nodes, nodes)) < 0.02)
    meet = (meet | meet.T) & ~np.eye(nodes, dtype=bool)
    g = csr_array(meet.astype(float))
    width = rng.integers(1, 4, nodes).astype(np.int32)
    pattern = _kernels.sparse_pattern(
        g.indptr.astype(np.int64), g.indices.astype(np.int32), width, False
    )
    node = np.repeat(np.arange(nodes), width)
    M = rng.normal(size=(node.size, node.size))
    M = np.where(meet[np.ix_(node, node)] | (node[:, None] == node), M + M.T, 0.0)
    M += 4.0 * node.size * np.eye(node.size)
    a, b = (x.astype(np.int32) for x in np.nonzero(M))
    values = np.zeros(pattern.values)
    values[pattern.positions(a, b)] = M[a, b]
    L = pattern.factorise(values)
    own = np.arange(node.size, dtype=np.int32)
    logdet = 2.0 * np.log(L[pattern.positions(own, own)]).sum()
    assert logdet == pytest.approx(np.linalg.slogdet(M)[1], rel=1e-12)
    inverse = pattern.inverse(L)[pattern.positions(a, b)]
    np.testing.assert_allclose(inverse, np.linalg.inv(M)[a, b], atol=1e-12)


def test_a_grid_has_the_fill_of_a_good_order() -> None:
    side = 40
    i = np.arange(side * side).reshape(side, side)
    a = np.concatenate([i[:, :-1].ravel(), i[:-1].ravel()])
    b = np.concatenate([i[:, 1:].ravel(), i[1:].ravel()])
    g = csr_array(
        (np.ones(2 * a.size), (np.concatenate([a, b]), np.concatenate([b, a]))),
        shape=(side**2, side**2),
    )
    pattern = _kernels.sparse_pattern(
        g.indptr.astype(np.int64),
        g.indices.astype(np.int32),
        np.ones(side**2, dtype=np.int32),
        False,
    )
    # Row by row it would be a band of 65,600 entries.
    assert pattern.values < 40_000


def test_wrong_arguments_are_refused() -> None:
    one = np.ones(2, dtype=np.int32)
    with pytest.raises(ValueError, match="does not fit"):
        _kernels.sparse_pattern(np.array([0, 1]), np.zeros(1, dtype=np.int32), one, False)
    pattern = _kernels.sparse_pattern(np.zeros(3, dtype=np.int64), one[:0], one, False)
    with pytest.raises(ValueError, match="outside"):
        pattern.positions(np.array([2], dtype=np.int32), np.array([0], dtype=np.int32))
    with pytest.raises(ValueError, match="values"):
        pattern.factorise(np.zeros(7))
