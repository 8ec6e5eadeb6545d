"""Contrasts of marginal means, and their tests as a family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.table import Table
from nestwise.design.values import labels_of
from nestwise.inference.emmeans.adjust import adjusted_p, check_adjust, multiplier
from nestwise.inference.emmeans.estimates import (
    LinearEstimates,
    Numbers,
    by_groups,
    correlation,
    numbers,
)
from nestwise.inference.emmeans.means import MarginalMeans
from nestwise.inference.emmeans.methods import Family, family
from nestwise.inference.emmeans.transform import of_differences
from nestwise.inference.wald import quantile

OPERATORS = frozenset("-+/*")
"""A level whose label has one of these is put between parentheses."""


@dataclass(frozen=True, slots=True, eq=False)
class MarginalContrasts:
    """Contrasts within each group of marginal means.

    Parameters
    ----------
    rows : LinearEstimates
        The contrasts; their label column is ``contrast``.
    n_means : int
        Means in each group.
    adjust : str
        Adjustment of p values and intervals.
    ratio : bool
        Whether they are shown as ratios, differences of logarithms.
    means : MarginalMeans
        What they are contrasts of.
    """

    rows: LinearEstimates
    n_means: int
    adjust: str
    ratio: bool
    means: MarginalMeans


def contrast(
    means: MarginalMeans, method: Any = "pairwise", adjust: str | None = None
) -> MarginalContrasts:
    """Compare marginal means within each group.

    Parameters
    ----------
    means : MarginalMeans
        The means.
    method : str, mapping or array
        ``"pairwise"``, ``"revpairwise"``, ``"trt.vs.ctrl"`` (the first is the control),
        ``"trt.vs.ctrlk"`` (the last), ``"eff"``, ``"del.eff"``, ``"consec"``, ``"mean_chg"``,
        ``"poly"``, ``"identity"``; or names to weights.
    adjust : str, optional
        ``"tukey"``, ``"holm"``, ``"bonferroni"``, ``"sidak"``, ``"fdr"``, ``"mvt"`` or
        ``"none"``; each method has its own default.

    Returns
    -------
    MarginalContrasts

    Raises
    ------
    OptionError
        When the method or adjustment is not known, or weights do not fit the means.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.emmeans.means import emmeans
    >>> data = nw.load_dataset("cake")
    >>> m = nw.lmer("angle ~ recipe + temperature + (1 | recipe:replicate)", data)
    >>> t = contrast_table(contrast(emmeans(m.fit, data, "recipe")))
    >>> t["contrast"].tolist(), t["p_value"].round(3).tolist()
    (['A - B', 'A - C', 'B - C'], [0.82, 0.81, 1.0])
    """
    rows = means.rows
    groups = by_groups(rows)
    names = mean_labels(means)
    undo = means.scale == "response" and means.transform is not None and means.transform.logarithm
    parts: list[LinearEstimates] = []
    made: Family | None = None
    for index in groups:
        made = family(method, [names[i] for i in index])
        sign = " / " if undo else " - "
        labels: dict[str, AnyArray] = {
            "contrast": np.array([sign.join(name) for name in made.names], dtype=object)
        }
        labels |= {b: np.repeat(rows.labels[b][index[:1]], len(made.names)) for b in rows.by}
        parts.append(_combined(rows, labels, made.weights, index))
    assert made is not None
    chosen = check_adjust(made.adjust if adjust is None else adjust, made.all_pairs)
    return MarginalContrasts(_stacked(rows, parts), len(groups[0]), chosen, bool(undo), means)


def _combined(
    rows: LinearEstimates, labels: dict[str, AnyArray], weights: FloatArray, index: AnyArray
) -> LinearEstimates:
    beyond = weights @ rows.beyond[index]
    L, offset = weights @ rows.L[index], weights @ rows.offset[index]
    return LinearEstimates(rows.fit, labels, rows.by, L, offset, beyond, rows.ddf, rows.level)


def _stacked(rows: LinearEstimates, parts: list[LinearEstimates]) -> LinearEstimates:
    labels = {name: np.concatenate([p.labels[name] for p in parts]) for name in parts[0].labels}
    return LinearEstimates(
        rows.fit,
        labels,
        rows.by,
        np.vstack([p.L for p in parts]),
        np.concatenate([p.offset for p in parts]),
        np.vstack([p.beyond for p in parts]),
        rows.ddf,
        rows.level,
    )


def mean_labels(means: MarginalMeans) -> list[str]:
    """The levels of each mean as contrasts name them: numbers after their column's name.

    So are those of a factor whose levels are all numbers.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.emmeans.means import emmeans
    >>> data = nw.load_dataset("cake")
    >>> m = nw.lmer("angle ~ recipe + factor(temp) + (1 | recipe:replicate)", data)
    >>> mean_labels(emmeans(m.fit, data, ["temp", "recipe"]))[:2]
    ['temp175 A', 'temp185 A']
    """
    rows = means.rows
    parts: list[AnyArray] = []
    for name, values in rows.labels.items():
        if name not in rows.by:
            text = labels_of(values)
            prefix = name if name in means.numeric or _all_numbers(text) else ""
            parts.append(np.array([prefix + str(v) for v in text], dtype=object))
    joined = [" ".join(row) for row in zip(*parts, strict=True)]
    return [f"({label})" if OPERATORS & set(label) else label for label in joined]


def _all_numbers(texts: AnyArray) -> bool:
    try:
        np.array(texts, dtype=object).astype(np.float64)
    except ValueError:
        return False
    return True


def _correlations(contrasts: MarginalContrasts, index: AnyArray, good: AnyArray) -> FloatArray:
    """Correlation of the estimable contrasts of one family, when the adjustment asks for it."""
    R = np.eye(len(index))
    if contrasts.adjust == "mvt" and good.any():
        R[np.ix_(good, good)] = correlation(contrasts.rows, index[good])
    return R


def _tests(contrasts: MarginalContrasts, found: Numbers) -> tuple[FloatArray, FloatArray]:
    """Statistics and p values, family by family."""
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = found.estimate / found.se
    p_value = np.full(statistic.size, np.nan)
    for index in by_groups(contrasts.rows):
        t, df = statistic[index], found.df[index]
        R = _correlations(contrasts, index, np.isfinite(t))
        p_value[index] = adjusted_p(contrasts.adjust, t, df, contrasts.n_means, R)
    return statistic, p_value


def _multipliers(contrasts: MarginalContrasts, found: Numbers, level: float) -> FloatArray:
    """What standard errors are multiplied by, family by family."""
    times = np.full(found.se.size, np.nan)
    for index in by_groups(contrasts.rows):
        R = _correlations(contrasts, index, np.isfinite(found.se[index]))
        k, df = contrasts.n_means, found.df[index]
        times[index] = multiplier(contrasts.adjust, df, level, k, R)
    return times


def contrast_table(contrasts: MarginalContrasts) -> Table:
    """Tests that each contrast is zero.

    Parameters
    ----------
    contrasts : MarginalContrasts
        The contrasts.

    Returns
    -------
    Table
        ``contrast``, the grouping columns, ``estimate se df t_ratio p_value``; ``ratio`` in place
        of ``estimate`` on the response scale of a logarithm. ``z_ratio`` when all degrees of
        freedom are infinite.
    """
    rows = contrasts.rows
    found = numbers(rows)
    statistic, p_value = _tests(contrasts, found)
    normal = bool(np.isposinf(found.df).all())
    return Table(
        {
            **rows.labels,
            **_shown(contrasts, found),
            "z_ratio" if normal else "t_ratio": statistic,
            "p_value": p_value,
        }
    )


def contrast_intervals(contrasts: MarginalContrasts, level: float | None = None) -> Table:
    """Simultaneous intervals of the contrasts, by the method that adjusts the p values.

    Parameters
    ----------
    contrasts : MarginalContrasts
        The contrasts.
    level : float, optional
        Confidence level of the family.

    Returns
    -------
    Table
        ``contrast``, the grouping columns, ``estimate se df lower upper``. Holm's method and the
        false discovery rate have no intervals of their own: Bonferroni's are given.
    """
    rows = contrasts.rows
    wanted = rows.level if level is None else level
    quantile(np.ones(1), wanted)
    found = numbers(rows)
    half = _multipliers(contrasts, found, wanted) * found.se
    low, high = found.estimate - half, found.estimate + half
    undo = contrasts.means.transform
    if contrasts.ratio and undo is not None:
        low, high = (of_differences(undo).back(v) for v in (low, high))
    return Table({**rows.labels, **_shown(contrasts, found), "lower": low, "upper": high})


def _shown(contrasts: MarginalContrasts, found: Numbers) -> dict[str, FloatArray]:
    if contrasts.ratio and contrasts.means.transform is not None:
        undo = of_differences(contrasts.means.transform)
        se = np.abs(undo.slope(found.estimate)) * found.se
        return {"ratio": undo.back(found.estimate), "se": se, "df": found.df}
    return {"estimate": found.estimate, "se": found.se, "df": found.df}
