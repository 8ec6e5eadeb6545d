"""Normal-theory answers: covariance of the fixed effects, t and normal tails, Wald intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean
from nestwise._base.options import names_of
from nestwise._base.table import Table
from nestwise.inference.kinds import Fit, GlmmFit, LmFit


def vcov(fit: Fit) -> FloatArray:
    """Covariance matrix of the fixed effects.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    (p, p) float64
        ``sigma**2`` times the unscaled matrix, in the order of the coefficients; of a GLMM the
        inverse of the Hessian in all parameters.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> vcov(SimpleNamespace(sigma=2.0, unscaled_vcov=np.eye(1))).tolist()
    [[4.0]]
    """
    if isinstance(fit, GlmmFit):
        return fit.vcov
    return fit.sigma**2 * fit.unscaled_vcov


def two_sided_p(statistic: FloatArray, df: FloatArray) -> FloatArray:
    """Two-sided tail probability of Student's t, the normal where `df` is infinite.

    Parameters
    ----------
    statistic, df : (q,) float64
        Statistics and their degrees of freedom.

    Returns
    -------
    (q,) float64
        Accurate in relative terms far into the tail.

    Examples
    --------
    >>> import numpy as np
    >>> two_sided_p(np.array([2.0, 1.959964]), np.array([10.0, np.inf])).round(4).tolist()
    [0.0734, 0.05]
    """
    tail = -np.abs(statistic)
    finite = np.isfinite(df)
    student = stdtr(np.where(finite, df, 1.0), tail)
    return np.asarray(2.0 * np.where(finite, student, ndtr(tail)), dtype=np.float64)


def quantile(df: FloatArray, level: float) -> FloatArray:
    """Multiplier of the standard error for a two-sided interval.

    Parameters
    ----------
    df : (q,) float64
        Degrees of freedom; infinite for the normal.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    (q,) float64

    Raises
    ------
    OptionError
        When `level` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> quantile(np.array([10.0, np.inf]), 0.95).round(4).tolist()
    [2.2281, 1.96]
    """
    upper = 0.5 + 0.5 * checked_level(level)
    finite = np.isfinite(df)
    student = stdtrit(np.where(finite, df, 1.0), upper)
    return np.asarray(np.where(finite, student, ndtri(upper)), dtype=np.float64)


def checked_level(level: float) -> float:
    """`level` when it is a number between 0 and 1.

    Raises
    ------
    OptionError
        When it is not.

    Examples
    --------
    >>> checked_level(0.95)
    0.95
    """
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0.0 < level < 1.0:
        raise OptionError(f"level={level!r} is not a number between 0 and 1; use for instance 0.95")
    return float(level)


def confint_wald(fit: Fit, level: float = 0.95, params: Sequence[str] | None = None) -> Table:
    """Wald intervals of the fixed effects.

    A mixed model takes the normal quantile, as lme4's ``confint(method = "Wald")``; a linear model
    takes Student's with its residual degrees of freedom, as R's ``confint``. Intervals for
    standard deviations have no useful Wald form and are left out.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    level : float
        Confidence level.
    params : sequence of str, optional
        Names of the coefficients wanted; all by default.

    Returns
    -------
    Table
        ``term conf_low conf_high``.

    Raises
    ------
    OptionError
        When a name in `params` is not a coefficient, or `level` is out of range.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> confint_wald(m.fit)["conf_low"].round(2).tolist()
    [238.03, 7.44]
    """
    names = fit.design.fixed.names
    keep = chosen(names, params)
    df = np.full(len(names), float(fit.df_resid) if isinstance(fit, LmFit) else np.inf)
    half = quantile(df, level) * np.sqrt(np.diag(vcov(fit)))
    return Table(
        {
            "term": np.array(names, dtype=object)[keep],
            "conf_low": (fit.beta - half)[keep],
            "conf_high": (fit.beta + half)[keep],
        }
    )


def chosen(
    names: Sequence[str], wanted: Sequence[str] | None, what: str = "coefficient"
) -> list[int]:
    """Positions of the wanted names, all when None.

    Raises
    ------
    OptionError
        When a wanted name does not exist.

    Examples
    --------
    >>> chosen(("(Intercept)", "ses"), ["ses"])
    [1]
    """
    if wanted is None:
        return list(range(len(names)))
    listed = names_of("params", wanted)
    if not listed:
        raise OptionError("params=[] asks for nothing; leave params out to get all of them")
    for name in listed:
        if name not in names:
            hint = did_you_mean(str(name), names)
            raise OptionError(f"params: there is no {what} {name!r}{hint}")
    return [names.index(name) for name in listed]
