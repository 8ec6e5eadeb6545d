"""Tests of linear hypotheses L beta = rhs: single ones by t, joint ones by F."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from nestwise._base.arrays import FloatArray
from nestwise.inference.ddf import ddf_name, methods
from nestwise.inference.kinds import Fit
from nestwise.inference.wald import two_sided_p

RANK = 1e-8
"""Singular values of the rows of L, scaled to length one, below this count as zero."""


@dataclass(frozen=True, slots=True, eq=False)
class SingleTests:
    """t tests of the rows of L, one by one; all arrays (q,)."""

    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    statistic: FloatArray
    p_value: FloatArray


@dataclass(frozen=True, slots=True)
class JointTest:
    """An F test of all rows of L together.

    Parameters
    ----------
    num_df : int
        Rank of L.
    den_df, f_value, p_value : float
        The test; NaN when L has no rows.
    scale : float
        What the Wald statistic over `num_df` was multiplied by: one except for Kenward-Roger.
    """

    num_df: int
    den_df: float
    f_value: float
    p_value: float
    scale: float = 1.0


def single_tests(fit: Fit, L: FloatArray, rhs: FloatArray, ddf: str | None) -> SingleTests:
    """Test each row of L by itself.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    L : (q, p) float64
        One contrast a row.
    rhs : (q,) float64
        Hypothesised values.
    ddf : str or None
        Method for degrees of freedom; the default of the fit when None.

    Returns
    -------
    SingleTests

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> single_tests(m.fit, np.eye(2)[1:], np.zeros(1), None).statistic.round(3).tolist()
    [6.771]
    """
    how = methods(fit)[ddf_name(fit, ddf)]
    estimate = L @ fit.beta
    std_error = np.sqrt(np.einsum("qi,ij,qj->q", L, how.vcov(fit), L))
    statistic = np.full(estimate.shape, np.nan)
    np.divide(estimate - rhs, std_error, out=statistic, where=std_error > 0.0)
    df = how.single(fit, L)
    return SingleTests(estimate, std_error, df, statistic, two_sided_p(statistic, df))


def joint_test(fit: Fit, L: FloatArray, rhs: FloatArray, ddf: str | None) -> JointTest:
    """Test all rows of L together.

    Rows that the others determine are left out first, so that the test does not depend on how the
    hypothesis is written.

    Parameters
    ----------
    fit, L, rhs, ddf
        As in `single_tests`.

    Returns
    -------
    JointTest
        With ``ddf="normal"`` the denominator is infinite: chi-square over its degrees of freedom.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = joint_test(m.fit, np.array([[0.0, 1], [0, 2]]), np.zeros(2), None)
    >>> t.num_df, round(t.den_df, 2), round(t.f_value, 2)
    (1, 17.0, 45.85)
    """
    how = methods(fit)[ddf_name(fit, ddf)]
    rows, values = independent_rows(L, rhs)
    q = len(rows)
    if q == 0:
        return JointTest(0, np.nan, np.nan, np.nan)
    gap = rows @ fit.beta - values
    den_df, scale = how.joint(fit, rows)
    f_value = scale / q * float(gap @ np.linalg.solve(rows @ how.vcov(fit) @ rows.T, gap))
    p_value = chdtrc(q, q * f_value) if np.isinf(den_df) else fdtrc(q, den_df, f_value)
    return JointTest(q, den_df, f_value, float(p_value), scale)


def independent_rows(L: FloatArray, rhs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows of full rank that state the same hypothesis.

    Parameters
    ----------
    L : (q, p) float64
        Rows, perhaps dependent.
    rhs : (q,) float64
        Right-hand sides.

    Returns
    -------
    rows : (rank, p) float64
    values : (rank,) float64

    Examples
    --------
    >>> rows, values = independent_rows(np.array([[1.0, 0], [2, 0]]), np.array([1.0, 2]))
    >>> np.abs(rows / values).round(6).tolist()
    [[1.0, 0.0]]
    """
    length = np.sqrt(np.einsum("qi,qi->q", L, L))
    scale = np.where(length > 0.0, length, 1.0)
    U, size, Vt = np.linalg.svd(L / scale[:, None], full_matrices=False)
    keep = size > RANK * max(1.0, size.max(initial=0.0))
    if keep.sum() == len(L):
        return L, rhs
    return Vt[keep], (U.T @ (rhs / scale))[keep] / size[keep]
