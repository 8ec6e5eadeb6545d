"""Measures of the whole fit: likelihood, information criteria, counts, shares of variance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from nestwise.inference.kinds import Fit, GlmmFit, LmFit, LmmFit, StructuredFit
from nestwise.inference.residuals import fitted


@dataclass(frozen=True, slots=True)
class FitMeasures:
    """Likelihood and information criteria, with R's definitions.

    Parameters
    ----------
    loglik : float
        Log-likelihood; of a REML fit the restricted one, -criterion / 2.
    n_par : int
        Fixed effects, covariance parameters and the residual variance or dispersion.
    aic, bic : float
        -2 loglik + 2 n_par, and -2 loglik + log(nobs) n_par.
    nobs : int
        Rows used.
    df_resid : int
        nobs - n_par for a mixed model (as lme4), nobs - p for a linear model (as lm).
    """

    loglik: float
    n_par: int
    aic: float
    bic: float
    nobs: int
    df_resid: int


def fit_measures(fit: Fit) -> FitMeasures:
    """Likelihood and information criteria of a fit.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    FitMeasures

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> measures = fit_measures(m.fit)
    >>> round(measures.aic, 3), measures.n_par, measures.df_resid
    (1755.628, 6, 174)
    """
    n, p = fit.design.y.size, fit.beta.size
    if isinstance(fit, LmmFit):
        loglik, n_par = -0.5 * fit.criterion, p + fit.par.size + 1
        df_resid = n - n_par
    elif isinstance(fit, GlmmFit):
        loglik, n_par = fit.loglik, p + fit.par.size + int(fit.phi is not None)
        df_resid = n - n_par
    elif isinstance(fit, StructuredFit):
        loglik, n_par = fit.loglik, p + fit.par.size + 1
        df_resid = n - n_par
    else:
        loglik, n_par, df_resid = fit.loglik, p + 1, fit.df_resid
    aic = -2.0 * loglik + 2.0 * n_par
    bic = -2.0 * loglik + math.log(n) * n_par
    return FitMeasures(loglik, n_par, aic, bic, n, df_resid)


def n_groups(fit: Fit) -> dict[str, int]:
    """Number of levels of each grouping factor, largest first; empty for a linear model.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> n_groups(m.fit)
    {'Subject': 18}
    """
    return {factor.name: factor.n_levels for factor in fit.design.factors}


@dataclass(frozen=True, slots=True)
class RSquared:
    """Share of variance that a linear model explains, and the F test of all its terms.

    Parameters
    ----------
    r_squared, adjusted : float
        About the mean with an intercept, about zero without one.
    f_value : float
        NaN when there is nothing but an intercept.
    num_df, den_df : int
        Its degrees of freedom.
    p_value : float
        Upper tail of F.
    """

    r_squared: float
    adjusted: float
    f_value: float
    num_df: int
    den_df: int
    p_value: float


def r_squared(fit: LmFit) -> RSquared:
    """R squared, its adjusted form and the overall F test, as R's ``summary.lm`` reports them.

    An offset counts among what the model explains.

    Parameters
    ----------
    fit : LmFit
        A linear model.

    Returns
    -------
    RSquared

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> r = r_squared(m.fit)
    >>> round(r.r_squared, 4), round(r.f_value, 2), r.den_df
    (0.2865, 71.46, 178)
    """
    design, one = fit.design, int(fit.design.fixed.intercept)
    mu = fitted(fit)
    w = np.ones(mu.size) if design.weights is None else design.weights
    centre = float(np.average(mu, weights=w)) if one else 0.0
    explained = float(np.dot(w, (mu - centre) ** 2))
    num_df, den_df = fit.beta.size - one, fit.df_resid
    if num_df == 0:
        return RSquared(0.0, 0.0, math.nan, 0, den_df, math.nan)
    share = explained / (explained + fit.rss)
    adjusted = 1.0 - (1.0 - share) * (mu.size - one) / den_df
    f_value = explained / num_df / (fit.rss / den_df)
    return RSquared(share, adjusted, f_value, num_df, den_df, float(fdtrc(num_df, den_df, f_value)))
