"""Kenward and Roger's covariance of the fixed effects, degrees of freedom and scaled F."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise.core.kenward import variance_components
from nestwise.core.pattern_components import structured_components
from nestwise.core.patterns import is_patterned
from nestwise.fit.result import LmmFit
from nestwise.inference.satterthwaite import inverse_curvature, matched_df

EQUAL = 1e-10
"""Below this a factor of the scaling counts as zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Adjustment:
    """What Kenward & Roger's tests are made of, at sigma = 1 in the engine's coordinates of X.

    Parameters
    ----------
    Phi : (p, p) float64
        (X'V^-1 X)^-1.
    adjusted : (p, p) float64
        Phi with the small-sample adjustment.
    spread : (m + 1, m + 1) float64
        W, the asymptotic covariance of the variance components (expected information).
    change : (m + 1, p, p) float64
        Phi P_a Phi, minus the derivative of Phi by component a.
    """

    Phi: FloatArray
    adjusted: FloatArray
    spread: FloatArray
    change: FloatArray


@memo
def adjustment(fit: LmmFit) -> Adjustment:
    """Everything that does not depend on the hypothesis.

    The components are the (co)variances of the random effects and the residual variance, in which
    V is linear (of structured terms their own parameters), so that nothing degenerates at a
    singular fit: as in pbkrtest the formulas are evaluated at the estimate, a variance of zero
    keeping its uncertainty. Where the data cannot
    tell components apart, W is the generalised inverse of their information. Prior weights are
    respected.

    Parameters
    ----------
    fit : LmmFit
        A fit by REML.

    Returns
    -------
    Adjustment

    Raises
    ------
    OptionError
        When the fit is by maximum likelihood.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, 983-997, eq. 2-4; Halekoh & Hojsgaard (2014), J. Stat.
    Softw. 59(9), section 3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> adjustment(m.fit).spread.shape
    (4, 4)
    """
    if not fit.reml:
        raise OptionError(
            "ddf='kenward-roger' is defined for REML, and this model is fitted by maximum "
            "likelihood; fit it with REML=True, or use ddf='satterthwaite'"
        )
    parts, R = variance_components(fit.working, fit.working_theta), None
    if is_patterned(fit.problem):
        structured = structured_components(fit.problem, fit.par, parts)
        parts, R = structured.linear, structured.R
    to_engine = np.linalg.inv(fit.problem.basis.to_user)
    Phi = to_engine @ fit.unscaled_vcov @ to_engine.T
    PhiP = Phi @ parts.P
    pairs = np.einsum("aij,bji->ab", PhiP, PhiP)
    information = parts.traces - 2.0 * np.einsum("ij,abji->ab", Phi, parts.Q) + pairs
    W = inverse_curvature(information)
    middle = np.einsum("ab,abij->ij", W, parts.Q)
    middle -= np.einsum("ab,aij,bjk->ik", W, parts.P, PhiP)
    if R is not None:
        middle -= 0.25 * np.einsum("ab,abij->ij", W, R)
    adjusted = Phi + 2.0 * Phi @ middle @ Phi
    return Adjustment(Phi, 0.5 * (adjusted + adjusted.T), W, PhiP @ Phi)


def adjusted_vcov(fit: LmmFit) -> FloatArray:
    """Covariance of the fixed effects with Kenward and Roger's small-sample adjustment.

    Parameters
    ----------
    fit : LmmFit
        A fit by REML.

    Returns
    -------
    (p, p) float64
        In the user's units.

    Raises
    ------
    OptionError
        When the fit is by maximum likelihood.

    Source
    ------
    Halekoh & Hojsgaard (2014), J. Stat. Softw. 59(9), section 3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> adjusted_vcov(m.fit).round(3).tolist()
    [[46.575, -1.451], [-1.451, 2.389]]
    """
    to_user = fit.problem.basis.to_user
    return np.asarray(fit.sigma**2 * (to_user @ adjustment(fit).adjusted @ to_user.T))


