"""New responses from a fitted model."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.options import flag
from nestwise.inference.drawn_means import drawn_means
from nestwise.inference.glmm_residuals import row_weights
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, StructuredFit
from nestwise.inference.residuals import fitted, fixed_part, random_part
from nestwise.inference.structured.residuals import correlated


def simulate(
    fit: Fit, n: int = 1, seed: int | None = None, conditional: bool = False
) -> FloatArray:
    """Draw responses from a fit.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    n : int
        Number of responses.
    seed : int, optional
        Column r depends on the seed and r alone, whatever `n` is. None draws a fresh one.
    conditional : bool
        Whether the random effects stay at their conditional modes; else new ones are drawn.

    Returns
    -------
    (n_obs, n) float64
        On the kept rows, offset included, in units of the (transformed) response; the residual
        variance is ``sigma**2`` over the prior weight. Of a GLMM draws of its family; binomial
        ones are shares of the trials.

    Raises
    ------
    OptionError
        When `n` is not a positive whole number or `seed` not a whole number >= 0.
    FitError
        When a GLMM's link lets drawn means out of the range of its family.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> simulate(m.fit, 3, seed=1).shape
    (180, 3)
    """
    count, entropy = positive_count("n", n), seed_entropy(seed)
    mean = predictor(fit, conditional)
    out = np.empty((mean.size, count), order="F")
    for r in range(count):
        out[:, r] = draw(fit, mean, generator(entropy, r), conditional)
    return out


def draw(
    fit: Fit, mean: FloatArray, rng: np.random.Generator, conditional: bool = False
) -> FloatArray:
    """One response around `mean`; random effects term by term, then residuals.

    Parameters
    ----------
    fit : LmmFit or LmFit
        Gives the covariances.
    mean : (n,) float64
        The fixed part, or with `conditional` the fitted values (of a GLMM linear predictors).
    rng : Generator
        Source of randomness.
    conditional : bool
        Whether `mean` already holds the random effects.

    Examples
    --------
    >>> import numpy as np
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> draw(m.fit, np.zeros(180), np.random.default_rng(1)).shape
    (180,)
    """
    y = mean.copy()
    if not isinstance(fit, LmFit) and not conditional:
        for t, (term, L) in enumerate(zip(fit.design.terms, fit.lambdas, strict=True)):
            levels = fit.design.factors[term.factor].n_levels
            b = rng.standard_normal((levels, len(L))) @ (fit.sigma * L.T)
            y += random_part(fit.design, t, b)
    if isinstance(fit, GlmmFit):
        mu = drawn_means(fit, y)
        return fit.family.simulate(mu, row_weights(fit), fit.phi, rng)
    e = rng.standard_normal(mean.size)
    e *= fit.sigma
    if isinstance(fit, StructuredFit):
        return y + correlated(fit, e)
    if fit.design.weights is not None:
        e /= np.sqrt(fit.design.weights)
    y += e
    return y


def predictor(fit: Fit, conditional: bool) -> FloatArray:
    """What `draw` starts from: the linear predictor, with or without random effects.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> predictor(m.fit, False)[:2].round(2).tolist()
    [251.41, 261.87]
    """
    if not flag("conditional", conditional):
        return fixed_part(fit)
    return fit.eta.copy() if isinstance(fit, GlmmFit) else fitted(fit)


def seed_entropy(seed: int | None) -> int:
    """The seed itself, or a fresh one from the system when None.

    Raises
    ------
    OptionError
        When it is not a whole number >= 0.

    Examples
    --------
    >>> seed_entropy(7)
    7
    """
    if seed is None:
        fresh = np.random.SeedSequence().entropy
        return int(fresh) if isinstance(fresh, int) else 0
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise OptionError(f"seed={seed!r} is not a whole number >= 0; use for instance seed=1")
    return int(seed)


def generator(entropy: int, replicate: int) -> np.random.Generator:
    """The random numbers of one replicate: a child of the seed, whoever draws it and when.

    Examples
    --------
    >>> a, b = generator(1, 5).standard_normal(2), generator(1, 5).standard_normal(2)
    >>> (a == b).all().item()
    True
    """
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(replicate,)))


def positive_count(name: str, value: object) -> int:
    """`value` when it is a whole number above zero.

    Raises
    ------
    OptionError
        When it is not.

    Examples
    --------
    >>> positive_count("n", 3)
    3
    >>> positive_count("n", 0)
    Traceback (most recent call last):
    nestwise._base.errors.OptionError: n=0 is not a whole number above zero
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise OptionError(f"{name}={value!r} is not a whole number above zero")
    return int(value)


__all__ = ["draw", "generator", "positive_count", "predictor", "seed_entropy", "simulate"]
