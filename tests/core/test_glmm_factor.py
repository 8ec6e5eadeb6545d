"""The factor of A'WA + I keeps its digits where weights are so large that M would lose them."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from nestwise.core.glmm_factor import factorised, log_determinant, solved, spread


def _columns() -> np.ndarray:
    """Effects of six rows and of two groups of three."""
    Z = np.hstack([np.eye(6), np.repeat(np.eye(2), 3, axis=0)])
    return Z * np.array([*[0.7] * 6, 0.4, 0.4])


@pytest.mark.parametrize("size", [1.0, 1e6, 1e11])
def test_determinant_and_solutions_have_all_digits(size: float) -> None:
    A = _columns()
    W = size * np.array([0.2, 1.0, 0.5, 2.0, 0.0, 1e-12])
    t, less = np.array([1.0, -2.0, 0.5, 0.1, 3.0, -1.0]), np.linspace(-1.0, 1.0, 8)
    factor = factorised(A, W)
    with mp.workdps(60):
        exact = mp.matrix(A.T.tolist()) * mp.diag([mp.mpf(w) for w in W]) * mp.matrix(A.tolist())
        M = exact + mp.eye(8)
        want = float(mp.log(mp.det(M)))
        rhs = mp.matrix(A.T.tolist()) * mp.matrix(t.tolist()) - mp.matrix(less.tolist())
        step = np.array((M**-1 * rhs).T.tolist()[0], dtype=float)
        through = np.array((mp.matrix(A.tolist()) * M**-1).tolist(), dtype=float)
    assert abs(log_determinant(factor) / want - 1.0) < 1e-13
    np.testing.assert_allclose(solved(factor, t, less), step, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(spread(factor), through, rtol=1e-9, atol=1e-9 / size)


def test_weights_below_zero_are_refused_where_the_sum_is_not_positive() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        factorised(_columns(), np.full(6, -10.0))
