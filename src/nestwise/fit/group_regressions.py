"""A regression for every group: separate coefficients, one residual variance for all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import FitError
from nestwise.design.groups import level_labels
from nestwise.design.model import Design
from nestwise.fit.group_solve import solve_groups


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class GroupRegressions:
    """One least-squares fit for each level of a grouping factor.

    Parameters
    ----------
    design : Design
        The arrays of ``y ~ x + (1 | g)``: fixed columns and one grouping factor.
    labels : (G,) ndarray of object
        Labels of the groups.
    beta : (G, p) float64
        Coefficients; NaN where a group does not determine one.
    unscaled_vcov : (G, p, p) float64
        (X'WX)^-1 of each group.
    rss : (G,) float64
        Residual sums of squares.
    rank, n : (G,) int64
        Coefficients that each group determines, and its rows.
    sigma : float
        Pooled residual standard deviation.
    df_resid : int
        Its degrees of freedom: rows less all coefficients.
    """

    design: Design
    labels: AnyArray
    beta: FloatArray
    unscaled_vcov: FloatArray
    rss: FloatArray
    rank: AnyArray
    n: AnyArray
    sigma: float
    df_resid: int


def fit_groups(design: Design) -> GroupRegressions:
    """Fit the fixed columns of a design within every level of its grouping factor.

    Parameters
    ----------
    design : Design
        With exactly one grouping factor; its random terms are not used.

    Returns
    -------
    GroupRegressions

    Raises
    ------
    FitError
        When no group leaves a residual degree of freedom.

    Examples
    --------
    >>> from nestwise.design import build
    >>> import nestwise as nw
    >>> design = build("Reaction ~ Days + (1 | Subject)", nw.load_dataset("sleepstudy"))
    >>> fit = fit_groups(design)
    >>> fit.labels[0], fit.beta[0].round(3).tolist(), round(fit.sigma, 3)
    ('308', [244.193, 21.765], 25.592)
    """
    factor = design.factors[0]
    y = design.y if design.offset is None else design.y - design.offset
    found = solve_groups(
        design.fixed.X, y, design.weights, factor.codes, factor.n_levels, design.fixed.intercept
    )
    df = int(y.size - found.rank.sum())
    if df < 1:
        raise FitError(
            f"a regression in each of {factor.n_levels} groups of {factor.name!r} takes "
            f"{int(found.rank.sum())} coefficients from {y.size} rows, which leaves nothing for "
            "the residual variance; leave out predictors or take larger groups"
        )
    return GroupRegressions(
        design=design,
        labels=level_labels(factor),
        beta=found.beta,
        unscaled_vcov=found.inverse,
        rss=found.rss,
        rank=found.rank,
        n=found.n,
        sigma=math.sqrt(float(found.rss.sum()) / df),
        df_resid=df,
    )


__all__ = ["GroupRegressions", "fit_groups"]
