"""The variance of a distribution on the scale of the link, for shares of variance of a GLMM.

Source: Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14, 20170213, tables 1 and 2.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import polygamma

from nestwise._base.errors import FitError, one_of
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.glmm_predict import predict_glmm

LATENT = {"logit": math.pi**2 / 3.0, "probit": 1.0, "cloglog": math.pi**2 / 6.0}
"""Variance of the latent variable whose sign a binary response is."""

METHODS = ("latent", "lognormal", "trigamma", "delta")


def distribution_variance(fit: GlmmFit, method: str | None = None) -> float:
    """Variance of one response about its mean, on the scale of the link.

    The mean at which it is taken is that over rows and random effects. Binomial responses count
    by the trial.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    method : str, optional
        ``"latent"`` (the default for binomial families with a logit, probit or cloglog link): that
        of the latent variable; ``"lognormal"`` (the default with a log link) and ``"trigamma"``:
        for counts and gamma responses with a log link; ``"delta"`` (the default otherwise): by
        the delta method.

    Returns
    -------
    float

    Raises
    ------
    OptionError
        When the method is not known, or not for this family and link.
    FitError
        When the fit ran away, so that there is no such variance.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> round(distribution_variance(m.fit), 4), round(distribution_variance(m.fit, "delta"), 2)
    (3.2899, 9.68)
    """
    known = _applicable(fit)
    chosen = one_of("method", known[0] if method is None else method, known)
    if chosen == "latent":
        return LATENT[fit.link.name]
    centre = np.array([np.mean(predict_glmm(fit, re_form=None, marginal=True))])
    with np.errstate(all="ignore"):
        variance = fit.family.variance(centre, fit.phi)
        slope = fit.link.inverse(fit.link.link(centre), 1)[1]
        relative = float((variance / centre**2)[0])
        by_delta = float((variance / slope**2)[0])
    found = by_delta if chosen == "delta" else relative
    if not 0.0 < found < np.inf:
        raise FitError(
            f"the mean response of this model is {float(centre[0]):.3g}, where its distribution "
            "has no variance on the scale of the link; see its diagnostics"
        )
    if chosen == "delta":
        return by_delta
    if chosen == "lognormal":
        return math.log1p(relative)
    return float(polygamma(1, 1.0 / relative))


def _applicable(fit: GlmmFit) -> tuple[str, ...]:
    """The methods for a family and link, the default first."""
    if fit.family.trials and fit.link.name in LATENT:
        return ("latent", "delta")
    counts = fit.family.discrete and not fit.family.trials
    if fit.link.name == "log" and (counts or fit.family.name == "gamma"):
        return ("lognormal", "trigamma", "delta")
    return ("delta",)
