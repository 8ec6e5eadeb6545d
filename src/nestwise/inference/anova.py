"""Analysis of variance: F tests of the terms of a model, of types I, II and III."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.table import Table
from nestwise.design.model import FixedPart
from nestwise.fit.lm import residual_sum_of_squares
from nestwise.inference.hypothesis import JointTest, joint_test
from nestwise.inference.kinds import Fit, LmFit, LmmFit, StructuredFit
from nestwise.inference.typed import TermHypothesis, hypotheses


def anova_lm(fit: LmFit, type: int = 1) -> Table:
    """Sums of squares and F tests of the terms of a linear model.

    Parameters
    ----------
    fit : LmFit
        A linear model.
    type : int
        1: each term after those before it (R's ``anova``); 2: each term after all others that do
        not contain it; 3: each term averaged over the cells of those that contain it.

    Returns
    -------
    Table
        ``term df sum_sq mean_sq f_value p_value``, the residuals in the last row.

    Raises
    ------
    OptionError
        When `type` is not 1, 2 or 3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> t = anova_lm(m.fit)
    >>> t["term"].tolist(), t["f_value"][0].round(2).item()
    (['Days', 'Residuals'], 71.46)
    """
    if isinstance(type, bool) or type not in (1, 2, 3):
        raise OptionError(f"type={type!r} is not known; use 1, 2 or 3")
    if type == 3:
        return _marginal(fit)
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


def _marginal(fit: LmFit) -> Table:
    """Type III by the hypotheses themselves, the residuals in the last row."""
    tested = _tests(fit, 3, "residual")
    df = np.array([t.num_df for _, t in tested])
    f_value = np.array([t.f_value for _, t in tested])
    mean_sq = f_value * fit.sigma**2
    return Table(
        {
            "term": np.array([*(h.term for h, _ in tested), "Residuals"], dtype=object),
            "df": np.append(df, fit.df_resid),
            "sum_sq": np.append(mean_sq * df, fit.rss),
            "mean_sq": np.append(mean_sq, fit.sigma**2),
            "f_value": np.append(f_value, np.nan),
            "p_value": np.append([t.p_value for _, t in tested], np.nan),
        },
        _estimability([(h, t.num_df) for h, t in tested]),
    )


def _tests(fit: Fit, type: int, ddf: str | None) -> list[tuple[TermHypothesis, JointTest]]:
    return [
        (h, joint_test(fit, h.L, np.zeros(len(h.L)), ddf)) for h in hypotheses(fit.design, type)
    ]


def _estimability(found: list[tuple[TermHypothesis, int]]) -> str:
    """What cannot be tested because columns of the model matrix were left out."""
    parts = [
        f"{h.term} ({df} of {h.complete_df} degrees of freedom)"
        for h, df in found
        if df < h.complete_df
    ]
    if not parts:
        return ""
    return (
        "Some combinations of levels do not occur, or columns depend on one another; what is "
        f"tested is only what can be estimated of {', '.join(parts)}."
    )


def anova_lmm(fit: LmmFit | StructuredFit, type: int = 3, ddf: str | None = None) -> Table:
    """F tests of the terms of the fixed effects.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        A mixed model, or one with structured residuals.
    type : int
        1, 2 or 3: see `nestwise.inference.typed.hypotheses`.
    ddf : str, optional
        Denominator degrees of freedom: ``"satterthwaite"`` (the default), ``"kenward-roger"``
        (with its scaled F), ``"between-within"``, ``"residual"`` or ``"normal"``.

    Returns
    -------
    Table
        ``term sum_sq mean_sq num_df den_df f_value p_value``; as in lmerTest `mean_sq` is the
        residual variance times F before Kenward and Roger's scaling. A term of which nothing can
        be estimated has ``num_df`` 0; the note tells what cannot be tested.

    Raises
    ------
    OptionError
        When `type` or `ddf` is not known.

    Source
    ------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 2.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = anova_lmm(m.fit, ddf="kenward-roger")
    >>> t["term"].tolist(), t["f_value"].round(2).tolist(), t["den_df"].round(2).tolist()
    (['Days'], [45.85], [17.0])
    """
    tested = _tests(fit, type, ddf)
    num_df = np.array([t.num_df for _, t in tested], dtype=np.int64)
    f_value = np.array([t.f_value for _, t in tested], dtype=np.float64)
    mean_sq = f_value / np.array([t.scale for _, t in tested]) * fit.sigma**2
    return Table(
        {
            "term": np.array([h.term for h, _ in tested], dtype=object),
            "sum_sq": mean_sq * num_df,
            "mean_sq": mean_sq,
            "num_df": num_df,
            "den_df": np.array([t.den_df for _, t in tested], dtype=np.float64),
            "f_value": f_value,
            "p_value": np.array([t.p_value for _, t in tested], dtype=np.float64),
        },
        _estimability([(h, t.num_df) for h, t in tested]),
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
