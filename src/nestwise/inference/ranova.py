"""Tests of the random terms: each reduced by one of its terms, by likelihood ratio."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc

from nestwise._base.errors import OptionError
from nestwise._base.table import Table
from nestwise.core.lmm import degrees
from nestwise.design.model import Design, RandomTerm
from nestwise.fit.lm import residual_sum_of_squares
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.result import LmmFit
from nestwise.fit.structured import fit_structured
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.boundary import boundary_p
from nestwise.inference.fitmeasures import fit_measures

CONSTANT = 1e-10
"""Share of n that a sum of squares may have and still be zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """One way to make the random part smaller.

    Parameters
    ----------
    label : str
        As lmerTest has it: ``(1 | g)``, ``x in (x | g)``.
    position : int
        The term of ``design.terms`` that it concerns.
    term : RandomTerm or None
        What becomes of it; None when it goes altogether.
    dropped : int or None
        Index in ``bar.within.terms`` of what is left out; None for the intercept.
    """

    label: str
    position: int
    term: RandomTerm | None
    dropped: int | None


def reductions(design: Design) -> tuple[Reduction, ...]:
    """Every reduction of one random term by one term, in the order of the formula.

    Of ``(a * b | g)`` only ``a:b`` can go, since it contains the others. A factor without an
    intercept, ``(0 + f | g)``, is reduced to ``(1 | g)``; a covariate, ``(0 + x | g)``, to nothing.

    Parameters
    ----------
    design : Design
        With random terms.

    Returns
    -------
    tuple of Reduction

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days || Subject)", nw.load_dataset("sleepstudy"))
    >>> [r.label for r in reductions(m.fit.design)]
    ['(1 | Subject)', 'Days in (0 + Days | Subject)']
    """
    order = sorted(range(len(design.terms)), key=lambda k: design.terms[k].bar)
    return tuple(r for k in order for r in _of_term(design, k))


def _of_term(design: Design, position: int) -> list[Reduction]:
    term = design.terms[position]
    bar = design.formula.random[term.bar]
    present = sorted(set(term.assign) - {-1})
    if not present:
        return [Reduction(f"({bar.label})", position, None, None)]
    variables = {t: set(bar.within.terms[t].variables) for t in present}
    marginal = [t for t in present if not any(variables[t] < variables[o] for o in present)]
    return [
        Reduction(
            f"{bar.within.terms[t].label} in ({bar.label})", position, _without(design, term, t), t
        )
        for t in marginal
    ]


def _without(design: Design, term: RandomTerm, dropped: int) -> RandomTerm | None:
    stay = [j for j, t in enumerate(term.assign) if t != dropped]
    columns = tuple(term.columns[j] for j in stay)
    Z = tuple(term.Z[j] for j in stay)
    assign = tuple(term.assign[j] for j in stay)
    if -1 not in term.assign and _spans_ones(term) and not _has_intercept(design, term):
        columns, Z, assign = ("(Intercept)", *columns), (None, *Z), (-1, *assign)
    if not columns:
        return None
    structure = term.structure if len(columns) > 1 else "us"
    return replace(term, columns=columns, Z=Z, assign=assign, structure=structure)


def _spans_ones(term: RandomTerm) -> bool:
    """Whether the columns of a term without an intercept add up to one, as those of a factor."""
    total = np.sum([np.ones(1) if z is None else z for z in term.Z], axis=0)
    return bool(np.sum((total - 1.0) ** 2) <= CONSTANT * total.size)


def _has_intercept(design: Design, term: RandomTerm) -> bool:
    return any(
        other is not term and other.factor == term.factor and None in other.Z
        for other in design.terms
    )


def reduced_design(design: Design, reduction: Reduction) -> Design:
    """The design after a reduction; grouping factors that nothing needs any more are left out."""
    terms = [t for k, t in enumerate(design.terms) if k != reduction.position]
    if reduction.term is not None:
        terms.insert(reduction.position, reduction.term)
    used = sorted({t.factor for t in terms})
    return replace(
        design,
        factors=tuple(design.factors[f] for f in used),
        terms=tuple(replace(t, factor=used.index(t.factor)) for t in terms),
    )


