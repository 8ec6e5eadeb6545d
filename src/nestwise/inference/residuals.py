"""Fitted values and residuals of the rows that were used."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise.design.model import Design
from nestwise.inference.glmm_residuals import glmm_residuals
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, StructuredFit
from nestwise.inference.structured.residuals import structured_residuals

TYPES = ("response", "pearson", "scaled")


def fitted(fit: Fit) -> FloatArray:
    """Fitted values, random effects and offset included.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    (n,) float64
        Units of the (transformed) response, one a used row; of a GLMM the means.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> fitted(m.fit)[:2].round(2).tolist()
    [253.66, 273.33]
    """
    if isinstance(fit, GlmmFit):
        return fit.mu.copy()
    mu = fixed_part(fit)
    if not isinstance(fit, LmFit):
        for t in range(len(fit.design.terms)):
            mu += random_part(fit.design, t, fit.modes[t])
    return mu


def fixed_part(fit: Fit) -> FloatArray:
    """X beta plus the offset: the linear predictor of the population.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> fixed_part(m.fit)[:2].round(2).tolist()
    [251.41, 261.87]
    """
    mu = np.asarray(fit.design.fixed.X @ fit.beta, dtype=np.float64)
    if fit.design.offset is not None:
        mu += fit.design.offset
    return mu


def random_part(design: Design, index: int, modes: FloatArray) -> FloatArray:
    """The contribution Z b of one random-effects term to every used row.

    Parameters
    ----------
    design : Design
        The arrays.
    index : int
        Position of the term in ``design.terms``.
    modes : (n_levels, k) float64
        Its effects by level.

    Returns
    -------
    (n,) float64

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> random_part(m.fit.design, 0, m.fit.modes[0])[:2].round(2).tolist()
    [2.26, 11.46]
    """
    term = design.terms[index]
    codes = design.factors[term.factor].codes
    total = np.zeros(codes.size)
    for j, z in enumerate(term.Z):
        effect = modes[:, j][codes]
        total += effect if z is None else z * effect
    return total


def residuals(fit: Fit, type: str = "response") -> FloatArray:
    """Residuals of the rows that were used.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    type : str
        ``"response"``: y - fitted; ``"pearson"``: times the square root of the prior weights;
        ``"scaled"``: these divided by sigma, as the summary of a mixed model shows them. A fit
        with structured residuals has ``"pearson"``, divided by their standard deviations, and
        ``"normalized"``, made independent. For a
        GLMM see `nestwise.inference.glmm_residuals`.

    Returns
    -------
    (n,) float64

    Raises
    ------
    OptionError
        When `type` is not known.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> residuals(m.fit, "scaled").max().round(4).item()
    5.1793
    """
    if isinstance(fit, StructuredFit):
        return structured_residuals(fit, fit.design.y - fitted(fit), type)
    if isinstance(fit, GlmmFit):
        return glmm_residuals(fit, type)
    kind = one_of("type", type, TYPES)
    raw = fit.design.y - fitted(fit)
    if kind == "response":
        return raw
    if fit.design.weights is not None:
        raw = raw * np.sqrt(fit.design.weights)
    return raw / fit.sigma if kind == "scaled" else raw


def residual_quantiles(fit: Fit, type: str = "scaled") -> FloatArray:
    """Minimum, quartiles and maximum of the residuals, as a summary prints them.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> residual_quantiles(m.fit).round(4).tolist()
    [-3.9536, -0.4634, 0.0231, 0.4634, 5.1793]
    """
    quantiles = np.quantile(residuals(fit, type), [0.0, 0.25, 0.5, 0.75, 1.0])
    return np.asarray(quantiles, dtype=np.float64)
