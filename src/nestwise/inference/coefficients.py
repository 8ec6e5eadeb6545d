"""The table of fixed effects: estimate, standard error, degrees of freedom, statistic, p value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.memo import memo
from nestwise.inference.kinds import Fit, LmmFit
from nestwise.inference.satterthwaite import degrees_of_freedom
from nestwise.inference.wald import two_sided_p, vcov

DDF_LMM = ("satterthwaite", "normal", "residual")
DDF_LM = ("residual", "normal")


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Tests that single coefficients are zero.

    Parameters
    ----------
    names : tuple of str
        Coefficient names as R has them.
    estimate, std_error, df, statistic, p_value : (p,) float64
        `df` is infinite under ``ddf="normal"``.
    ddf : str
        How the degrees of freedom were found.
    """

    names: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    ddf: str


def coefficients(fit: Fit, ddf: str | None = None) -> Coefficients:
    """Test each fixed effect against zero.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    ddf : str, optional
        Degrees of freedom: ``"satterthwaite"`` (the default of a mixed model), ``"residual"``
        (n - p, the default of a linear model) or ``"normal"`` (infinite).

    Returns
    -------
    Coefficients

    Raises
    ------
    OptionError
        When `ddf` is not known for this kind of fit.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> c = coefficients(m.fit)
    >>> c.names[1], c.statistic[1].round(3).item(), c.ddf
    ('Days', 6.771, 'satterthwaite')
    """
    return _tested(fit, ddf_method(fit, ddf))


def ddf_method(fit: Fit, ddf: str | None) -> str:
    """The method for degrees of freedom, the default of this kind of fit when None.

    Raises
    ------
    OptionError
        When `ddf` is not known for this kind of fit.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> ddf_method(m.fit, None)
    'satterthwaite'
    """
    allowed = DDF_LMM if isinstance(fit, LmmFit) else DDF_LM
    return one_of("ddf", allowed[0] if ddf is None else ddf, allowed)


def _df(fit: Fit, method: str) -> FloatArray:
    p = fit.beta.size
    if method == "normal":
        return np.full(p, np.inf)
    if method == "satterthwaite" and isinstance(fit, LmmFit):
        return degrees_of_freedom(fit)
    return np.full(p, float(fit.design.y.size - p))


@memo
def _tested(fit: Fit, method: str) -> Coefficients:
    std_error = np.sqrt(np.diag(vcov(fit)))
    df = _df(fit, method)
    statistic = fit.beta / std_error
    p_value = two_sided_p(statistic, df)
    return Coefficients(fit.design.fixed.names, fit.beta, std_error, df, statistic, p_value, method)
