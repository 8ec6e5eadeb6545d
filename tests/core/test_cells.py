"""Cross-products drawn cell by cell are those of rows."""

from __future__ import annotations

import numpy as np
import pytest

from nestwise._base.arrays import FloatArray
from nestwise.core.cells import draw, make_cells, semidefinite_roots, statistics
from nestwise.core.optimum import response_statistics
from nestwise.core.problem import ModelArrays, Problem, TermColumns, build_problem

N = 1200


def _model(weighted: bool, crossed: bool, intercept: int = 0) -> ModelArrays:
    """Two factors, nested or crossed; a covariate, a constant of the outer group, a slope."""
    rng = np.random.default_rng(4)
    inner = rng.integers(12, size=N).astype(np.int32)
    inner[:12] = np.arange(12)
    outer = (rng.integers(4, size=N) if crossed else inner % 4).astype(np.int32)
    x = rng.normal(size=N) * 5.0 + 40.0
    X = np.asfortranarray(np.column_stack([np.ones(N), x, (outer == 2) * 1.0])[:, intercept * -1 :])
    weights = rng.uniform(0.5, 2.0, N) if weighted else None
    terms = (TermColumns(0, (None, x), "us"), TermColumns(1, (None,), "us"))
    y = rng.normal(size=N) + 10.0
    return ModelArrays(y, X, intercept, weights, (inner, outer), (12, 4), terms)


LAMBDAS = (np.array([[1.0, 0.0], [0.3, 0.2]]), np.array([[0.7]]))


def _first_fit(problem: Problem) -> FloatArray:
    return np.asarray(problem.basis.to_user @ problem.basis.shift)


def _rows(arrays: ModelArrays, beta: FloatArray, seed: int) -> FloatArray:
    """X beta + Z b, b drawn as `draw` does."""
    rng, total = np.random.default_rng(seed), arrays.X @ beta
    for term, L in zip(arrays.terms, LAMBDAS, strict=True):
        b = rng.standard_normal((arrays.n_levels[term.factor], len(L))) @ L.T
        for j, column in enumerate(term.columns):
            values = b[arrays.codes[term.factor], j]
            total += values if column is None else values * column
    return total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize("intercept", [0, -1])
def test_without_residuals_the_statistics_are_those_of_rows(
    weighted: bool, crossed: bool, intercept: int
) -> None:
    arrays = _model(weighted, crossed, intercept)
    problem, cells = build_problem(arrays), make_cells([arrays])
    assert cells is not None
    assert len(cells.gram) == (48 if crossed else 12)
    beta = np.array([2.0, -0.3, 1.0])[: arrays.X.shape[1]]
    # sigma so small that only the random effects are left.
    tiny = tuple(L * 1e12 for L in LAMBDAS)
    drawn = draw(cells, 0, beta, tiny, 1e-12, np.random.default_rng(7))
    found = statistics(cells, 0, problem, drawn)
    y = _rows(arrays, beta + _first_fit(problem), 7)
    wanted = response_statistics(problem, arrays, y)
    np.testing.assert_allclose(found.Zy, wanted.Zy, rtol=1e-9, atol=1e-8 * np.abs(wanted.Zy).max())
    np.testing.assert_allclose(found.Xy, wanted.Xy, rtol=1e-9, atol=1e-8 * np.abs(wanted.Xy).max())
    assert found.yy == pytest.approx(wanted.yy, rel=1e-9)


def test_residuals_have_the_covariance_of_rows() -> None:
    arrays = _model(True, True)
    cells = make_cells([arrays])
    assert cells is not None
    np.testing.assert_allclose(
        cells.root @ cells.root.transpose(0, 2, 1), cells.gram, rtol=1e-9, atol=1e-6
    )
    nothing, rng = tuple(0.0 * L for L in LAMBDAS), np.random.default_rng(1)
    many = [draw(cells, 0, np.zeros(3), nothing, 2.0, rng) for _ in range(4000)]
    yy = np.array([one.yy for one in many]) / 4.0
    assert abs(yy.mean() - N) < 5.0 * np.sqrt(2.0 * N / 4000)
    assert yy.var() == pytest.approx(2.0 * N, rel=0.12)
    Uy = np.array([one.Uy[5] for one in many])
    assert np.cov(Uy.T) == pytest.approx(4.0 * cells.gram[5], rel=0.1, abs=1e-9)
    # What U'We explains of e'We is a chi-square of its rank.
    pseudo = [np.linalg.pinv(G, rcond=1e-9) for G in cells.gram]
    explained = [sum(u @ P @ u for u, P in zip(one.Uy, pseudo, strict=True)) for one in many[:400]]
    rank = cells.active.sum()
    assert np.mean(explained) / 4.0 == pytest.approx(rank, abs=5.0 * np.sqrt(2.0 * rank / 400))


def test_two_models_see_the_same_response() -> None:
    large = _model(False, False)
    small = ModelArrays(
        large.y, large.X[:, :1], 0, None, large.codes[:1], (12,), (TermColumns(0, (None,), "us"),)
    )
    cells = make_cells([small, large])
    assert cells is not None
    P0, P1 = build_problem(small), build_problem(large)
    tiny = (np.array([[1e12]]),)
    drawn = draw(cells, 0, np.array([3.0]), tiny, 1e-12, np.random.default_rng(2))
    shift = np.zeros(cells.gram.shape[1])
    shift[cells.models[1].x_at] += _first_fit(P1)
    shift[cells.models[0].x_at] -= _first_fit(P0)
    b = np.random.default_rng(2).standard_normal((12, 1))[:, 0]
    y = 3.0 + _first_fit(P0)[0] + b[large.codes[0]]
    for i, (P, arrays, moved) in enumerate(((P0, small, None), (P1, large, shift))):
        found = statistics(cells, i, P, drawn, moved)
        wanted = response_statistics(P, arrays, y)
        np.testing.assert_allclose(found.Zy, wanted.Zy, atol=1e-8 * np.abs(wanted.Zy).max())
        np.testing.assert_allclose(found.Xy, wanted.Xy, atol=1e-8 * N)
        assert found.yy == pytest.approx(wanted.yy, rel=1e-9)


def test_not_where_cells_are_as_many_as_rows() -> None:
    arrays = _model(False, False)
    codes = np.arange(N, dtype=np.int32)
    fine = ModelArrays(
        arrays.y, arrays.X, 0, None, (codes,), (N,), (TermColumns(0, (None,), "us"),)
    )
    assert make_cells([fine]) is None


def test_roots_of_singular_matrices() -> None:
    rng = np.random.default_rng(0)
    A = rng.normal(size=(50, 4, 2))
    gram = A @ A.transpose(0, 2, 1)
    root, active = semidefinite_roots(gram)
    np.testing.assert_allclose(root @ root.transpose(0, 2, 1), gram, atol=1e-10)
    assert (active.sum(axis=1) == 2).all()