def ranova(fit: LmmFit | StructuredFit) -> Table:
    """Test the random terms, each reduced by one term, by likelihood ratio.

    The models are fitted by the criterion of the fit: with REML restricted likelihoods are
    compared, which is right since the fixed effects are the same.

    Parameters
    ----------
    fit : LmmFit or StructuredFit
        The fit; a residual structure stays as it is.

    Returns
    -------
    Table
        ``term n_par loglik aic chisq df p_value p_boundary``, the whole model in the first row.
        `p_value` refers to chi-square with `df` degrees of freedom, as lmerTest's, and is too
        large since variances cannot be negative; `p_boundary` allows for that.

    Raises
    ------
    OptionError
        When there are no random effects.

    Source
    ------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 3; Stram & Lee
    (1994), Biometrics 50, 1171-1177.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = ranova(m.fit)
    >>> t["term"].tolist(), t["chisq"].round(3).tolist()
    (['<none>', 'Days in (Days | Subject)'], [nan, 42.837])
    """
    if not fit.design.terms:
        raise OptionError(
            "ranova tests random effects, and this model has none; compare_structures(...) "
            "compares residual structures"
        )
    found = reductions(fit.design)
    rows = [(fit_measures(fit).n_par, fit_measures(fit).loglik)]
    removed = []
    for reduction in found:
        smaller = reduced_design(fit.design, reduction)
        rows.append(_measured(fit, smaller))
        removed.append(_n_columns(fit.design) - _n_columns(smaller))
    n_par = np.array([n for n, _ in rows])
    loglik = np.array([value for _, value in rows])
    df = n_par[0] - n_par[1:]
    chisq = np.maximum(2.0 * (loglik[0] - loglik[1:]), 0.0)
    p_value = np.where(df > 0, chdtrc(np.maximum(df, 1), chisq), np.nan)
    corrected = [boundary_p(x, int(d), k) for x, d, k in zip(chisq, df, removed, strict=True)]
    return Table(
        {
            "term": np.array(["<none>", *(r.label for r in found)], dtype=object),
            "n_par": n_par,
            "loglik": loglik,
            "aic": 2.0 * (n_par - loglik),
            "chisq": np.append(np.nan, chisq),
            "df": np.append(np.nan, df),
            "p_value": np.append(np.nan, p_value),
            "p_boundary": np.append(np.nan, corrected),
        }
    )


def _n_columns(design: Design) -> int:
    return sum(len(t.columns) for t in design.terms)


def _measured(fit: LmmFit | StructuredFit, design: Design) -> tuple[int, float]:
    """Number of parameters and log-likelihood of a smaller model, by the criterion of the fit."""
    if isinstance(fit, StructuredFit):
        m = fit_measures(fit_structured(design, reml=fit.reml, control=fit.control))
        return m.n_par, m.loglik
    if design.terms:
        m = fit_measures(fit_lmm(design, reml=fit.reml, control=fit.control))
        return m.n_par, m.loglik
    return fit.beta.size + 1, _linear_loglik(fit, degrees(fit.problem, fit.reml))


def _linear_loglik(fit: LmmFit, df: int) -> float:
    """(Restricted) log-likelihood of the linear model with the same fixed effects."""
    design = fit.design
    X, w = design.fixed.X, design.weights
    y = design.y if design.offset is None else design.y - design.offset
    rss = residual_sum_of_squares(X, y, w)
    value = df * (1.0 + float(np.log(2.0 * np.pi * rss / df))) - fit.problem.log_weights
    if fit.reml:
        value += float(np.linalg.slogdet(X.T @ (X if w is None else X * w[:, None]))[1])
    return -0.5 * value
