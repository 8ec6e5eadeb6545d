"""Approaches by least squares: groups ignored, averaged, separated, or made coefficients."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.design.rank import redundant_columns
from nestwise.fit.group_regressions import GroupRegressions, fit_groups
from nestwise.fit.lm import fit_lm
from nestwise.fit.result import LmFit
from nestwise.inference.coefficients import coefficients
from nestwise.inference.fitmeasures import fit_measures, r_squared
from nestwise.inference.group_tables import group_fitted, mean_coefficients
from nestwise.inference.wald import two_sided_p
from nestwise.workflow.approaches.approach import Approach, Estimates, nothing, spread
from nestwise.workflow.approaches.setup import INTERCEPT, Level, Setup, is_constant, quoted

POOLED = "pooled"
AGGREGATED = "aggregated means"
PER_GROUP = "regression per group"
FIXED = "fixed effects"
INTERACTIONS = "fixed effects and interactions"

RECORDED = 1e-5
"""Share of a column, left by the others, that may be rounding of recorded data."""


def pooled(setup: Setup) -> Approach:
    """All rows in one regression, as if they were independent.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> found = pooled(prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None))
    >>> found.estimates.estimate.round(4).tolist()
    [-0.0012, 0.5951]
    """
    fit = fit_lm(setup.build(setup.formula))
    share = r_squared(fit).r_squared
    return Approach(
        name=POOLED,
        groups="",
        words="All rows in one regression, the groups ignored.",
        formula=setup.formula,
        estimates=_of_lm(fit, range(fit.beta.size), [""] * fit.beta.size),
        n_rows=fit.design.y.size,
        n_par=fit.beta.size + 1,
        df_resid=fit.df_resid,
        sigma=fit.sigma,
        r2=share,
        r2_fixed=share,
        aic=fit_measures(fit).aic,
        fit=fit,
    )


def _of_lm(fit: LmFit, positions: range | list[int], reasons: list[str]) -> Estimates:
    c = coefficients(fit)
    columns = [c.estimate, c.std_error, c.df, c.statistic, c.p_value]
    return spread(list(positions), columns, len(reasons), reasons)


def aggregated(setup: Setup, level: Level) -> Approach:
    """One row a group: the means of the response and of the columns, each group counted once.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None)
    >>> aggregated(s, s.levels[0]).estimates.estimate.round(4).tolist()
    [0.0046, 0.8837]
    """
    words = f"One row for each {level.name}: the means of its rows, each {level.name} counted once."
    p = len(setup.term_levels)
    try:
        fit, positions = _fit_means(setup, level)
    except FitError as problem:
        return _failed(AGGREGATED, level, words, p, level.factor.n_levels, str(problem))
    share = r_squared(fit).r_squared
    reasons = [f"the means over {level.name} of the other predictors determine it"] * p
    return Approach(
        name=AGGREGATED,
        groups=level.name,
        words=words,
        formula="",
        estimates=_of_lm(fit, positions, reasons),
        n_rows=level.factor.n_levels,
        n_par=fit.beta.size + 1,
        df_resid=fit.df_resid,
        sigma=fit.sigma,
        r2=share,
        r2_fixed=share,
        aic=math.nan,
        fit=fit,
    )


def group_means(x: FloatArray, level: Level, weights: FloatArray) -> FloatArray:
    """(n_levels,) mean of each group, its rows counted by their weights.

    Examples
    --------
    >>> from nestwise.design.model import GroupingFactor
    >>> f = GroupingFactor("g", np.array([0, 0, 1], np.int32), 2, (), ())
    >>> level = Level("g", f, np.array([2, 1]))
    >>> group_means(np.array([1.0, 5.0, 2.0]), level, np.array([3.0, 1.0, 1.0])).tolist()
    [2.0, 2.0]
    """
    codes, n = level.factor.codes, level.factor.n_levels
    return np.bincount(codes, weights * x, n) / np.bincount(codes, weights, n)


def _fit_means(setup: Setup, level: Level) -> tuple[LmFit, list[int]]:
    design, weights = setup.fixed_only(), setup.row_weights
    X = np.column_stack([group_means(x, level, weights) for x in design.fixed.X.T])
    kept = _distinct(X)
    fixed = replace(
        design.fixed,
        X=np.asfortranarray(X[:, kept]),
        names=tuple(design.fixed.names[j] for j in kept),
        assign=tuple(design.fixed.assign[j] for j in kept),
        full=None,
    )
    means = replace(
        design,
        y=group_means(setup.response, level, weights),
        fixed=fixed,
        weights=None,
        offset=None,
        kept=None,
        diagnostics=(),
    )
    return fit_lm(means), kept


def _distinct(X: FloatArray) -> list[int]:
    """Columns that those before them do not determine, to the digits that data are recorded with.

    A group-level covariate is often the rounded mean of a covariate of the rows; to tell the two
    apart by rounding errors gives nonsense.
    """
    kept: list[int] = []
    for j in range(X.shape[1]):
        before = X[:, kept]
        left = X[:, j] - before @ np.linalg.lstsq(before, X[:, j], rcond=None)[0]
        size = float(np.linalg.norm(X[:, j] - (X[:, j].mean() if kept else 0.0)))
        if float(np.linalg.norm(left)) > RECORDED * size:
            kept.append(j)
    return kept


def _failed(name: str, level: Level, words: str, p: int, n_rows: int, problem: str) -> Approach:
    gone = math.nan
    estimates = nothing(p, "this approach cannot be fitted to these data")
    return Approach(
        name, level.name, words, "", estimates, n_rows, 0, gone, gone, gone, gone, gone, None,
        problem,
    )  # fmt: skip


def separate(setup: Setup, level: Level) -> tuple[Approach, Approach]:
    """A regression per group, averaged; and the same fit as interactions with every group.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None)
    >>> [a.n_par for a in separate(s, s.levels[0])]
    [131, 131]
    """
    one = f"A regression for each {level.name}, its coefficients averaged, each counted once."
    two = (
        f"An intercept and slopes for each {level.name} in one model; the coefficients are those "
        f"of the first one, {_first(level)}."
    )
    p, n = len(setup.term_levels), setup.design.y.size
    try:
        fit = fit_groups(setup.within(level))
    except FitError as problem:
        return (
            _failed(PER_GROUP, level, one, p, n, str(problem)),
            _failed(INTERACTIONS, level, two, p, n, str(problem)),
        )
    reasons = _constant_reasons(setup, level)
    table = mean_coefficients(fit)
    means = [table[k] for k in ("estimate", "std_error", "df", "statistic", "p_value")]
    known = [j for j in range(p) if not np.isnan(means[0][j])]
    told = [r or f"the other predictors determine it within {level.name}" for r in reasons]
    averaged = spread(known, [m[known] for m in means], p, told)
    in_first = [r or f"not determined in {_first(level)}" for r in reasons]
    return (
        _of_groups(
            setup, PER_GROUP, level, one, averaged, fit, f"{setup.formula} | {quoted(level.name)}"
        ),
        _of_groups(setup, INTERACTIONS, level, two, _reference(fit, in_first), fit, ""),
    )


def _of_groups(
    setup: Setup,
    name: str,
    level: Level,
    words: str,
    estimates: Estimates,
    fit: GroupRegressions,
    formula: str,
) -> Approach:
    """Separate regressions as one model: they share the residual variance."""
    n, n_par = fit.design.y.size, int(fit.rank.sum()) + 1
    rss = float(fit.rss.sum())
    share = _share(setup, group_fitted(fit), rss)
    return Approach(
        name=name,
        groups=level.name,
        words=words,
        formula=formula,
        estimates=estimates,
        n_rows=n,
        n_par=n_par,
        df_resid=fit.df_resid,
        sigma=fit.sigma,
        r2=share,
        r2_fixed=share,
        aic=_aic(setup, rss, n_par),
        fit=fit if formula else None,
    )


def _first(level: Level) -> str:
    parts = [str(part[0]) for part in level.factor.parts]
    return f"{level.factor.name} {':'.join(parts)}"


def _share(setup: Setup, mu: FloatArray, rss: float) -> float:
    """Explained sum of squares about the mean over the whole, as R's ``summary.lm`` has it."""
    w = setup.row_weights
    explained = float(np.sum(w * (mu - np.average(mu, weights=w)) ** 2))
    return explained / (explained + rss) if explained > 0.0 else 0.0


