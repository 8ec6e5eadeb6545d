"""Kenward and Roger's tests of fits with structured residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise.core.structured.kenward import KenwardParts, kenward_parts
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.kenward_roger import matched_f
from nestwise.inference.satterthwaite import matched_df
from nestwise.inference.structured.satterthwaite import parameter_covariance


@dataclass(frozen=True, slots=True, eq=False)
class Adjustment:
    """What the tests are made of, relative to sigma^2, in the basis Q.

    Parameters
    ----------
    Phi : (p, p) float64
        (X'V^-1 X)^-1.
    spread : (m + 1, m + 1) float64
        W, the covariance of (par, log sigma) from the observed information.
    parts : KenwardParts
        P, and the sums of Q and R with W.
    to_user : (p, p) float64
        Coefficients of Q to those of X.
    """

    Phi: FloatArray
    spread: FloatArray
    parts: KenwardParts
    to_user: FloatArray


@memo
def adjustment(fit: StructuredFit) -> Adjustment:
    """Everything that does not depend on the hypothesis.

    Parameters
    ----------
    fit : StructuredFit
        A fit by REML.

    Raises
    ------
    OptionError
        When the fit is by maximum likelihood.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, 983-997.
    """
    if not fit.reml:
        raise OptionError(
            "ddf='kenward-roger' is defined for REML, and this model is fitted by maximum "
            "likelihood; fit it with REML=True, or use ddf='satterthwaite'"
        )
    RX = fit.problem.RX
    Phi = np.asarray(RX @ fit.unscaled_vcov @ RX.T, dtype=np.float64)
    spread = parameter_covariance(fit)
    parts = kenward_parts(fit.problem, fit.par, Phi, spread)
    return Adjustment(Phi, spread, parts, np.asarray(np.linalg.inv(RX)))


def adjusted_vcov(fit: StructuredFit) -> FloatArray:
    """Covariance of the fixed effects with the small-sample adjustment, (p, p).

    The second derivatives of V enter, and with them the parameterisation. It is that of R's mmrm:
    logarithms of standard deviations; rho / sqrt(1 - rho^2) of the correlations of ``ar1``, ``ad``
    and ``toep``; logit((rho + a) / (1 + a)), a = 1 / (v - 1), of ``cs``; logit of the correlation
    at distance one of ``exp``, ``gau`` and ``car1``; the rows of the Cholesky factor of ``us``
    divided by their diagonal entries. Random effects enter by variances and covariances. P, Q, W
    and so `linear_vcov` and all degrees of freedom do not depend on it.

    Raises
    ------
    OptionError
        When the fit is by maximum likelihood, or the variance of a contrast would be negative.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, 983-997, eq. 4.
    """
    return _adjusted(fit, 0.25)


def linear_vcov(fit: StructuredFit) -> FloatArray:
    """As `adjusted_vcov`, without the second derivatives; no parameterisation enters.

    For ``us`` it is what SAS prints, whose parameters there are variances and covariances.
    """
    return _adjusted(fit, 0.0)


def _adjusted(fit: StructuredFit, second: float) -> FloatArray:
    a = adjustment(fit)
    parts, W, Phi = a.parts, a.spread, a.Phi
    middle = parts.Q - second * parts.R
    middle = middle - (parts.P @ np.tensordot(W, Phi @ parts.P, 1)).sum(axis=0)
    adjusted = Phi + 2.0 * Phi @ middle @ Phi
    adjusted = 0.5 * (adjusted + adjusted.T)
    if not np.isfinite(adjusted).all() or not (np.linalg.eigvalsh(adjusted) > 0.0).all():
        raise OptionError(
            "Kenward and Roger's adjustment makes variances negative: a variance parameter is at "
            "its limit or nearly unknown; use ddf='satterthwaite', or a simpler structure"
        )
    return np.asarray(fit.sigma**2 * (a.to_user @ adjusted @ a.to_user.T))


def kenward_roger_df(fit: StructuredFit, L: FloatArray) -> FloatArray:
    """Degrees of freedom of t tests of the rows of L, (q,): 2 / A2."""
    a = adjustment(fit)
    rows = L @ a.to_user
    variance = np.einsum("qi,ij,qj->q", rows, a.Phi, rows)
    slope = np.einsum("qi,aij,qj->qa", rows, a.Phi @ a.parts.P @ a.Phi, rows)
    return matched_df(variance, slope, a.spread)


def kenward_roger_joint(fit: StructuredFit, L: FloatArray) -> tuple[float, float]:
    """Denominator degrees of freedom and scaling of the F test of all rows of L.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, section 3.
    """
    if len(L) == 1:
        return float(kenward_roger_df(fit, L)[0]), 1.0
    a = adjustment(fit)
    return matched_f(L @ a.to_user, a.Phi, a.Phi @ a.parts.P @ a.Phi, a.spread)
