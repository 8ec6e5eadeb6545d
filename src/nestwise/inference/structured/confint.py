"""Confidence intervals of fits with structured residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.table import Table
from nestwise.core.structured.effects import user_lambdas
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.bootstrap import bootstrap
from nestwise.inference.bootstrap_interval import KINDS, bootstrap_interval
from nestwise.inference.parameters import fit_parameters, parameter_values, parameters
from nestwise.inference.profile import profile
from nestwise.inference.profile_interval import profile_interval
from nestwise.inference.structured.parameters import residual_parameters
from nestwise.inference.structured.satterthwaite import parameter_covariance
from nestwise.inference.wald import checked_level, chosen, quantile, vcov

METHODS = ("wald", "profile", "boot")

STEP = 1e-5
"""Of the differences of standard deviations and correlations by par."""


def confint_structured(
    fit: StructuredFit,
    method: str = "wald",
    level: float = 0.95,
    params: Sequence[str] | None = None,
    *,
    n: int = 1000,
    kind: str = "percentile",
    seed: int | None = None,
    n_jobs: int = 1,
) -> Table:
    """Intervals of fixed effects, random effects and residuals' parameters.

    Wald's are normal: of standard deviations and correlations on the logarithm and on Fisher's z.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    method : str
        ``"wald"``, ``"profile"`` (of the likelihood) or ``"boot"`` (parametric).
    level : float
        Confidence level.
    params : sequence of str, optional
        Names wanted; all by default.
    n, kind, seed, n_jobs
        Of the bootstrap: `nestwise.inference.bootstrap.bootstrap` and
        `nestwise.inference.bootstrap_interval.bootstrap_interval`.

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
    if one_of("method", method, METHODS) == "boot":
        # Everything is checked before the replicates are drawn.
        checked_level(level)
        one_of("kind", kind, KINDS[:2])
        chosen([p.name for p in fit_parameters(fit)], params, "parameter")
        return bootstrap_interval(bootstrap(fit, n, seed=seed, n_jobs=n_jobs), level, kind, params)
    if method == "profile":
        return profile_interval(profile(fit, params, level), level)
    half = quantile(np.full(fit.beta.size, np.inf), level) * np.sqrt(np.diag(vcov(fit)))
    low, high = _effect_intervals(fit, level)
    own = residual_parameters(fit, level)
    names = [p.name for p in fit_parameters(fit)]
    keep = chosen(names, params, "parameter")
    return Table(
        {
            "term": np.array(names, dtype=object)[keep],
            "conf_low": np.concatenate([fit.beta - half, low, own["conf_low"]])[keep],
            "conf_high": np.concatenate([fit.beta + half, high, own["conf_high"]])[keep],
        }
    )


def _effect_intervals(fit: StructuredFit, level: float) -> tuple[FloatArray, FloatArray]:
    """Limits of the random effects' standard deviations and correlations.

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
    for i in range(fit.problem.arrays.n_effects):
        move = STEP * np.eye(m)[i]
        slopes[:, i] = (free(fit.par + move) - free(fit.par - move)) / (2.0 * STEP)
    slopes[:, m] = is_sd
    with np.errstate(invalid="ignore"):
        std_error = np.sqrt(np.einsum("ki,ij,kj->k", slopes, parameter_covariance(fit), slopes))
        half = quantile(np.full(len(listed), np.inf), level) * std_error
        ends = [np.where(is_sd, np.exp(x), np.tanh(x)) for x in (here - half, here + half)]
    return ends[0], ends[1]