def kenward_roger_df(fit: LmmFit, L: FloatArray) -> FloatArray:
    """Degrees of freedom of t tests of single contrasts.

    Parameters
    ----------
    fit : LmmFit
        A fit by REML.
    L : (q, p) float64
        One contrast a row.

    Returns
    -------
    (q,) float64
        2 / A2; for one contrast the scaling of F is one.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> kenward_roger_df(m.fit, np.eye(2)).round(2).tolist()
    [17.0, 17.0]
    """
    a = adjustment(fit)
    rows = L @ fit.problem.basis.to_user
    variance = np.einsum("qi,ij,qj->q", rows, a.Phi, rows)
    slope = np.einsum("qi,aij,qj->qa", rows, a.change, rows)
    return matched_df(variance, slope, a.spread)


def kenward_roger_joint(fit: LmmFit, L: FloatArray) -> tuple[float, float]:
    """Denominator degrees of freedom and scaling of the F test of a joint hypothesis.

    Parameters
    ----------
    fit : LmmFit
        A fit by REML.
    L : (q, p) float64
        Linearly independent rows.

    Returns
    -------
    den_df, scale : float
        F = scale / q (L beta)'(L Phi_A L')^-1 L beta.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, section 3; Halekoh & Hojsgaard (2014), J. Stat. Softw.
    59(9), eq. 10-15.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> df, scale = kenward_roger_joint(m.fit, np.eye(2))
    >>> round(df, 2), round(scale, 3)
    (16.0, 0.941)
    """
    a = adjustment(fit)
    if len(L) == 1:
        return float(kenward_roger_df(fit, L)[0]), 1.0
    return matched_f(L @ fit.problem.basis.to_user, a.Phi, a.change, a.spread)


def matched_f(
    rows: FloatArray, Phi: FloatArray, change: FloatArray, spread: FloatArray
) -> tuple[float, float]:
    """Denominator degrees of freedom and scaling of the F test of all rows.

    Parameters
    ----------
    rows : (q, p) float64
        Linearly independent contrasts.
    Phi : (p, p) float64
        Covariance of the estimates.
    change : (m, p, p) float64
        Phi P_a Phi: its derivatives by the covariance parameters, up to a sign.
    spread : (m, m) float64
        Covariance of these parameters.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, section 3.

    Examples
    --------
    >>> df, scale = matched_f(np.eye(1), np.eye(1), np.ones((1, 1, 1)), np.full((1, 1), 0.2))
    >>> round(df, 6), round(scale, 6)
    (10.0, 1.0)
    """
    half = np.linalg.solve(np.linalg.cholesky(rows @ Phi @ rows.T), rows)
    forms = half @ change @ half.T
    traces = np.trace(forms, axis1=1, axis2=2)
    A1 = float(traces @ spread @ traces)
    A2 = float(np.einsum("ab,aij,bji->", spread, forms, forms))
    return approximating_f(len(rows), A1, A2)


def approximating_f(q: int, A1: float, A2: float) -> tuple[float, float]:
    """The F distribution whose first two moments match those of the scaled Wald statistic.

    Parameters
    ----------
    q : int
        Numerator degrees of freedom.
    A1, A2 : float
        Kenward & Roger's sums over pairs of components.

    Returns
    -------
    den_df, scale : float

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, eq. 5-8.

    Examples
    --------
    >>> df, scale = approximating_f(1, 0.2, 0.2)
    >>> round(df, 6), round(scale, 6)
    (10.0, 1.0)
    """
    if not A2 > 0.0:
        return np.inf, 1.0
    B = (A1 + 6.0 * A2) / (2.0 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    below = 3 * q + 2 * (1 - g)
    V0 = 1.0 + g / below * B
    V1 = 1.0 - (q - g) / below * B
    V2 = 1.0 - (q + 2 - g) / below * B
    mean = 1.0 - A2 / q
    both_zero = abs(mean) < EQUAL and abs(V1) < EQUAL
    ratio = 1.0 if both_zero else mean / V1 if V1 else np.inf
    rho = ratio**2 * V0 / (q * V2) if abs(V2) >= EQUAL else np.inf
    den_df = 4.0 + (q + 2) / (q * rho - 1.0) if q * rho != 1.0 else np.inf
    if not np.isfinite(den_df):
        return np.inf, mean
    return den_df, 1.0 if abs(den_df - 2.0) < 1e-2 else den_df * mean / (den_df - 2.0)
