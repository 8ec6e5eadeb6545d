"""The tables of a comparison of approaches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise._base.errors import NestwiseError
from nestwise._base.table import Table
from nestwise.fit.result import LmmFit
from nestwise.inference.icc import design_effect
from nestwise.inference.mundlak import mundlak
from nestwise.inference.variance_parts import variance_parts
from nestwise.workflow.approaches.approach import Approach
from nestwise.workflow.approaches.multilevel import RANDOM
from nestwise.workflow.approaches.setup import Level, Setup
from nestwise.workflow.approaches.single import AGGREGATED, FIXED

TESTS = ("estimate", "std_error", "df", "statistic", "p_value")
MEASURES = ("n_rows", "n_par", "sigma", "r2", "r2_fixed", "aic")


def estimate_table(setup: Setup, approaches: Sequence[Approach], reference: Approach) -> Table:
    """One row for each approach and coefficient.

    Returns
    -------
    Table
        ``approach groups term level estimate std_error df statistic p_value se_ratio reason n_rows
        n_par sigma r2 r2_fixed aic``; `se_ratio` is the standard error over the reference's.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> c.table["term"].tolist()[:2]
    ['(Intercept)', 'standLRT']
    """
    names = setup.design.fixed.names
    p, k = len(names), len(approaches)
    columns: dict[str, AnyArray] = {
        "approach": np.repeat(np.array([a.name for a in approaches], dtype=object), p),
        "groups": np.repeat(np.array([a.groups for a in approaches], dtype=object), p),
        "term": np.tile(np.array(names, dtype=object), k),
        "level": np.tile(np.array(setup.term_levels, dtype=object), k),
    }
    for name in TESTS:
        columns[name] = np.concatenate([getattr(a.estimates, name) for a in approaches])
    se = np.tile(reference.estimates.std_error, k)
    columns["se_ratio"] = columns["std_error"] / se
    columns["reason"] = np.array([r for a in approaches for r in a.estimates.reasons], dtype=object)
    for name in MEASURES:
        columns[name] = np.repeat(np.array([getattr(a, name) for a in approaches]), p)
    return Table(columns)


def approach_table(approaches: Sequence[Approach]) -> Table:
    """One row for each approach.

    Returns
    -------
    Table
        ``approach groups n_rows n_par sigma r2 r2_fixed aic formula words problem``.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> c.approaches["n_par"].tolist()
    [3, 3, 131, 67, 131, 4, 6]
    """
    text = {
        k: np.array([getattr(a, v) for a in approaches], dtype=object)
        for k, v in (("approach", "name"), ("groups", "groups"))
    }
    numbers = {k: np.array([getattr(a, k) for a in approaches]) for k in MEASURES}
    rest = {
        k: np.array([getattr(a, k) for a in approaches], dtype=object)
        for k in ("formula", "words", "problem")
    }
    return Table({**text, **numbers, **rest})


def variance_table(setup: Setup, null: LmmFit, reference: Approach) -> Table:
    """Where the variance lies, without predictors and with them.

    Returns
    -------
    Table
        ``level n_groups mean_size variance_null share_null icc design_effect n_effective variance
        share``, from the outermost level to the rows. `icc` is the correlation of two rows that
        share the group, without predictors; `design_effect` the factor by which this inflates the
        variance of a mean, in the last row that of all levels together.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> c.variances["share_null"].round(3).tolist()
    [0.168, 0.832]
    """
    effect = design_effect(null)
    at = {name: i for i, name in enumerate(effect["group"].tolist())}
    order = [at[level.factor.name] for level in setup.levels]
    n = setup.design.y.size
    whole, part = _variances(setup, null), _variances(setup, reference.fit)
    joint = _joint_effect(setup, whole)
    return Table(
        {
            "level": np.array([*(level.name for level in setup.levels), "rows"], dtype=object),
            "n_groups": np.array([*(level.factor.n_levels for level in setup.levels), n]),
            "mean_size": np.append(effect["mean_size"][order], 1.0),
            "variance_null": whole,
            "share_null": whole / whole.sum(),
            "icc": np.append(effect["icc"][order], np.nan),
            "design_effect": np.append(effect["design_effect"][order], joint),
            "n_effective": np.append(effect["n_effective"][order], n / joint),
            "variance": part,
            "share": part / part.sum(),
        }
    )


def _joint_effect(setup: Setup, variances: AnyArray) -> float:
    """Variance of the mean of all rows, over that of as many independent rows."""
    n = setup.design.y.size
    sizes = [float(np.sum(level.counts.astype(np.float64) ** 2)) / n for level in setup.levels]
    return float(variances @ np.array([*sizes, 1.0]) / variances.sum())


def _variances(setup: Setup, fit: object) -> AnyArray:
    """Variance at each level and of the rows."""
    assert isinstance(fit, LmmFit)
    parts = variance_parts(fit)
    by_name = dict(parts.groups)
    return np.array([*(by_name[level.factor.name] for level in setup.levels), parts.residual])


def slope_table(setup: Setup, approaches: Sequence[Approach]) -> Table:
    """Effects within groups and between their means, and whether they differ.

    Returns
    -------
    Table
        ``level term within se_within between se_between difference p_value``: `within` of the
        approach with groups as fixed effects, `between` of the means, `difference` and its p value
        by Mundlak's test in the mixed model of that level.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> c.slopes[["within", "between"]].round(3).values.tolist()
    [[0.559, 0.884]]
    """
    rows: list[tuple[object, ...]] = []
    for level in setup.levels:
        rows += _slopes_at(setup, level, {a.name: a for a in approaches if a.groups == level.name})
    names = (
        "level",
        "term",
        "within",
        "se_within",
        "between",
        "se_between",
        "difference",
        "p_value",
    )
    return Table(
        {
            name: np.array([r[i] for r in rows], dtype=object if i < 2 else np.float64)
            for i, name in enumerate(names)
        }
    )


def _slopes_at(setup: Setup, level: Level, found: dict[str, Approach]) -> list[tuple[object, ...]]:
    model = found[RANDOM].fit if RANDOM in found else None
    if not isinstance(model, LmmFit):
        return []
    try:
        test = mundlak(model, level.factor.name)
    except NestwiseError:
        # No covariate varies both within and between the groups: there is nothing to tell.
        return []
    within, between = found[FIXED].estimates, found[AGGREGATED].estimates
    rows: list[tuple[object, ...]] = []
    for j, term in enumerate(setup.design.fixed.names):
        at = np.flatnonzero(test["term"] == f"mean({term} | {level.factor.name})")
        if at.size:
            i = int(at[0])
            numbers = (within.estimate[j], within.std_error[j], between.estimate[j],
                       between.std_error[j], test["estimate"][i], test["p_value"][i])  # fmt: skip
            rows.append((level.name, term, *numbers))
    return rows


__all__ = ["MEASURES", "TESTS", "approach_table", "estimate_table", "slope_table", "variance_table"]
