"""Confidence intervals of fits with structured residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.table import Table
from nestwise.core.structured.effects import user_lambdas
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.parameters import parameter_values, parameters
from nestwise.inference.structured.parameters import residual_parameters
from nestwise.inference.structured.satterthwaite import parameter_covariance
from nestwise.inference.wald import chosen, quantile, vcov

STEP = 1e-5
"""Of the differences of standard deviations and correlations by par."""


def confint_structured(
    fit: StructuredFit,
    method: str = "wald",
    level: float = 0.95,
    params: Sequence[str] | None = None,
) -> Table:
    """Wald intervals: fixed effects (normal quantile), random effects, residuals' parameters.

    Those of standard deviations and correlations are normal on the logarithm and on Fisher's z.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    method : str
        ``"wald"``.
    level : float
        Confidence level.
    params : sequence of str, optional
        Names wanted; all by default.

    Returns
    -------
    Table
        ``term conf_low conf_high``.

    Raises
    ------
    OptionError
        When an argument is not known or out of range.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> confint_structured(m.fit)["term"].tolist()
    ['(Intercept)', 'Days', 'rho', 'sigma']
    """
    one_of("method", method, ("wald",))
    half = quantile(np.full(fit.beta.size, np.inf), level) * np.sqrt(np.diag(vcov(fit)))
    effects, low, high = _effect_intervals(fit, level)
    own = residual_parameters(fit, level)
    labels = [f"{t} ({a})" if a else str(t) for t, a in zip(own["term"], own["arm"], strict=True)]
    names = [*fit.design.fixed.names, *effects, *labels]
    keep = chosen(names, params, "parameter")
    return Table(
        {
            "term": np.array(names, dtype=object)[keep],
            "conf_low": np.concatenate([fit.beta - half, low, own["conf_low"]])[keep],
            "conf_high": np.concatenate([fit.beta + half, high, own["conf_high"]])[keep],
        }
    )


def _effect_intervals(fit: StructuredFit, level: float) -> tuple[list[str], FloatArray, FloatArray]:
    """Names and limits of the random effects' standard deviations and correlations.

    NaN where a standard deviation is zero.
    """
    listed = tuple(p for p in parameters(fit.design) if p.kind in ("sd", "cor"))
    is_sd = np.array([p.kind == "sd" for p in listed], dtype=np.bool_)

    def free(par: FloatArray) -> FloatArray:
        lambdas = user_lambdas(fit.problem.arrays, par)
        values = parameter_values(listed, lambdas, fit.sigma, np.empty(0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(is_sd, np.log(values), np.arctanh(values))

    here, m = free(fit.par), fit.par.size
    slopes = np.zeros((len(listed), m + 1))
    for i in range(fit.theta.size):
        move = STEP * np.eye(m)[i]
        slopes[:, i] = (free(fit.par + move) - free(fit.par - move)) / (2.0 * STEP)
    slopes[:, m] = is_sd
    with np.errstate(invalid="ignore"):
        std_error = np.sqrt(np.einsum("ki,ij,kj->k", slopes, parameter_covariance(fit), slopes))
        half = quantile(np.full(len(listed), np.inf), level) * std_error
        ends = [np.where(is_sd, np.exp(x), np.tanh(x)) for x in (here - half, here + half)]
    return [p.name for p in listed], ends[0], ends[1]
