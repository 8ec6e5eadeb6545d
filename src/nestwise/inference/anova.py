"""Analysis of variance of a linear model: F tests of its terms, sequential or partial."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.table import Table
from nestwise.design.model import FixedPart
from nestwise.fit.lm import residual_sum_of_squares
from nestwise.inference.kinds import LmFit


def anova_lm(fit: LmFit, type: int = 1) -> Table:
    """Sums of squares and F tests of the terms of a linear model.

    Parameters
    ----------
    fit : LmFit
        A linear model.
    type : int
        1: each term after those before it (R's ``anova``); 2: each term after all others that do
        not contain it.

    Returns
    -------
    Table
        ``term df sum_sq mean_sq f_value p_value``, the residuals in the last row.

    Raises
    ------
    OptionError
        When `type` is not 1 or 2.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> t = anova_lm(m.fit)
    >>> t["term"].tolist(), t["f_value"][0].round(2).item()
    (['Days', 'Residuals'], 71.46)
    """
    if isinstance(type, bool) or type not in (1, 2):
        raise OptionError(f"type={type!r} is not known for a linear model; use 1 or 2")
    fixed = fit.design.fixed
    assign = np.array(fixed.assign)
    present = [t for t in range(len(fixed.terms)) if np.any(assign == t)]
    df = np.array([*(np.sum(assign == t) for t in present), fit.df_resid])
    explained = _sequential(fit, present) if type == 1 else _partial(fit, present)
    sum_sq = np.array([*explained, fit.rss])
    mean_sq = sum_sq / df
    f_value = np.append(mean_sq[:-1] / mean_sq[-1], np.nan)
    p_value = np.append(fdtrc(df[:-1], fit.df_resid, f_value[:-1]), np.nan)
    return Table(
        {
            "term": np.array([*(fixed.terms[t] for t in present), "Residuals"], dtype=object),
            "df": df,
            "sum_sq": sum_sq,
            "mean_sq": mean_sq,
            "f_value": f_value,
            "p_value": p_value,
        }
    )


def _sequential(fit: LmFit, present: list[int]) -> list[float]:
    """Sums of squares of Q'y over the columns of each term: columns come in term order."""
    assign = np.array(fit.design.fixed.assign)
    squares = fit.effects[: assign.size] ** 2
    return [float(squares[assign == t].sum()) for t in present]


def _partial(fit: LmFit, present: list[int]) -> list[float]:
    """Reduction of the residual sum of squares by each term, after those not containing it."""
    assign = np.array(fit.design.fixed.assign)
    answers = []
    for t in present:
        others = np.array([a == -1 or not _contains(fit.design.fixed, a, t) for a in assign])
        without = _rss(fit, others)
        answers.append(without - _rss(fit, others | (assign == t)))
    return answers


def _contains(fixed: FixedPart, outer: int, inner: int) -> bool:
    return set(fixed.variables[inner]) <= set(fixed.variables[outer])


def _rss(fit: LmFit, columns: FloatArray) -> float:
    design = fit.design
    y = design.y if design.offset is None else design.y - design.offset
    return residual_sum_of_squares(design.fixed.X[:, columns], y, design.weights)
