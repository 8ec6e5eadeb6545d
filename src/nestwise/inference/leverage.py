"""Leverages: how much each fitted value follows its own observation."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.core.equations import row_variances
from nestwise.fit.glmm_working import working_rows
from nestwise.inference.kinds import EquationsFit, GlmmFit, LmFit
from nestwise.inference.model_rows import equation_rows, model_rows


def hatvalues(fit: EquationsFit | LmFit) -> FloatArray:
    """Diagonal of the matrix that turns y into fitted values, theta held where it is.

    Parameters
    ----------
    fit : LmmFit, LmFit or GlmmFit
        The fit; of a generalised model the matrix is that of the working linear mixed model at the
        mode, with observed weights (which some links make negative).

    Returns
    -------
    (n,) float64
        Between 0 and 1; the sum is the effective number of parameters of the mean.

    Source
    ------
    Demidenko & Stukel (2005), Stat. Med. 24, 893-909; for a linear model Hoaglin & Welsch (1978),
    for working weights Pregibon (1981), Ann. Statist. 9, 705-724.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> hatvalues(m.fit)[:2].round(4).tolist()
    [0.2293, 0.1697]
    """
    return _hat(fit).copy()


@memo
def _hat(fit: EquationsFit | LmFit) -> FloatArray:
    if isinstance(fit, LmFit):
        return fit.hat
    relative = row_variances(fit.problem, fit.theta, equation_rows(fit, model_rows(fit)))
    if isinstance(fit, GlmmFit):
        return np.asarray(fit.sigma**2 * working_rows(fit).weights * relative)
    weights = fit.design.weights
    return np.asarray(relative if weights is None else weights * relative, dtype=np.float64)
