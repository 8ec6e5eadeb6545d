"""Confidence intervals by any method."""

from __future__ import annotations

from collections.abc import Sequence

from nestwise._base.errors import one_of
from nestwise._base.table import Table
from nestwise.inference.bootstrap import bootstrap
from nestwise.inference.bootstrap_interval import KINDS, bootstrap_interval
from nestwise.inference.kinds import EquationsFit
from nestwise.inference.parameters import fit_parameters
from nestwise.inference.profile import profile
from nestwise.inference.profile_interval import profile_interval
from nestwise.inference.wald import checked_level, chosen, confint_wald

METHODS = ("wald", "profile", "boot")


def confint(
    fit: EquationsFit,
    method: str = "wald",
    *,
    level: float = 0.95,
    params: Sequence[str] | None = None,
    n: int = 1000,
    kind: str = "percentile",
    seed: int | None = None,
    n_jobs: int = 1,
) -> Table:
    """Confidence intervals of the parameters of a mixed model.

    Parameters
    ----------
    fit : LmmFit or GlmmFit
        The fit.
    method : str
        ``"wald"`` (fixed effects only), ``"profile"`` or ``"boot"`` (parametric).
    level : float
        Confidence level.
    params : sequence of str, optional
        Names of the parameters wanted; all by default.
    n, kind, seed, n_jobs
        Of the bootstrap: `nestwise.inference.bootstrap.bootstrap` and
        `nestwise.inference.bootstrap_interval.bootstrap_interval`.

    Returns
    -------
    Table
        ``term conf_low conf_high``: standard deviations, correlations, sigma, fixed effects.

    Raises
    ------
    OptionError
        When an argument is out of range or names nothing.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days || Subject)", nw.load_dataset("sleepstudy"))
    >>> confint(m.fit, "profile")["conf_high"].round(2).tolist()
    [37.79, 8.77, 28.79, 265.24, 13.6]
    """
    if one_of("method", method, METHODS) == "wald":
        return confint_wald(fit, level, params)
    if method == "profile":
        return profile_interval(profile(fit, params, level), level)
    # Everything is checked before the replicates are drawn.
    checked_level(level)
    one_of("kind", kind, KINDS)
    chosen([p.name for p in fit_parameters(fit)], params, "parameter")
    return bootstrap_interval(bootstrap(fit, n, seed=seed, n_jobs=n_jobs), level, kind, params)


__all__ = ["METHODS", "confint"]
