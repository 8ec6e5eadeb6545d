"""What a regression for every group says, as tables."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.table import Table
from nestwise.fit.group_regressions import GroupRegressions
from nestwise.inference.wald import quantile, two_sided_p


def group_coefficients(
    fit: GroupRegressions, *, pool: bool = True, level: float | None = None
) -> Table:
    """Coefficients of every group with their tests.

    Parameters
    ----------
    fit : GroupRegressions
        The fits.
    pool : bool
        Whether all groups share one residual variance and its degrees of freedom; else each has
        its own, and a group without residual degrees of freedom has no standard error.
    level : float, optional
        Level of confidence intervals, which are added when it is given.

    Returns
    -------
    Table
        ``group level term estimate std_error statistic df p_value [conf_low conf_high]``, terms
        within levels. What a group does not determine is NaN.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> t = group_coefficients(m.fit)
    >>> t["level"][1], t["term"][1], t["std_error"][1].round(4).item()
    ('308', 'Days', 2.8176)
    """
    names = fit.design.fixed.names
    groups, p = fit.beta.shape
    sigma, df = _scale(fit, pool)
    root = np.sqrt(np.diagonal(fit.unscaled_vcov, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        std_error = (sigma[:, None] * root).ravel()
        statistic = fit.beta.ravel() / std_error
    each = np.repeat(df, p)
    columns: dict[str, AnyArray] = {
        **_keys(fit),
        "estimate": fit.beta.ravel().copy(),
        "std_error": std_error,
        "statistic": statistic,
        "df": np.where(np.isnan(std_error), np.nan, each),
        "p_value": _p_values(statistic, each),
    }
    if level is not None:
        half = _half_width(each, level) * std_error
        columns |= {"conf_low": fit.beta.ravel() - half, "conf_high": fit.beta.ravel() + half}
    assert len(columns["term"]) == groups * len(names)
    return Table(columns)


def _keys(fit: GroupRegressions) -> dict[str, AnyArray]:
    groups, p = fit.beta.shape
    return {
        "group": np.full(groups * p, fit.design.factors[0].name, dtype=object),
        "level": np.repeat(fit.labels, p),
        "term": np.tile(np.array(fit.design.fixed.names, dtype=object), groups),
    }


def _scale(fit: GroupRegressions, pool: bool) -> tuple[FloatArray, FloatArray]:
    """Residual standard deviation and its degrees of freedom for each group."""
    if not isinstance(pool, bool):
        raise OptionError(f"pool={pool!r} is neither True nor False")
    if pool:
        groups = len(fit.labels)
        return np.full(groups, fit.sigma), np.full(groups, float(fit.df_resid))
    df = (fit.n - fit.rank).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        sigma = np.sqrt(np.where(df > 0, fit.rss / df, np.nan))
    return sigma, np.where(df > 0, df, np.nan)


def _p_values(statistic: FloatArray, df: FloatArray) -> FloatArray:
    known = ~np.isnan(statistic) & ~np.isnan(df)
    p = np.full(statistic.shape, np.nan)
    p[known] = two_sided_p(statistic[known], df[known])
    return p


def _half_width(df: FloatArray, level: float) -> FloatArray:
    half = np.full(df.shape, np.nan)
    known = ~np.isnan(df)
    half[known] = quantile(df[known], level)
    return half


def group_summary(fit: GroupRegressions) -> Table:
    """One row for each group: its rows, what it determines, its own residual.

    Returns
    -------
    Table
        ``group level n rank df_resid sigma undetermined``: `undetermined` lists the coefficients
        that the group cannot give, because a column is constant in it or it has too few rows.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("normexam ~ standLRT + sex | school", nw.load_dataset("Exam"))
    >>> t = group_summary(m.fit)
    >>> int((t["undetermined"] == "sexM").sum())
    30
    """
    names = np.array(fit.design.fixed.names, dtype=object)
    sigma, _ = _scale(fit, False)
    lacking = np.isnan(fit.beta)
    listed = [", ".join(names[row]) if row.any() else "" for row in lacking]
    return Table(
        {
            "group": np.full(len(fit.labels), fit.design.factors[0].name, dtype=object),
            "level": fit.labels.copy(),
            "n": fit.n.copy(),
            "rank": fit.rank.copy(),
            "df_resid": fit.n - fit.rank,
            "sigma": sigma,
            "undetermined": np.array(listed, dtype=object),
        }
    )


def group_coef(fit: GroupRegressions) -> Table:
    """``group level term estimate``, as `MixedModel.coef` has them.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> group_coef(m.fit)["estimate"][:2].round(2).tolist()
    [244.19, 21.76]
    """
    return Table({**_keys(fit), "estimate": fit.beta.ravel().copy()})


def group_fitted(fit: GroupRegressions) -> FloatArray:
    """(n,) fitted values of the rows used, offset included.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> group_fitted(m.fit)[:2].round(2).tolist()
    [244.19, 265.96]
    """
    design = fit.design
    # What a group does not determine is absorbed by what it does.
    b = np.nan_to_num(fit.beta)[design.factors[0].codes]
    mu = np.einsum("ij,ij->i", design.fixed.X, b)
    return np.asarray(mu if design.offset is None else mu + design.offset)


def mean_coefficients(fit: GroupRegressions) -> Table:
    """Means of the groups' coefficients, each group counted once.

    Returns
    -------
    Table
        ``term estimate std_error statistic df p_value sd n_groups``: the standard error is the sd
        between groups over the root of their number, df one less.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> t = mean_coefficients(m.fit)
    >>> t["estimate"].round(3).tolist(), t["df"].tolist()
    ([251.405, 10.467], [17.0, 17.0])
    """
    known = ~np.isnan(fit.beta)
    n = known.sum(axis=0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, fit.beta, 0.0).sum(axis=0) / n
        squares = np.where(known, (fit.beta - mean) ** 2, 0.0).sum(axis=0)
        sd = np.sqrt(squares / np.where(n > 1, n - 1, np.nan))
        std_error = sd / np.sqrt(n)
        statistic = mean / std_error
    df = np.where(n > 1, n - 1, np.nan)
    return Table(
        {
            "term": np.array(fit.design.fixed.names, dtype=object),
            "estimate": mean,
            "std_error": std_error,
            "statistic": statistic,
            "df": df,
            "p_value": _p_values(statistic, df),
            "sd": sd,
            "n_groups": n.astype(np.int64),
        }
    )


__all__ = ["group_coef", "group_coefficients", "group_fitted", "group_summary", "mean_coefficients"]
