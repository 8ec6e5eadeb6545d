"""Wald chi-square tests of the terms of a GLMM, of types II and III."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.table import Table
from nestwise.design.model import FixedPart
from nestwise.inference.hypothesis import joint_test
from nestwise.inference.kinds import GlmmFit
from nestwise.inference.typed import hypotheses


def wald_anova(fit: GlmmFit, type: int = 2) -> Table:
    """Chi-square tests of the terms of the fixed effects.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    type : int
        2: each term after all others but those that have its variables and more, as the
        difference of two Wald statistics; 3: each term averaged over the levels of the factors
        that it interacts with, covariates at zero, whatever the contrasts.

    Returns
    -------
    Table
        ``term chisq df p_value``.

    Raises
    ------
    OptionError
        When `type` is neither 2 nor 3.

    Source
    ------
    Fox (2016), Applied Regression Analysis and Generalized Linear Models, 3rd ed., section 15.3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> t = wald_anova(m.fit)
    >>> t["term"].tolist(), t["df"].tolist()
    (['period'], [3])
    """
    if isinstance(type, bool) or type not in (2, 3):
        raise OptionError(f"type={type!r} is not known; use 2 or 3 (1 needs refits: nw.anova)")
    fixed = fit.design.fixed
    if type == 3:
        found = [(h.term, *_wald(fit, h.L)) for h in hypotheses(fit.design, 3)]
    else:
        present = sorted(set(fixed.assign) - {-1})
        found = [(fixed.terms[t], *_after_others(fit, fixed, t)) for t in present]
    chisq, df = (np.array([row[i] for row in found]) for i in (1, 2))
    return Table(
        {
            "term": np.array([row[0] for row in found], dtype=object),
            "chisq": chisq.astype(np.float64),
            "df": df.astype(np.int64),
            "p_value": np.asarray(chdtrc(df, chisq), dtype=np.float64),
        }
    )


def _after_others(fit: GlmmFit, fixed: FixedPart, term: int) -> tuple[float, int]:
    """Wald statistic of the term and its relatives less that of the relatives."""
    assign, eye = np.array(fixed.assign), np.eye(len(fixed.assign))
    own = set(fixed.variables[term])
    relatives = [t for t in range(len(fixed.terms)) if own < set(fixed.variables[t])]
    above = eye[np.isin(assign, relatives)]
    both = _wald(fit, np.vstack([above, eye[assign == term]]))
    alone = _wald(fit, above)
    return max(both[0] - alone[0], 0.0), both[1] - alone[1]


def _wald(fit: GlmmFit, L: FloatArray) -> tuple[float, int]:
    """Chi-square and degrees of freedom of L beta = 0."""
    if not len(L):
        return 0.0, 0
    test = joint_test(fit, L, np.zeros(len(L)), "normal")
    return test.num_df * test.f_value, test.num_df
