"""Conditional Akaike information: for questions about the groups that were observed.

Source: Vaida & Blanchard (2005), Biometrika 92, 351-370 (theta known); Greven & Kneib (2010),
Biometrika 97, 773-789 (theta estimated: the effective degrees of freedom are tr(d yhat / d y)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.printed import printed_html
from nestwise.core.hessian import STEP, hessian
from nestwise.core.lmm import conditional_modes, degrees, evaluate
from nestwise.core.patterns import is_patterned
from nestwise.fit.result import LmmFit
from nestwise.inference.leverage import hatvalues
from nestwise.inference.model_rows import model_rows, point_predictions
from nestwise.inference.residuals import residuals
from nestwise.inference.satterthwaite import inverse_curvature, parameter_covariance

METHODS = ("greven-kneib", "vaida-blanchard")


@dataclass(frozen=True, slots=True)
class ConditionalAic:
    """Conditional Akaike information criterion.

    Parameters
    ----------
    caic : float
        -2 loglik + 2 df.
    loglik : float
        Log-density of y given the conditional modes, at sigma.
    df : float
        Effective degrees of freedom of the mean, and one for sigma.
    method : str
        Whether the estimation of theta was counted.
    """

    caic: float
    loglik: float
    df: float
    method: str

    def __str__(self) -> str:
        return f"cAIC {self.caic:.2f} (conditional loglik {self.loglik:.2f}, df {self.df:.2f})"

    _repr_html_ = printed_html


def caic(fit: LmmFit, method: str = "greven-kneib") -> ConditionalAic:
    """Conditional AIC.

    Parameters
    ----------
    fit : LmmFit
        The fit.
    method : str
        ``"greven-kneib"``: the degrees of freedom count that theta was estimated from the same
        data; ``"vaida-blanchard"``: the trace of the hat matrix.

    Returns
    -------
    ConditionalAic

    Raises
    ------
    OptionError
        When the method is not known.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> c = caic(m.fit)
    >>> round(c.caic, 1), round(c.df, 1)
    (1711.5, 31.3)
    """
    chosen = one_of("method", method, METHODS)
    n, w = fit.design.y.size, fit.design.weights
    scaled = residuals(fit, "scaled")
    log_weights = 0.0 if w is None else float(np.log(w).sum())
    deviance = n * np.log(2.0 * np.pi * fit.sigma**2) - log_weights + float(scaled @ scaled)
    df = float(hatvalues(fit).sum()) + 1.0
    if chosen == "greven-kneib":
        df += theta_degrees(fit)
    return ConditionalAic(float(deviance) + 2.0 * df, -0.5 * float(deviance), df, chosen)


def theta_degrees(fit: LmmFit) -> float:
    """What the estimation of theta adds to tr(d yhat / d y).

    With a_j = d yhat / d theta_j = P V_j P y, e = P y (whitened), s_j = e'V_j e and B the Hessian
    of the profiled criterion, implicit differentiation of its gradient gives
    sum_jk (B^-1)_jk (2 df / rho^2) (a_j'a_k - s_k a_j'e / rho^2).

    Parameters
    ----------
    fit : LmmFit
        The fit; parameters on the boundary add nothing.

    Returns
    -------
    float

    Source
    ------
    Greven & Kneib (2010), Biometrika 97, theorem 3, in the form given here.
    """
    m = fit.theta.size
    root = np.ones(fit.design.y.size) if fit.design.weights is None else np.sqrt(fit.design.weights)
    slopes = _fitted_slopes(fit) * root
    e = residuals(fit, "pearson")
    here = evaluate(fit.problem, fit.theta, fit.reml, 1)
    s = -here.gradient_pwrss
    ratio = 2.0 * degrees(fit.problem, fit.reml) / fit.pwrss
    inner = ratio * (slopes @ slopes.T - np.outer(slopes @ e, s) / fit.pwrss)
    if is_patterned(fit.problem):
        return float(np.sum(0.5 * parameter_covariance(fit)[:m, :m] * inner))
    H = hessian(fit.problem, fit.theta, fit.sigma, fit.reml)
    inverse = 0.5 * inverse_curvature(H)[:m, :m]
    return float(np.sum(inverse * inner))


def _fitted_slopes(fit: LmmFit) -> FloatArray:
    """(m, n): derivatives of the fitted values by theta, by central differences."""
    rows = model_rows(fit)
    factors = tuple(term.factor for term in fit.design.terms)
    steps = STEP * np.maximum(np.abs(fit.theta), 0.1 / fit.problem.theta_scale)

    def mean(theta: FloatArray) -> FloatArray:
        e = evaluate(fit.problem, theta, fit.reml, 0)
        return point_predictions(
            rows, factors, e.beta, conditional_modes(fit.problem, theta, e.kernel)
        )

    shifts = np.diag(steps)
    found = [
        (mean(fit.theta + shift) - mean(fit.theta - shift)) / (2.0 * step)
        for shift, step in zip(shifts, steps, strict=True)
    ]
    return np.array(found).reshape(len(found), fit.design.y.size)
