"""Likelihood-ratio tests of a variance that may be zero: mixtures of chi-squares."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc


def boundary_p(chisq: float, df: int, removed: int) -> float:
    """p value of a likelihood ratio when the null puts variances on the boundary.

    The null says that `removed` columns of random effects have no variance, and hence no
    covariance with the columns that stay. For one column the statistic is half chi-square with df
    degrees of freedom and half with df - 1 (zero degrees: zero itself). For several the weights
    depend on the information, but those of even and of odd degrees of freedom each sum to one
    half, so that the same mixture is an upper bound; it is still below the naive p value.

    Parameters
    ----------
    chisq : float
        Likelihood-ratio statistic.
    df : int
        Parameters that the null removes.
    removed : int
        Columns of random effects that it removes.

    Returns
    -------
    float
        NaN when nothing is removed.

    Source
    ------
    Self & Liang (1987), J. Am. Stat. Assoc. 82, 605-610, case 5 and 6; Stram & Lee (1994),
    Biometrics 50, 1171-1177; Shapiro (1988), Int. Stat. Rev. 56, 49-62 (weights).

    Examples
    --------
    >>> round(boundary_p(2.7055, 1, 1), 4), round(boundary_p(5.1385, 2, 1), 4)
    (0.05, 0.05)
    """
    if df < 1 or removed < 1:
        return float("nan")
    if not chisq > 0.0:
        return 1.0
    below = float(chdtrc(df - 1, chisq)) if df > 1 else 0.0
    return float(np.clip(0.5 * (below + float(chdtrc(df, chisq))), 0.0, 1.0))