def _aic(setup: Setup, rss: float, n_par: int) -> float:
    if not rss > 0.0:
        return math.nan
    n, w = setup.design.y.size, setup.row_weights
    deviance = n * (math.log(2.0 * math.pi * rss / n) + 1.0) - float(np.log(w).sum())
    return deviance + 2.0 * n_par


def _reference(fit: GroupRegressions, reasons: list[str]) -> Estimates:
    """Coefficients of the first group, tested with the residual variance of all."""
    b = fit.beta[0]
    known = np.flatnonzero(~np.isnan(b))
    std_error = fit.sigma * np.sqrt(np.diag(fit.unscaled_vcov[0])[known])
    return spread(known.tolist(), _tested(b[known], std_error, fit.df_resid), b.size, reasons)


def _tested(estimate: FloatArray, std_error: FloatArray, df: float) -> list[FloatArray]:
    each = np.full(estimate.size, float(df))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / std_error
    return [estimate, std_error, each, statistic, two_sided_p(statistic, each)]


def _constant_reasons(setup: Setup, level: Level) -> list[str]:
    X = setup.design.fixed.X
    names = setup.design.fixed.names
    return [
        f"constant within {level.name}"
        if names[j] != INTERCEPT and is_constant(X[:, j], level.factor)
        else ""
        for j in range(X.shape[1])
    ]


