"""Conditional modes of the random effects, their variances, and coefficients by group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise._base.options import flag
from nestwise._base.table import Table
from nestwise.core.lmm import conditional_covariance
from nestwise.core.structured.conditional import conditional_covariances
from nestwise.design import level_labels
from nestwise.inference.joint import coefficient_errors
from nestwise.inference.kinds import MixedFit, StructuredFit
from nestwise.inference.structured.coefficients import structured_coefficient_errors


@dataclass(frozen=True, slots=True, eq=False)
class GroupEffects:
    """The effects of all levels of one grouping factor, over all its terms.

    Parameters
    ----------
    group : str
        Name of the grouping factor.
    levels : (n_levels,) object
        Its level labels.
    columns : tuple of str
        Names of the effects; those of several terms of one factor follow each other.
    modes : (n_levels, k) float64
        Conditional modes.
    variances : (n_levels, k) float64
        Conditional variances given theta and sigma; empty (n_levels, 0) when not asked for.
    """

    group: str
    levels: AnyArray
    columns: tuple[str, ...]
    modes: FloatArray
    variances: FloatArray


def group_effects(fit: MixedFit, cond_var: bool = False) -> tuple[GroupEffects, ...]:
    """Conditional modes by grouping factor, in the order of the factors.

    Parameters
    ----------
    fit : LmmFit or GlmmFit
        The fit.
    cond_var : bool
        Whether the conditional variances are wanted too.

    Returns
    -------
    tuple of GroupEffects

    Source
    ------
    Bates et al. (2015), J. Stat. Softw. 67(1), eq. 56 to 58.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> g = group_effects(m.fit)[0]
    >>> g.group, g.columns, g.modes.shape
    ('Subject', ('(Intercept)', 'Days'), (18, 2))
    """
    covariances = mode_covariances(fit) if cond_var else ()
    answers = []
    for index, factor in enumerate(fit.design.factors):
        mine = [t for t, term in enumerate(fit.design.terms) if term.factor == index]
        variances = [np.einsum("lii->li", covariances[t]) for t in mine if cond_var]
        answers.append(
            GroupEffects(
                factor.name,
                level_labels(factor),
                tuple(name for t in mine for name in fit.design.terms[t].columns),
                np.hstack([fit.modes[t] for t in mine]),
                np.hstack(variances) if variances else np.empty((factor.n_levels, 0)),
            )
        )
    return tuple(answers)


def ranef(fit: MixedFit, cond_var: bool = False) -> Table:
    """Conditional modes of the random effects as one long table.

    Parameters
    ----------
    fit : LmmFit or GlmmFit
        The fit.
    cond_var : bool
        Whether to add the conditional variances.

    Returns
    -------
    Table
        ``group level term estimate``, and ``cond_var`` (squared units of the effect) on request;
        by factor, then effect, then level.

    Raises
    ------
    OptionError
        When the fit has no random effects.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = ranef(m.fit, cond_var=True)
    >>> t["level"][0], t["estimate"][0].round(3).item(), t["cond_var"][0].round(2).item()
    ('308', 2.259, 145.71)
    """
    if not fit.design.terms:
        raise OptionError("this fit has no random effects; write them as (1 | g) in nw.lmer")
    effects = group_effects(fit, flag("cond_var", cond_var))
    columns = _long(effects, [g.columns for g in effects], [g.modes for g in effects])
    if cond_var and effects:
        columns["cond_var"] = np.concatenate([g.variances.ravel(order="F") for g in effects])
    return Table(columns)


def coef(fit: MixedFit, std_error: bool = False) -> Table:
    """Coefficients by group: fixed effects plus the modes of that group's own effects.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit.
    std_error : bool
        Whether to add standard errors, from the joint covariance of fixed and random effects.

    Returns
    -------
    Table
        ``group level term estimate [std_error]``, by factor, then coefficient, then level. An
        effect that has no fixed counterpart is a deviation from zero.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = coef(m.fit)
    >>> t["term"][18], t["level"][18], t["estimate"][18].round(3).item()
    ('Days', '308', 19.666)
    """
    effects = group_effects(fit)
    fixed = fit.design.fixed.names
    names = [fixed + tuple(c for c in dict.fromkeys(g.columns) if c not in fixed) for g in effects]
    totals = []
    for g, wanted in zip(effects, names, strict=True):
        total = np.zeros((len(g.levels), len(wanted)))
        total[:, : len(fixed)] = fit.beta
        for j, column in enumerate(g.columns):
            total[:, wanted.index(column)] += g.modes[:, j]
        totals.append(total)
    table = _long(effects, names, totals)
    if std_error:
        errors = [_errors(fit, f, wanted) for f, wanted in enumerate(names)]
        table["std_error"] = np.concatenate([e.ravel(order="F") for e in errors])
    return Table(table)


def _errors(fit: MixedFit, factor: int, names: tuple[str, ...]) -> FloatArray:
    if isinstance(fit, StructuredFit):
        return structured_coefficient_errors(fit, factor, names)
    return coefficient_errors(fit, factor, names)


def _long(
    effects: tuple[GroupEffects, ...], names: list[tuple[str, ...]], values: list[FloatArray]
) -> dict[str, AnyArray]:
    """Stack levels-by-effects matrices into the columns of one long table."""

    def text(parts: Iterator[AnyArray]) -> AnyArray:
        return np.concatenate([np.asarray(p, dtype=object) for p in parts])

    sizes = [(len(g.levels), len(n)) for g, n in zip(effects, names, strict=True)]
    return {
        "group": np.repeat(
            np.array([g.group for g in effects], dtype=object), [a * b for a, b in sizes]
        ),
        "level": text(
            np.tile(np.asarray(g.levels, dtype=object), k)
            for g, (_, k) in zip(effects, sizes, strict=True)
        ),
        "term": text(
            np.repeat(np.array(n, dtype=object), a) for n, (a, _) in zip(names, sizes, strict=True)
        ),
        "estimate": np.concatenate([v.ravel(order="F") for v in values]),
    }


@memo
def mode_covariances(fit: MixedFit) -> tuple[FloatArray, ...]:
    """(n_levels, k, k) covariance of the effects of each level given the data, by term.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit.
    """
    if isinstance(fit, StructuredFit):
        own = conditional_covariances(fit.problem, fit.par)
        return tuple(fit.sigma**2 * c for c in own)
    relative = conditional_covariance(fit.problem, fit.theta)
    return tuple(fit.sigma**2 * c for c in relative)
