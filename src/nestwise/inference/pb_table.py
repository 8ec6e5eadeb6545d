"""A bootstrap likelihood-ratio test as a table, and what must be said about it."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc, fdtrc, gammaincc

from nestwise._base.table import Table
from nestwise.inference.pb_compare import Comparison


def comparison_table(found: Comparison) -> Table:
    """The test as a table, beside the chi-square test and corrections by the simulated moments.

    Returns
    -------
    Table
        ``test statistic df ddf p_value``: ``LRT`` (chi-square), ``PBtest`` (share of the
        simulations), and where only fixed effects differ ``Gamma``, ``Bartlett`` and ``F``, which
        take their moments from the simulations.

    Source
    ------
    Halekoh & Højsgaard (2014), section 4.2.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.pb_compare import pb_compare
    >>> data = nw.load_dataset("sleepstudy")
    >>> m0, m1 = nw.lm("Reaction ~ 1", data), nw.lm("Reaction ~ Days", data)
    >>> comparison_table(pb_compare(m0.fit, m1.fit, n=50, seed=1))["test"].tolist()[:2]
    ['LRT', 'PBtest']
    """
    t, d, nan = found.statistic, float(found.df), float("nan")
    rows = [("LRT", t, d, nan, float(chdtrc(d, t))), ("PBtest", t, nan, nan, found.p_value)]
    if not found.boundary and len(found.simulated) > 1:
        mean, var = float(found.simulated.mean()), float(found.simulated.var(ddof=1))
        if mean > 0.0 and var > 0.0:
            rows.append(("Gamma", t, nan, nan, float(gammaincc(mean**2 / var, t * mean / var))))
            rows.append(("Bartlett", t * d / mean, d, nan, float(chdtrc(d, t * d / mean))))
        if mean > d:
            ddf = 2.0 * mean / (mean - d)
            rows.append(("F", t / d, d, ddf, float(fdtrc(d, ddf, t / d))))
    test, value, df, den_df, p_value = zip(*rows, strict=True)
    return Table(
        {
            "test": np.array(test, dtype=object),
            "statistic": np.array(value),
            "df": np.array(df),
            "ddf": np.array(den_df),
            "p_value": np.array(p_value),
        },
        " ".join(comparison_notes(found)),
    )


def comparison_notes(found: Comparison) -> tuple[str, ...]:
    """What must be said about a comparison.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.pb_compare import pb_compare
    >>> data = nw.load_dataset("sleepstudy")
    >>> m0, m1 = nw.lm("Reaction ~ 1", data), nw.lm("Reaction ~ Days", data)
    >>> comparison_notes(pb_compare(m0.fit, m1.fit, n=50, seed=1))
    ('50 simulations under the smaller model, seed 1.',)
    """
    out = [f"{len(found.simulated)} simulations under the smaller model, seed {found.seed}."]
    if found.stopped_early:
        out.append("Stopped early: enough simulations exceed the observed statistic.")
    if found.interrupted:
        out.append("Interrupted: the p value rests on the simulations that were done.")
    if found.n_failed:
        out.append(f"{found.n_failed} of {found.n_done} replicates failed and are left out.")
    if found.boundary:
        out.append(
            "The models differ in their random effects: a variance of zero is a boundary, where "
            "the chi-square p value (LRT) is too large; PBtest allows for it."
        )
    return tuple(out)


__all__ = ["comparison_notes", "comparison_table"]
