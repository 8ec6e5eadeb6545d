"""Residuals of generalised linear mixed models."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise.fit.glmm_result import GlmmFit

TYPES = ("deviance", "pearson", "response", "working", "scaled")


def glmm_residuals(fit: GlmmFit, type: str = "deviance") -> FloatArray:
    """Residuals of the rows that were used, given the random effects.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    type : str
        ``"response"``: y - mu; ``"pearson"``: these over the square root of the variance function
        and times that of the weights; ``"deviance"``: signed roots of each row's part of the
        deviance; ``"working"``: y - mu on the scale of the predictor; ``"scaled"``: Pearson's
        over sigma, as the summary shows them.

    Returns
    -------
    (n,) float64

    Raises
    ------
    OptionError
        When `type` is not known.

    Source
    ------
    McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., section 2.4.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> glmm_residuals(m.fit, "pearson").max().round(3).item()
    2.88
    """
    kind = one_of("type", type, TYPES)
    # Means of a fit that ran away may be infinite, or their variances zero.
    with np.errstate(all="ignore"):
        return _residuals(fit, kind)


def _residuals(fit: GlmmFit, kind: str) -> FloatArray:
    y, mu = fit.design.y, fit.mu
    raw = y - mu
    if kind == "response":
        return raw
    if kind == "working":
        return np.asarray(raw / fit.link.inverse(fit.eta, 1)[1])
    weights = row_weights(fit)
    if kind == "deviance":
        parts = fit.family.deviance_residuals2(y, mu, weights, fit.phi)
        return np.asarray(np.sign(raw) * np.sqrt(parts))
    spread = np.sqrt(fit.family.response_variance(mu, weights, fit.phi))
    # Under separation a mean is 0 or 1 to the last digit: no residual, and no variance either.
    scaled = np.divide(raw, spread, out=np.zeros_like(raw), where=(spread > 0.0) | (raw != 0.0))
    return np.asarray(scaled if kind == "scaled" else fit.sigma * scaled)


def row_weights(fit: GlmmFit) -> FloatArray:
    """Prior weights or trials of the rows, ones where none were given."""
    weights = fit.design.weights
    return np.ones(fit.design.y.size) if weights is None else weights
