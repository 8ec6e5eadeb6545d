"""Residuals that look normal under the model, whatever its kind."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.inference.kinds import Fit, GlmmFit, StructuredFit
from nestwise.inference.residuals import residuals
from nestwise.inference.simulated_residuals import simulated_residuals
from nestwise.present.plots.canvas import scaled_label

SIMULATIONS = 250
CELLS = 5_000_000
"""Rows times simulations at most."""


def plotted_residuals(fit: Fit) -> tuple[FloatArray, str]:
    """Residuals for plots and the words for their axis.

    Parameters
    ----------
    fit : LmmFit, LmFit, StructuredFit or GlmmFit
        The fit.

    Returns
    -------
    ((n,) float64, str)
        Scaled residuals; normalised ones of structured residuals; of a generalised model the
        normal quantiles of simulated quantile residuals given the random effects, because its
        other residuals are not normal even when all is right.

    Source
    ------
    Dunn & Smyth (1996), J. Comput. Graph. Stat. 5, 236-244, for quantile residuals.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> plotted_residuals(m.fit)[1]
    'Residual / residual sd'
    """
    if isinstance(fit, GlmmFit):
        return _quantile(fit), "Quantile residual"
    if isinstance(fit, StructuredFit):
        return residuals(fit, "normalized"), "Normalised residual"
    return residuals(fit, "scaled"), scaled_label(fit)


@memo
def _quantile(fit: GlmmFit) -> FloatArray:
    n = fit.design.y.size
    count = max(20, min(SIMULATIONS, CELLS // n))
    # A seed of its own: a plot of the same fit is the same every time.
    uniform = simulated_residuals(fit, count, 1, True).residuals
    edge = 0.5 / (count + 1)
    return np.asarray(ndtri(np.clip(uniform, edge, 1.0 - edge)), dtype=np.float64)


__all__ = ["plotted_residuals"]
