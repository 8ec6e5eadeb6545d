"""The table of fixed effects: estimate, standard error, degrees of freedom, statistic, p value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.memo import memo
from nestwise.inference.ddf import ddf_name, methods
from nestwise.inference.kinds import Fit
from nestwise.inference.wald import two_sided_p


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
        Degrees of freedom: ``"satterthwaite"`` (the default of a mixed model),
        ``"kenward-roger"`` (which also adjusts the standard errors), ``"between-within"``,
        ``"residual"`` (n - p, the default of a linear model) or ``"normal"`` (infinite).

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
    return _tested(fit, ddf_name(fit, ddf))


@memo
def _tested(fit: Fit, method: str) -> Coefficients:
    how = methods(fit)[method]
    std_error = np.sqrt(np.diag(how.vcov(fit)))
    df = how.single(fit, np.eye(fit.beta.size))
    # A fit without any residual has standard errors of zero.
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = fit.beta / std_error
    p_value = two_sided_p(statistic, df)
    return Coefficients(fit.design.fixed.names, fit.beta, std_error, df, statistic, p_value, method)
