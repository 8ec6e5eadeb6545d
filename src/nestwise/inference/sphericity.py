"""How far within-subject contrasts are from sphericity, and what that takes from the tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from nestwise._base.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Sphericity:
    """Corrections of one within-subject effect.

    Parameters
    ----------
    gg, hf : float
        Factors by Greenhouse & Geisser and by Huynh & Feldt, by which both degrees of freedom are
        multiplied; 1 for a single contrast.
    mauchly, p_value : float
        Mauchly's W and the probability of one so small under sphericity; NaN for a single contrast
        or too few subjects.
    """

    gg: float
    hf: float
    mauchly: float
    p_value: float


def sphericity(errors: FloatArray, df: int) -> Sphericity:
    """Corrections from the error sums of squares of orthonormal contrasts.

    Parameters
    ----------
    errors : (d, d) float64
        Sums of squares and products of the contrasts' errors.
    df : int
        Their degrees of freedom: subjects less parameters between subjects.

    Returns
    -------
    Sphericity

    Source
    ------
    Greenhouse & Geisser (1959), Psychometrika 24, 95-112; Huynh & Feldt (1976), J. Educ. Stat. 1,
    69-82, with the correction of Lecoutre (1991), J. Educ. Stat. 16, 371-372, for several groups;
    Mauchly (1940), Ann. Math. Stat. 11, 204-209; Anderson (1958), section 10.7.4.

    Examples
    --------
    >>> sphericity(np.eye(3), 10).gg
    1.0
    """
    d = len(errors)
    if d == 1:
        return Sphericity(1.0, 1.0, np.nan, np.nan)
    gg = float(np.trace(errors) ** 2 / (d * np.sum(errors * errors)))
    below = d * (df - d * gg)
    hf = ((df + 1) * d * gg - 2.0) / below if below > 0.0 else 1.0
    return Sphericity(gg, min(hf, 1.0), *_mauchly(errors, df))


def _mauchly(errors: FloatArray, df: int) -> tuple[float, float]:
    """W and its p value: a mixture of two chi-squares (Anderson's second-order expansion)."""
    d = len(errors)
    if df < d:
        return np.nan, np.nan
    W = float(np.linalg.det(errors) / (np.trace(errors) / d) ** d)
    if not W > 0.0:
        return W, 0.0
    rho = 1.0 - (2.0 * d * d + d + 2.0) / (6.0 * d * df)
    top = (d + 2.0) * (d - 1.0) * (d - 2.0) * (2.0 * d**3 + 6.0 * d * d + 3.0 * d + 2.0)
    second = top / (288.0 * (df * d * rho) ** 2)
    z, f = -df * rho * float(np.log(W)), d * (d + 1) / 2.0 - 1.0
    first = float(chdtrc(f, z))
    return W, first + second * (float(chdtrc(f + 4.0, z)) - first)
