"""Tests of the terms of the fixed effects that can be dropped one at a time."""

from __future__ import annotations

import numpy as np

from nestwise._base.table import Table
from nestwise.inference.hypothesis import joint_test
from nestwise.inference.kinds import Fit


def drop1(fit: Fit, ddf: str | None = None) -> Table:
    """F tests of each term that no other term contains.

    A term's own coefficients are tested against zero, all others staying in the model.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    ddf : str, optional
        Denominator degrees of freedom, as for `nestwise.inference.anova.anova_lmm`.

    Returns
    -------
    Table
        ``term sum_sq mean_sq num_df den_df f_value p_value``.

    Raises
    ------
    OptionError
        When `ddf` is not known.

    Source
    ------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("angle ~ recipe * temp + (1 | recipe:replicate)", nw.load_dataset("cake"))
    >>> drop1(m.fit)["term"].tolist()
    ['recipe:temp']
    """
    fixed = fit.design.fixed
    variables = [set(v) for v in fixed.variables]
    assign = np.array(fixed.assign, dtype=np.intp)
    free = [
        t
        for t in range(len(fixed.terms))
        if (assign == t).any() and not any(variables[t] < other for other in variables)
    ]
    rows = np.eye(assign.size)
    tests = [joint_test(fit, rows[assign == t], np.zeros(sum(assign == t)), ddf) for t in free]
    num_df = np.array([t.num_df for t in tests], dtype=np.int64)
    f_value = np.array([t.f_value for t in tests], dtype=np.float64)
    mean_sq = f_value / np.array([t.scale for t in tests]) * fit.sigma**2
    return Table(
        {
            "term": np.array([fixed.terms[t] for t in free], dtype=object),
            "sum_sq": mean_sq * num_df,
            "mean_sq": mean_sq,
            "num_df": num_df,
            "den_df": np.array([t.den_df for t in tests], dtype=np.float64),
            "f_value": f_value,
            "p_value": np.array([t.p_value for t in tests], dtype=np.float64),
        }
    )
