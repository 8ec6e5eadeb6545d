"""One approach and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.fit.group_regressions import GroupRegressions
from nestwise.fit.result import LmFit, LmmFit


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Tests of the common coefficients, NaN where an approach does not give one.

    Parameters
    ----------
    estimate, std_error, df, statistic, p_value : (p,) float64
        In the order of the columns of X.
    reasons : tuple of str
        For each coefficient why it is NaN; empty where it is not.
    """

    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Approach:
    """One way to answer the question.

    Parameters
    ----------
    name : str
        ``pooled``, ``aggregated means``, ``regression per group``, ``fixed effects``, ``fixed
        effects and interactions``, ``random intercept``, ``nested intercepts`` (or ``crossed
        intercepts``), ``random slopes``.
    groups : str
        The level or levels it knows of; empty for pooled regression.
    words : str
        What it does, in one sentence.
    formula : str
        As it could be fitted by itself; empty where no formula does.
    estimates : Estimates
        What it says of the coefficients.
    n_rows, n_par : int
        Rows it sees, and parameters it spends, the residual variance included.
    df_resid : float
        Residual degrees of freedom of a least-squares fit; NaN for the others.
    sigma, r2, r2_fixed, aic : float
        Residual sd; share of the response's variance that it accounts for, and by fixed effects
        alone; AIC by maximum likelihood (NaN where its rows are others).
    fit : fit or None
        The fit, where there is one by itself.
    problem : str
        Why it could not be fitted at all; empty when it was.
    """

    name: str
    groups: str
    words: str
    formula: str
    estimates: Estimates
    n_rows: int
    n_par: int
    df_resid: float
    sigma: float
    r2: float
    r2_fixed: float
    aic: float
    fit: LmFit | LmmFit | GroupRegressions | None = None
    problem: str = ""


def spread(
    positions: Sequence[int], columns: Sequence[FloatArray], p: int, reasons: Sequence[str]
) -> Estimates:
    """Estimates of some coefficients among all p of them.

    Parameters
    ----------
    positions : sequence of int
        Which of the p coefficients were estimated.
    columns : sequence of five (k,) float64
        Estimate, standard error, df, statistic, p value.
    p : int
        Number of coefficients.
    reasons : sequence of str
        For every coefficient why it would be missing.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> found = spread([1], [one] * 5, 2, ["constant", "constant"])
    >>> found.estimate.tolist(), found.reasons
    ([nan, 1.0], ('constant', ''))
    """
    full = [np.full(p, np.nan) for _ in columns]
    for target, values in zip(full, columns, strict=True):
        target[list(positions)] = values
    told = tuple(r if np.isnan(full[0][j]) else "" for j, r in enumerate(reasons))
    return Estimates(full[0], full[1], full[2], full[3], full[4], told)


def nothing(p: int, reason: str) -> Estimates:
    """No coefficient at all, for one reason.

    Examples
    --------
    >>> nothing(2, "too few groups").reasons
    ('too few groups', 'too few groups')
    """
    return spread([], [np.zeros(0)] * 5, p, [reason] * p)


__all__ = ["Approach", "Estimates", "nothing", "spread"]
