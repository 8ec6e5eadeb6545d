"""Do the responses vary more, or less, than the family allows?"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtr, chdtrc

from nestwise._base.table import Table
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.fitmeasures import fit_measures
from nestwise.inference.glmm_residuals import glmm_residuals, row_weights
from nestwise.inference.simulated_residuals import simulated_residuals

ADVICE = {
    1: "The responses vary more than the {family} family allows, so that standard errors are too "
    "small: use family='{other}', or a random intercept for each row (1 | row).",
    -1: "The responses vary less than the {family} family allows: standard errors are too large; "
    "look whether rows repeat each other, or the random effects follow single rows.",
    0: "No sign that the responses vary more or less than the {family} family allows.",
}


def dispersion_tests(fit: GlmmFit, n: int = 250, seed: int | None = None) -> Table:
    """Compare the spread of the responses with that of the family, in two ways.

    Parameters
    ----------
    fit : GlmmFit
        The fit.
    n : int
        Simulated responses.
    seed : int, optional
        Of the simulations; a fresh one when None.

    Returns
    -------
    Table
        ``test ratio df p_value``. ``pearson``: Pearson's statistic given the random effects over
        its residual degrees of freedom, by chi-square (approximate, and of no use for single 0/1
        trials, where it is NaN); ``simulation``: variance about the mean over that of responses
        drawn from the model, random effects drawn anew. p values are two-sided; the note says
        what follows.

    Raises
    ------
    OptionError
        When `n` is no whole number above zero.

    Source
    ------
    McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., section 4.5.2; Besag & Clifford
    (1989), Biometrika 76, 633-642 (Monte-Carlo tests).

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> t = dispersion_tests(m.fit, seed=1)
    >>> t["test"].tolist(), t["ratio"][0].round(2).item()
    (['pearson', 'simulation'], 1.24)
    """
    left = fit_measures(fit).df_resid
    chi2 = float(np.sum(glmm_residuals(fit, "scaled") ** 2))
    single = fit.family.trials and bool((row_weights(fit) <= 1.0).all())
    ratio, p = chi2 / left if left > 0 else np.nan, np.nan
    if single or left <= 0:
        ratio = np.nan
    else:
        p = min(1.0, 2.0 * float(min(chdtrc(left, chi2), chdtr(left, chi2))))
    drawn = simulated_residuals(fit, n, seed).tests
    at = drawn["test"].tolist().index("dispersion")
    p_drawn = float(drawn["p_value"][at])
    spread = float(drawn["statistic"][at])
    return Table(
        {
            "test": np.array(["pearson", "simulation"], dtype=object),
            "ratio": np.array([ratio, spread]),
            "df": np.array([float(left), np.nan]),
            "p_value": np.array([p, p_drawn]),
        },
        _advice(fit, [(ratio, p), (spread, p_drawn)]),
    )


def _advice(fit: GlmmFit, found: list[tuple[float, float]]) -> str:
    """What follows, from the clearer of the two tests."""
    told = [(p, r) for r, p in found if np.isfinite(p)]
    p, ratio = min(told)
    sign = 0 if p >= 0.05 else 1 if ratio > 1.0 else -1
    other = "beta_binomial" if fit.family.trials else "negative_binomial"
    return ADVICE[sign].format(family=fit.family.name, other=other)
