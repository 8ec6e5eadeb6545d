"""M = A'WA + I, factorised without forming it where the weights are so large that digits would go.

Source: Bjorck (1996), Numerical Methods for Least Squares Problems, sections 1.3 and 2.4: Q and R
of the rows (W^(1/2) A, I) know what M, with the square of their condition, has lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from nestwise._base.arrays import FloatArray

STIFF = 1e4
"""Weight of a row from which M is not formed."""


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Of M.

    Parameters
    ----------
    A : (n, q) float64
        Z Lambda.
    R : (q, q) float64
        Upper triangle with R'R = M.
    Q : (n + q, q) float64 or None
        With Q R = (W^(1/2) A, I); None where M was formed.
    root : (n,) float64
        W^(1/2), with Q.
    """

    A: FloatArray
    R: FloatArray
    Q: FloatArray | None
    root: FloatArray


def factorised(A: FloatArray, W: FloatArray) -> Factor:
    """The factor of A'WA + I.

    Parameters
    ----------
    A : (n, q) float64
        Z Lambda.
    W : (n,) float64
        Weights of the rows.

    Raises
    ------
    numpy.linalg.LinAlgError
        When it is not positive definite, or not finite.

    Examples
    --------
    >>> round(log_determinant(factorised(np.ones((2, 1)), np.array([1.0, 2.0]))), 9)  # log 4
    1.386294361
    """
    if not (np.isfinite(W).all() and np.isfinite(A).all()):
        raise np.linalg.LinAlgError("a weight or a column is not finite")
    q = A.shape[1]
    if W.max(initial=0.0) > STIFF and W.min(initial=0.0) >= 0.0:
        root = np.sqrt(W)
        Q, R = np.linalg.qr(np.vstack([root[:, None] * A, np.eye(q)]))
        return Factor(A, R, Q, root)
    M = (A.T * W) @ A
    M[np.diag_indices_from(M)] += 1.0
    return Factor(A, cholesky(M), None, W)


def log_determinant(factor: Factor) -> float:
    """log|M|."""
    return 2.0 * float(np.log(np.abs(np.diagonal(factor.R))).sum())


def solved(factor: Factor, t: FloatArray, less: FloatArray | None = None) -> FloatArray:
    """(q,) M^-1 (A't - less).

    Parameters
    ----------
    factor : Factor
        Of M.
    t : (n,) float64
        A value a row.
    less : (q,) float64, optional
        Zero when not given.
    """
    R, n = factor.R, len(t)
    if factor.Q is None:
        rhs = factor.A.T @ t if less is None else factor.A.T @ t - less
        half = solve_triangular(R, rhs, trans="T")
        return np.asarray(solve_triangular(R, half))
    big = factor.root >= 1.0
    rest = factor.A[~big].T @ t[~big] - (0.0 if less is None else less)
    part = factor.Q[:n][big].T @ (t[big] / factor.root[big])
    return np.asarray(solve_triangular(R, part + solve_triangular(R, rest, trans="T")))


def spread(factor: Factor) -> FloatArray:
    """(n, q) A M^-1.

    Parameters
    ----------
    factor : Factor
        Of M.
    """
    half = solve_triangular(factor.R, factor.A.T, trans="T")
    if factor.Q is not None:
        big = factor.root >= 1.0
        half[:, big] = factor.Q[: len(big)][big].T / factor.root[big]
    return np.asarray(solve_triangular(factor.R, half).T)
