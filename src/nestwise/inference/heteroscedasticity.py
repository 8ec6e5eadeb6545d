"""Whether the residual variance changes with the mean or the predictors.

Source: Breusch & Pagan (1979), Econometrica 47, 1287-1294, in the studentised form of Koenker
(1981), J. Econometrics 17, 107-112.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from nestwise._base.arrays import FloatArray
from nestwise._base.table import Table
from nestwise.inference.kinds import PlainFit
from nestwise.inference.leverage import hatvalues
from nestwise.inference.residuals import fitted, residuals


def heteroscedasticity(fit: PlainFit) -> Table:
    """Tests that the residual variance is the same everywhere.

    Squared residuals, each over 1 - leverage, are regressed on what the variance may follow; n R^2
    of that regression is chi-squared under constant variance.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit; its residuals are given the random effects.

    Returns
    -------
    Table
        ``against statistic df p_value``: against the fitted values, all fixed-effects columns at
        once, and each of them.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = heteroscedasticity(m.fit)
    >>> t["against"].tolist()
    ['fitted', 'Days']
    """
    h = hatvalues(fit)
    squared = residuals(fit, "scaled") ** 2 / np.maximum(1.0 - h, 1e-8)
    fixed = fit.design.fixed
    chosen = [j for j in range(len(fixed.names)) if np.ptp(fixed.X[:, j]) > 0.0]
    against: list[tuple[str, FloatArray]] = [("fitted", fitted(fit)[:, None])]
    if len(chosen) > 1:
        against.append(("fixed effects", fixed.X[:, chosen]))
    against += [(fixed.names[j], fixed.X[:, [j]]) for j in chosen]
    found = [_koenker(squared, columns) for _, columns in against]
    return Table(
        {
            "against": np.array([name for name, _ in against], dtype=object),
            "statistic": np.array([s for s, _ in found]),
            "df": np.array([df for _, df in found]),
            "p_value": np.array([chdtrc(df, s) if df else np.nan for s, df in found]),
        }
    )


def _koenker(squared: FloatArray, columns: FloatArray) -> tuple[float, int]:
    """n R^2 of the regression on the columns, and its degrees of freedom."""
    centred = columns - columns.mean(axis=0)
    y = squared - squared.mean()
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int(np.sum(s > 1e-10 * max(s.max(initial=0.0), 1e-300)))
    total = float(y @ y)
    if total == 0.0 or rank == 0:
        return float("nan"), 0
    projected = u[:, :rank].T @ y
    return float(y.size * (projected @ projected) / total), rank