def dummies(setup: Setup, level: Level) -> Approach:
    """A coefficient for every group: what varies within groups is compared within them only.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.workflow.approaches.setup import prepare
    >>> s = prepare("normexam ~ standLRT", nw.load_dataset("Exam"), "school", None)
    >>> found = dummies(s, s.levels[0])
    >>> found.estimates.estimate[1].round(4).item(), found.n_par
    (0.5595, 67)
    """
    design, factor = setup.fixed_only(), level.factor
    words = (
        f"A coefficient for each {level.name}; the intercept is that of the first, {_first(level)}."
    )
    y, w = setup.response, setup.row_weights
    y = y - group_means(y, level, w)[factor.codes]
    X = design.fixed.X
    centre = np.column_stack([group_means(x, level, w) for x in X.T])
    reasons = _constant_reasons(setup, level)
    vary = [j for j, r in enumerate(reasons) if not r and design.fixed.names[j] != INTERCEPT]
    within = np.asfortranarray(X[:, vary] - centre[factor.codes][:, vary])
    out = set(redundant_columns(within, False))
    kept = [j for i, j in enumerate(vary) if i not in out]
    within = within[:, [i for i in range(len(vary)) if i not in out]]
    n, df = y.size, y.size - factor.n_levels - len(kept)
    p = len(reasons)
    if df < 1:
        problem = f"{factor.n_levels + len(kept)} coefficients leave nothing of {n} rows"
        return _failed(FIXED, level, words, p, n, problem)
    return _by_dummies(setup, level, words, within, y, centre[0], kept, reasons)


def _by_dummies(
    setup: Setup,
    level: Level,
    words: str,
    within: FloatArray,
    y: FloatArray,
    centre: FloatArray,
    kept: list[int],
    reasons: list[str],
) -> Approach:
    n, n_coef = y.size, level.factor.n_levels + len(kept)
    w = setup.row_weights
    root = np.sqrt(w)
    Q, R = np.linalg.qr(within * root[:, None])
    b = np.linalg.solve(R, Q.T @ (y * root)) if kept else np.zeros(0)
    left = y - within @ b
    rss = float(np.sum(w * left**2))
    sigma = math.sqrt(rss / (n - n_coef))
    half = np.linalg.inv(R) if kept else np.zeros((0, 0))
    vcov = sigma**2 * half @ half.T
    first = level.factor.codes == 0
    at_zero = float(np.average(setup.response[first], weights=w[first]) - centre[kept] @ b)
    spare = math.sqrt(sigma**2 / float(w[first].sum()) + float(centre[kept] @ vcov @ centre[kept]))
    share = _share(setup, setup.design.y - left, rss)
    positions, estimate, std_error = kept, b, np.sqrt(np.diag(vcov))
    if setup.design.fixed.intercept:
        positions = [0, *kept]
        estimate, std_error = np.append(at_zero, b), np.append(spare, std_error)
    tested = _tested(estimate, std_error, n - n_coef)
    told = [
        r or f"the groups of {level.name} and the other predictors determine it" for r in reasons
    ]
    return Approach(
        name=FIXED,
        groups=level.name,
        words=words,
        formula=f"{setup.formula} + factor({quoted(level.name)})",
        estimates=spread(positions, tested, len(reasons), told),
        n_rows=n,
        n_par=n_coef + 1,
        df_resid=n - n_coef,
        sigma=sigma,
        r2=share,
        r2_fixed=share,
        aic=_aic(setup, rss, n_coef + 1),
    )


__all__ = [
    "AGGREGATED", "FIXED", "INTERACTIONS", "PER_GROUP", "POOLED",
    "aggregated", "dummies", "group_means", "pooled", "separate",
]  # fmt: skip
