"""The compiled coordinates of the fixed effects agree with their readable twin."""

from __future__ import annotations

import numpy as np
import pytest

from nestwise.core.basis import compiled_basis, make_basis, residual


def _columns(n: int, p: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-3, 3, p) + 10.0 ** rng.uniform(0, 4, p)
    X[:, 0] = 1.0
    return np.asfortranarray(X)


@pytest.mark.parametrize(("n", "p"), [(3, 1), (40, 3), (256, 2), (1000, 6), (70_000, 4)])
@pytest.mark.parametrize("intercept", [0, -1])
def test_twin(n: int, p: int, intercept: int) -> None:
    X = _columns(n, p, n + p)
    y = np.random.default_rng(1).normal(size=n) + X @ np.ones(p)
    twin = make_basis(y, X, intercept)
    basis, rest = compiled_basis(y, X, intercept)
    np.testing.assert_allclose(basis.center, twin.center, rtol=1e-13)
    np.testing.assert_allclose(basis.scale, twin.scale, rtol=1e-11)
    np.testing.assert_allclose(basis.to_user, twin.to_user, rtol=1e-10)
    assert basis.log_det == pytest.approx(twin.log_det, abs=1e-10)
    own = residual(y, X, basis, intercept)
    np.testing.assert_allclose(rest, own, atol=1e-11 * np.abs(y).max())
    # Both fits leave the same residuals, whatever coordinates they took.
    np.testing.assert_allclose(rest, residual(y, X, twin, intercept), atol=1e-7 * np.abs(y).max())


def test_a_column_that_others_determine_gets_no_coefficient() -> None:
    x = np.arange(12.0)
    X = np.asfortranarray(np.column_stack([np.ones(12), x, 2.0 * x, np.zeros(12)]))
    basis, rest = compiled_basis(3.0 + 2.0 * x, X, 0)
    assert basis.shift[2:].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(rest, 0.0, atol=1e-12)


def test_far_from_zero() -> None:
    x = 1e8 + np.arange(5.0)
    X = np.asfortranarray(np.column_stack([np.ones(5), x]))
    basis, rest = compiled_basis(x - 1e8, X, 0)
    assert (basis.to_user @ basis.shift)[1] == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(rest, 0.0, atol=1e-14)
