"""Likelihood-ratio tests of a GLMM's terms: each is left out, and the rest fitted again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import chdtrc

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import FitError
from nestwise._base.table import Table
from nestwise.core.glmm import evaluate_glmm
from nestwise.design.model import Design, RandomTerm
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_model import make_glmm
from nestwise.fit.glmm_result import GlmmFit
from nestwise.inference.boundary import boundary_p
from nestwise.inference.fitmeasures import fit_measures
from nestwise.inference.ranova import reduced_design, reductions


def glmm_drop1(fit: GlmmFit) -> Table:
    """Likelihood-ratio tests of each fixed term that no other term contains.

    Parameters
    ----------
    fit : GlmmFit
        The fit.

    Returns
    -------
    Table
        ``term n_par loglik aic chisq df p_value``, the whole model in the first row.

    Source
    ------
    McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., section 3.5 (marginality).

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> t = glmm_drop1(m.fit)
    >>> t["term"].tolist(), t["df"].tolist(), t["chisq"][1].round(2).item()
    (['<none>', 'period'], [nan, 3.0], 25.61)
    """
    fixed = fit.design.fixed
    variables = [set(v) for v in fixed.variables]
    present = sorted(set(fixed.assign) - {-1})
    free = [t for t in present if not any(variables[t] < other for other in variables)]
    found = [_measured(fit, _without_term(fit.design, t)) for t in free]
    columns, df, chisq = _compared(fit, [fixed.terms[t] for t in free], found)
    return Table({**columns, "p_value": np.append(np.nan, chdtrc(np.maximum(df, 1), chisq))})


def glmm_ranova(fit: GlmmFit) -> Table:
    """Likelihood-ratio tests of the random terms, each reduced by one term.

    Parameters
    ----------
    fit : GlmmFit
        The fit.

    Returns
    -------
    Table
        ``term n_par loglik aic chisq df p_value p_boundary``, the whole model in the first row;
        see `nestwise.inference.ranova.ranova` for the two p values.

    Source
    ------
    Stram & Lee (1994), Biometrics 50, 1171-1177.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> t = glmm_ranova(m.fit)
    >>> t["term"].tolist(), t["chisq"][1].round(2).item()
    (['<none>', '(1 | herd)'], 14.01)
    """
    smaller = [(r.label, reduced_design(fit.design, r)) for r in reductions(fit.design)]
    found = [_measured(fit, design) for _, design in smaller]
    columns, df, chisq = _compared(fit, [label for label, _ in smaller], found)
    width = _n_columns(fit.design)
    removed = [width - _n_columns(design) for _, design in smaller]
    corrected = [boundary_p(x, int(d), k) for x, d, k in zip(chisq, df, removed, strict=True)]
    p_value = np.where(df > 0, chdtrc(np.maximum(df, 1), chisq), np.nan)
    return Table(
        {
            **columns,
            "p_value": np.append(np.nan, p_value),
            "p_boundary": np.append(np.nan, corrected),
        }
    )


def _compared(
    fit: GlmmFit, labels: list[str], found: list[tuple[int, float]]
) -> tuple[dict[str, AnyArray], FloatArray, FloatArray]:
    """Shared columns, and df and chi-square of the smaller models."""
    whole = fit_measures(fit)
    n_par = np.array([whole.n_par, *(n for n, _ in found)])
    loglik = np.array([whole.loglik, *(value for _, value in found)])
    df = (n_par[0] - n_par[1:]).astype(np.float64)
    chisq = np.maximum(2.0 * (loglik[0] - loglik[1:]), 0.0)
    columns = {
        "term": np.array(["<none>", *labels], dtype=object),
        "n_par": n_par,
        "loglik": loglik,
        "aic": 2.0 * (n_par - loglik),
        "chisq": np.append(np.nan, chisq),
        "df": np.append(np.nan, df),
    }
    return columns, df, chisq


def _without_term(design: Design, term: int) -> Design:
    fixed = design.fixed
    stay = [j for j, t in enumerate(fixed.assign) if t != term]
    part = replace(
        fixed,
        X=np.asfortranarray(fixed.X[:, stay]),
        names=tuple(fixed.names[j] for j in stay),
        assign=tuple(fixed.assign[j] for j in stay),
    )
    return replace(design, fixed=part)


def _n_columns(design: Design) -> int:
    return sum(len(t.columns) for t in design.terms)


def _measured(fit: GlmmFit, design: Design) -> tuple[int, float]:
    """Number of parameters and log-likelihood of a smaller model."""
    if design.terms:
        m = fit_measures(fit_glmm(design, fit.family, fit.link, fit.n_agq, fit.control))
        return m.n_par, m.loglik
    return fit.beta.size + int(fit.phi is not None), fixed_loglik(fit)


def fixed_loglik(fit: GlmmFit) -> float:
    """Log-likelihood of the generalised linear model with the same fixed effects.

    With random effects of variance zero Laplace's approximation is exact.

    Raises
    ------
    FitError
        When it has no maximum that can be found.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> round(fixed_loglik(m.fit), 3)
    -99.029
    """
    term = RandomTerm(fit.design.factors[0].name, 0, ("(Intercept)",), (None,), "us", (-1,), 0)
    design = replace(fit.design, factors=fit.design.factors[:1], terms=(term,))
    model = make_glmm(design, fit.family, fit.link, fit.control, centre=False)
    last = [] if model.start.phi is None else [np.log(model.start.phi)]
    start = np.concatenate([model.start.beta, last])

    def criterion(psi: FloatArray) -> tuple[float, FloatArray]:
        found = evaluate_glmm(model.problem, np.concatenate([[0.0], psi]), None, 1)
        if not len(found.gradient):
            return np.inf, np.zeros(len(psi))
        return found.value, found.gradient[1:]

    best = minimize(criterion, start, jac=True, method="BFGS", options={"gtol": 1e-6})
    slope = np.abs(np.asarray(best.jac, dtype=np.float64)).max(initial=0.0)
    if not np.isfinite(best.fun) or slope > 1e-2:
        raise FitError(
            "the model without random effects cannot be fitted: its likelihood seems to have no "
            "maximum"
        )
    return -0.5 * float(best.fun)
