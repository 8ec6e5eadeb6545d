"""Approaches by mixed models: intercepts that vary at one level or all, slopes that vary."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nestwise._base.errors import DataError, FitError, OptionError, did_you_mean
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.result import LmmFit
from nestwise.inference.coefficients import coefficients
from nestwise.inference.fitmeasures import fit_measures
from nestwise.inference.r2 import r2
from nestwise.workflow.approaches.approach import Approach, nothing, spread
from nestwise.workflow.approaches.setup import Level, Setup, is_constant, quoted, with_intercepts
from nestwise.workflow.levels import FEW

RANDOM = "random intercept"
NESTED = "nested intercepts"
CROSSED = "crossed intercepts"
SLOPES = "random slopes"


def random_intercept(setup: Setup, level: Level, ddf: str) -> Approach:
    """Intercepts that vary at one level.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None)
    >>> found = random_intercept(s, s.levels[0], "satterthwaite")
    >>> found.estimates.estimate.round(4).tolist(), found.n_par
    ([0.0023, 0.5633], 4)
    """
    words = f"Intercepts of {level.name} vary around a common one with a variance."
    return mixed(
        setup, RANDOM, level.name, words, with_intercepts(setup.formula, [level.name]), ddf
    )


def all_intercepts(setup: Setup, ddf: str) -> Approach:
    """Intercepts that vary at every level.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("math_gain ~ prior_math", nw.load_dataset("schools"),
    ...     ["school", "classroom"], None)
    >>> all_intercepts(s, "satterthwaite").formula
    'math_gain ~ prior_math + (1 | school) + (1 | classroom)'
    """
    names = [level.name for level in setup.levels]
    name = CROSSED if setup.crossed else NESTED
    words = f"Intercepts of {' and of '.join(names)} vary, each with its own variance."
    return mixed(setup, name, ", ".join(names), words, with_intercepts(setup.formula, names), ddf)


def random_slopes(setup: Setup, slopes: Sequence[str], ddf: str) -> Approach | None:
    """Slopes that vary, too, at the outermost level that has groups enough.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None)
    >>> random_slopes(s, ["standLRT"], "satterthwaite").formula
    'normexam ~ standLRT + (1 + standLRT | school)'
    """
    if not slopes:
        return None
    at = slope_level(setup)
    bars = "".join(
        f" + (1 + {' + '.join(slopes)} | {quoted(level.name)})"
        if level is at
        else f" + (1 | {quoted(level.name)})"
        for level in setup.levels
    )
    names = ", ".join(level.name for level in setup.levels)
    words = f"As before, and the slope of {' and of '.join(slopes)} varies between {at.name}."
    return mixed(setup, SLOPES, names, words, setup.formula + bars, ddf)


def slope_level(setup: Setup) -> Level:
    """The outermost level with enough groups for covariances, else that with most groups.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("math_gain ~ ses", nw.load_dataset("schools"), ["school", "classroom"], None)
    >>> slope_level(s).name
    'classroom'
    """
    enough = (level for level in setup.levels if level.factor.n_levels >= FEW)
    return next(enough, setup.levels[-1])


def chosen_slopes(setup: Setup, slopes: str | Sequence[str] | None) -> tuple[str, ...]:
    """Terms whose slopes vary: those asked for, else the first covariate that varies in groups.

    A covariate with more than two values is preferred to a factor.

    Raises
    ------
    OptionError
        When a term is not in the formula.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ sex + standLRT", nw.load_dataset("Exam"), "school", None)
    >>> chosen_slopes(s, None), chosen_slopes(s, ["sex"])
    (('standLRT',), ('sex',))
    """
    fixed = setup.design.fixed
    if slopes is not None:
        names = (slopes,) if isinstance(slopes, str) else tuple(slopes)
        for name in names:
            if name not in fixed.terms:
                raise OptionError(
                    f"slopes: {name!r} is no term of the formula{did_you_mean(name, fixed.terms)}"
                )
        return names
    factor = slope_level(setup).factor
    fallback: tuple[str, ...] = ()
    for i, term in enumerate(fixed.terms):
        own = [j for j, a in enumerate(fixed.assign) if a == i]
        if len(fixed.variables[i]) > 1 or not own:
            continue
        if all(is_constant(fixed.X[:, j], factor) for j in own):
            continue
        if len(own) == 1 and np.unique(fixed.X[:, own[0]]).size > 2:
            return (term,)
        fallback = fallback or (term,)
    return fallback


def mixed(setup: Setup, name: str, groups: str, words: str, formula: str, ddf: str) -> Approach:
    """One mixed model as an approach; AIC is that of the fit by maximum likelihood.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None)
    >>> round(mixed(s, "m", "school", "", "normexam ~ standLRT + (1 | school)", "normal").aic, 2)
    9365.24
    """
    n, p, gone = setup.design.y.size, len(setup.term_levels), math.nan
    try:
        design = setup.build(formula)
        fit = fit_lmm(design)
        likelihood = fit_measures(fit_lmm(design, reml=False, start=fit.theta))
    except (FitError, DataError) as problem:
        estimates = nothing(p, "this approach cannot be fitted to these data")
        return Approach(name, groups, words, formula, estimates, n, 0, gone, gone, gone, gone,
                        gone, None, str(problem))  # fmt: skip
    c = coefficients(fit, ddf)
    shares = r2(fit)
    return Approach(
        name=name,
        groups=groups,
        words=words,
        formula=formula,
        estimates=spread(
            range(p), [c.estimate, c.std_error, c.df, c.statistic, c.p_value], p, [""] * p
        ),
        n_rows=n,
        n_par=likelihood.n_par,
        df_resid=gone,
        sigma=fit.sigma,
        r2=shares.conditional,
        r2_fixed=shares.marginal,
        aic=likelihood.aic,
        fit=fit,
    )


def is_mixed(approach: Approach) -> bool:
    """Whether an approach is a fitted mixed model.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None)
    >>> is_mixed(random_intercept(s, s.levels[0], "normal"))
    True
    """
    return isinstance(approach.fit, LmmFit)


__all__ = [
    "CROSSED", "NESTED", "RANDOM", "SLOPES", "all_intercepts", "chosen_slopes", "is_mixed",
    "mixed", "random_intercept", "random_slopes", "slope_level",
]  # fmt: skip
