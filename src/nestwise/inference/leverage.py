"""Leverages: how much each fitted value follows its own observation."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.core.equations import row_variances
from nestwise.inference.kinds import LmFit, PlainFit
from nestwise.inference.model_rows import equation_rows, model_rows


def hatvalues(fit: PlainFit) -> FloatArray:
    """Diagonal of the matrix that turns y into fitted values, theta held where it is.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    (n,) float64
        Between 0 and 1; the sum is the effective number of parameters of the mean.

    Source
    ------
    Demidenko & Stukel (2005), Stat. Med. 24, 893-909; for a linear model Hoaglin & Welsch (1978).

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> hatvalues(m.fit)[:2].round(4).tolist()
    [0.2293, 0.1697]
    """
    return _hat(fit).copy()


@memo
def _hat(fit: PlainFit) -> FloatArray:
    if isinstance(fit, LmFit):
        return fit.hat
    relative = row_variances(fit.problem, fit.theta, equation_rows(fit, model_rows(fit)))
    weights = fit.design.weights
    return np.asarray(relative if weights is None else weights * relative, dtype=np.float64)
