"""The paired t test."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr, stdtrit

from nestwise._base.arrays import FloatArray
from nestwise._base.table import Table


def paired_t(pairs: FloatArray, level: float = 0.95) -> Table:
    """Test that the mean difference of pairs is zero.

    Parameters
    ----------
    pairs : (n, 2) float64
        Complete pairs; differences are the second less the first.
    level : float
        Coverage of the interval.

    Returns
    -------
    Table
        One row: ``estimate std_error statistic df p_value conf_low conf_high``.

    Source
    ------
    Student (1908), Biometrika 6, 1-25.

    Examples
    --------
    >>> t = paired_t(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 4.0]]))
    >>> round(float(t["statistic"][0]), 3), t["df"].tolist()
    (4.0, [2.0])
    """
    differences = pairs[:, 1] - pairs[:, 0]
    n = len(differences)
    mean, error = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(n))
    t = mean / error if error > 0.0 else np.inf * np.sign(mean)
    half = float(stdtrit(n - 1, 0.5 + level / 2.0)) * error
    values = {
        "estimate": mean,
        "std_error": error,
        "statistic": t,
        "df": n - 1.0,
        "p_value": 2.0 * float(stdtr(n - 1, -abs(t))),
        "conf_low": mean - half,
        "conf_high": mean + half,
    }
    return Table({name: np.array([value]) for name, value in values.items()})
