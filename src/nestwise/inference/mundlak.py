"""Whether effects within groups and between groups agree: Mundlak's test.

Source: Mundlak (1978), Econometrica 46, 69-85; Bell & Jones (2015), Polit. Sci. Res. Methods 3,
133-153.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import OptionError, did_you_mean
from nestwise._base.table import Table
from nestwise.design.model import GroupingFactor
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.result import LmmFit
from nestwise.inference.coefficients import coefficients
from nestwise.inference.contrast import contrast

NEW = 1e-8
"""Share of a column of group means, left by the columns at hand, that makes it a new one."""


def mundlak(fit: LmmFit, group: str | None = None) -> Table:
    """Add the group means of every covariate that varies within groups, and test them.

    A mean whose coefficient is not zero tells that the effect between groups differs from that
    within them: the random effects are correlated with the covariate, and the plain coefficient
    mixes the two.

    Parameters
    ----------
    fit : LmmFit
        The fit.
    group : str, optional
        Grouping factor whose means are added; the one with the most levels by default.

    Returns
    -------
    Table
        ``term estimate std_error statistic df p_value``, one row for each mean (between less
        within effect), and ``all`` for the joint F test.

    Raises
    ------
    OptionError
        When `group` is no grouping factor, or no covariate varies both within and between groups.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("normexam ~ standLRT + (1 | school)", nw.load_dataset("Exam"))
    >>> t = mundlak(m.fit)
    >>> t["term"].tolist(), t["estimate"][0].round(3).item()
    (['mean(standLRT | school)', 'all'], 0.358)
    """
    factor = _factor(fit, group)
    names, means = _new_means(fit, factor)
    if not names:
        raise OptionError(
            f"no fixed effect varies both within and between the levels of {factor.name}, so there "
            "is nothing to compare"
        )
    fixed, k = fit.design.fixed, len(fit.design.fixed.names)
    n_terms = len(fixed.terms)
    wider = replace(
        fixed,
        X=np.asfortranarray(np.column_stack([fixed.X, means])),
        names=(*fixed.names, *names),
        assign=(*fixed.assign, *range(n_terms, n_terms + len(names))),
        terms=(*fixed.terms, *names),
        variables=(*fixed.variables, *((name,) for name in names)),
        full=None,
    )
    again = fit_lmm(
        replace(fit.design, fixed=wider), reml=fit.reml, control=fit.control, start=fit.theta
    )
    c = coefficients(again)
    L = np.eye(len(c.names))[k:]
    joint = contrast(again, L, joint=True)
    return Table(
        {
            "term": np.array([*names, "all"], dtype=object),
            "estimate": np.append(c.estimate[k:], np.nan),
            "std_error": np.append(c.std_error[k:], np.nan),
            "statistic": np.append(c.statistic[k:], joint["f_value"][0]),
            "df": np.append(c.df[k:], joint["den_df"][0]),
            "p_value": np.append(c.p_value[k:], joint["p_value"][0]),
        },
        "statistic: t of each mean; F of all of them together",
    )


def between_within_diagnostic(fit: LmmFit, group: str | None = None) -> Diagnostic | None:
    """A remark when the means of covariates tell at 5 %, else None.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("normexam ~ standLRT + (1 | school)", nw.load_dataset("Exam"))
    >>> between_within_diagnostic(m.fit).code
    'between-within-bias'
    """
    table = mundlak(fit, group)
    p = float(table["p_value"][-1])
    if not p < 0.05:
        return None
    shown = ", ".join(table["term"][:-1].tolist())
    return Diagnostic(
        "between-within-bias",
        f"Group means tell beside the covariates themselves ({shown}; joint p = {p:.3g}): effects "
        "between groups differ from effects within them.",
        "Add the group means as further predictors, or centre the covariates within groups.",
    )


def _factor(fit: LmmFit, group: str | None) -> GroupingFactor:
    factors = fit.design.factors
    if group is None:
        return factors[0]
    names = [factor.name for factor in factors]
    if group not in names:
        raise OptionError(
            f"group={group!r} is no grouping factor of the fit{did_you_mean(str(group), names)}"
        )
    return factors[names.index(group)]


def _new_means(fit: LmmFit, factor: GroupingFactor) -> tuple[list[str], FloatArray]:
    """Group means of the columns that vary within and between groups, where they are new."""
    fixed = fit.design.fixed
    counts = np.bincount(factor.codes, minlength=factor.n_levels)
    have, names, columns = fixed.X, [], []
    for j, name in enumerate(fixed.names):
        x = fixed.X[:, j]
        mean = (np.bincount(factor.codes, x, factor.n_levels) / counts)[factor.codes]
        size = float(np.linalg.norm(x - x.mean()))
        if size == 0.0 or float(np.linalg.norm(x - mean)) <= NEW * size:
            continue
        left = mean - have @ np.linalg.lstsq(have, mean, rcond=None)[0]
        if float(np.linalg.norm(left)) <= NEW * max(float(np.linalg.norm(mean)), size):
            continue
        have = np.column_stack([have, mean])
        names.append(f"mean({name} | {factor.name})")
        columns.append(mean)
    return names, np.column_stack(columns) if columns else np.zeros((len(have), 0))
