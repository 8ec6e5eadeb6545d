"""Directions of recession: found where they are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from nestwise.core.separation import find_separation


def _covariates(n: int, p: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])


@pytest.mark.parametrize("n", [30, 400, 9000])
def test_overlap_is_not_separation(n: int) -> None:
    X = _covariates(n, 4, 1)
    side = np.where(np.random.default_rng(2).random(n) < 0.4, 1, -1)
    assert find_separation(X, side) is None


@pytest.mark.parametrize("n", [30, 400, 9000])
def test_complete_separation(n: int) -> None:
    X = _covariates(n, 4, 3)
    eta = X @ np.array([0.1, 1.0, -1.0, 0.5])
    X, eta = X[np.abs(eta) > 0.05], eta[np.abs(eta) > 0.05]
    found = find_separation(X, np.sign(eta).astype(np.int32))
    assert found is not None
    assert found.complete
    assert (X @ found.direction * np.sign(eta) > 0.0).all()


def test_quasi_separation_names_one_column() -> None:
    n = 5000
    rng = np.random.default_rng(4)
    X = np.column_stack([_covariates(n, 3, 5), rng.random(n) < 0.02])
    side = np.where(rng.random(n) < 0.5, 1, -1)
    side[X[:, 3] == 1.0] = 1
    found = find_separation(X, side)
    assert found is not None
    assert not found.complete
    assert np.flatnonzero(found.direction).tolist() == [3]
    assert found.direction[3] > 0.0
    np.testing.assert_array_equal(found.rows, X[:, 3] == 1.0)


def test_columns_that_are_not_needed_are_not_named() -> None:
    X = _covariates(200, 4, 7)
    side = np.where(X[:, 2] > 0.0, 1, -1)
    found = find_separation(X, side)
    assert found is not None
    assert found.complete
    assert np.flatnonzero(found.direction).tolist() == [2]
    # Two columns, each of which tells some rows apart, are both needed.
    dummies = np.random.default_rng(8).random((200, 2)) < 0.1
    side = np.where(np.random.default_rng(9).random(200) < 0.5, 1, -1)
    side[dummies[:, 0]], side[dummies[:, 1]] = 1, -1
    X, side = np.column_stack([X, dummies])[~dummies.all(axis=1)], side[~dummies.all(axis=1)]
    found = find_separation(X, side)
    assert found is not None
    assert np.flatnonzero(found.direction).tolist() == [4, 5]


def test_counts_above_zero_hold_the_coefficients() -> None:
    # Counts: zero only in the second group, so its coefficient falls to minus infinity.
    X = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    found = find_separation(X, np.array([0, 0, -1, 0, -1, -1, -1, -1]))
    assert found is not None
    assert found.direction[0] == 0.0
    assert found.direction[1] < 0.0
    assert find_separation(X, np.array([0, 0, -1, 0, -1, -1, 0, -1])) is None


def test_scale_of_columns_does_not_matter() -> None:
    X = _covariates(60, 3, 6)
    side = np.where(X[:, 1] > 0.0, 1, -1)
    for scale in (1e-6, 1e6):
        found = find_separation(X * np.array([1.0, scale, 1.0]), side)
        assert found is not None
        assert found.direction[1] > 0.0
