"""Whether the random effects look normal.

Source: Shapiro & Wilk (1965), Biometrika 52, 591-611; Lange & Ryan (1989), Ann. Stat. 17,
624-642, for standardised conditional modes.
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.table import Table
from nestwise.fit.result import LmmFit
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.ranef import mode_covariances

MOST = 5000
"""Levels up to which Shapiro and Wilk's p value is known; beyond, D'Agostino and Pearson's."""


def standardised_modes(fit: LmmFit | StructuredFit) -> tuple[FloatArray, ...]:
    """Conditional modes over their own standard deviation under the model, term by term.

    A mode of a group with few rows is shrunk more; its variance is Sigma less the conditional one.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit.

    Returns
    -------
    tuple of (n_levels, k) float64
        NaN where the variance is zero.
    """
    out = []
    for modes, La, C in zip(fit.modes, fit.lambdas, mode_covariances(fit), strict=True):
        prior = fit.sigma**2 * np.diag(La @ La.T)
        variance = prior - np.einsum("lii->li", C)
        scale = np.sqrt(np.where(variance > 1e-12 * prior, variance, np.nan))
        out.append(np.asarray(modes / scale, dtype=np.float64))
    return tuple(out)


def random_normality(fit: LmmFit | StructuredFit) -> Table:
    """Tests that the random effects of each term are normal.

    Shrinkage draws conditional modes towards normality, so that a large p value says little and a
    small one much.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit.

    Returns
    -------
    Table
        ``group term n test statistic p_value``; NaN with fewer than three levels, or where the
        variance is zero.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = random_normality(m.fit)
    >>> t["term"].tolist(), bool((t["p_value"] > 0.1).all())
    (['(Intercept)', 'Days'], True)
    """
    rows: list[tuple[str, str, int, str, float, float]] = []
    for term, modes in zip(fit.design.terms, standardised_modes(fit), strict=True):
        for j, name in enumerate(term.columns):
            values = modes[:, j][np.isfinite(modes[:, j])]
            test, statistic, p = _test(values)
            rows.append((term.label, name, values.size, test, statistic, p))
    names = ("group", "term", "n", "test", "statistic", "p_value")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    text = ("group", "term", "test")
    return Table({k: np.array(v, dtype=object if k in text else None) for k, v in columns.items()})


def _test(values: FloatArray) -> tuple[str, float, float]:
    from scipy import stats

    if values.size < 3 or np.ptp(values) == 0.0:
        return "shapiro-wilk", float("nan"), float("nan")
    if values.size > MOST:
        large = stats.normaltest(values)
        return "dagostino-pearson", float(large.statistic), float(large.pvalue)
    small = stats.shapiro(values)
    return "shapiro-wilk", float(small.statistic), float(small.pvalue)
