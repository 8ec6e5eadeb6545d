"""Comparison of fits: likelihood-ratio tests, and F tests among linear models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import chdtrc, fdtrc

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import DataError, OptionError
from nestwise._base.table import Table
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.structured import fit_structured
from nestwise.inference.fitmeasures import FitMeasures, fit_measures
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, LmmFit, StructuredFit
from nestwise.inference.nested import at_limit, not_nested

REFITTED = (
    "The REML fits were refitted by ML, because restricted likelihoods do not compare across "
    "different fixed effects."
)


QUADRATURE = (
    "The likelihoods were approximated with different numbers of quadrature points (nAGQ), so that "
    "part of their difference is that of the approximations."
)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One model of a comparison.

    Parameters
    ----------
    name : str
        How the table calls it.
    fit : LmmFit or LmFit
        The fit that is compared.
    measures : FitMeasures
        Its likelihood and number of parameters.
    """

    name: str
    fit: Fit
    measures: FitMeasures


def likelihood_ratio(fits: Sequence[Fit], names: Sequence[str], refit: bool = True) -> Table:
    """Likelihood-ratio tests between successive models, fewest parameters first.

    Parameters
    ----------
    fits : sequence of LmmFit or LmFit
        Two or more fits to the same rows.
    names : sequence of str
        What to call them.
    refit : bool
        Whether REML fits are first refitted by ML; without it their restricted likelihoods are
        compared, which is right only when the fixed effects are the same.

    Returns
    -------
    Table
        ``model n_par aic bic loglik deviance chisq df p_value``; the note tells of refitting.

    Raises
    ------
    OptionError
        When there are fewer than two fits, or restricted likelihoods of different kinds are mixed.
    DataError
        When the fits do not have the same rows, response or weights.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> m0 = m.update(". ~ 1 + (Days | Subject)")
    >>> t = likelihood_ratio([m0.fit, m.fit], ["without", "with"])
    >>> t["model"].tolist(), t["chisq"][1].round(3).item()
    (['without', 'with'], 23.537)
    """
    check_comparable(fits)
    reml = [isinstance(fit, (LmmFit, StructuredFit)) and fit.reml for fit in fits]
    used = [_by_ml(fit) for fit in fits] if refit else list(fits)
    if not refit:
        _check_restricted(fits, reml)
    found = [Candidate(n, f, fit_measures(f)) for n, f in zip(names, used, strict=True)]
    ranked = sorted(found, key=lambda c: c.measures.n_par)
    notes = [REFITTED] if refit and any(reml) else []
    points = {fit.n_agq for fit in used if isinstance(fit, GlmmFit)}
    notes += [QUADRATURE] if len(points) > 1 else []
    return Table(
        _columns(ranked),
        " ".join(notes + _not_nested(ranked) + _at_limit(ranked) + _boundary(ranked)),
    )


def f_comparison(fits: Sequence[LmFit], names: Sequence[str]) -> Table:
    """F tests between successive linear models, in the order given, as R's ``anova(lm0, lm1)``.

    Parameters
    ----------
    fits : sequence of LmFit
        Two or more linear models of the same rows.
    names : sequence of str
        What to call them.

    Returns
    -------
    Table
        ``model df_resid rss df sum_sq f_value p_value``; the scale is the mean square of the
        largest model.

    Raises
    ------
    OptionError
        When there are fewer than two fits.
    DataError
        When the fits do not have the same rows, response or weights.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> m0 = m.update(". ~ 1")
    >>> f_comparison([m0.fit, m.fit], ["without", "with"])["f_value"][1].round(2).item()
    71.46
    """
    check_comparable(fits)
    df_resid = np.array([fit.df_resid for fit in fits])
    rss = np.array([fit.rss for fit in fits])
    largest = int(np.argmin(df_resid))
    df, sum_sq = _steps(-df_resid.astype(np.float64)), _steps(-rss)
    f_value = np.full(df.size, np.nan)
    np.divide(sum_sq, df, out=f_value, where=np.abs(df) > 0.0)
    f_value /= rss[largest] / df_resid[largest]
    p_value = fdtrc(np.abs(df), df_resid[largest], f_value)
    return Table(
        {
            "model": np.array(names, dtype=object),
            "df_resid": df_resid,
            "rss": rss,
            "df": df,
            "sum_sq": sum_sq,
            "f_value": f_value,
            "p_value": np.where(np.isfinite(f_value), p_value, np.nan),
        }
    )


def check_comparable(fits: Sequence[Fit]) -> None:
    """Refuse fits that do not describe the same data.

    Raises
    ------
    OptionError
        When there are fewer than two fits.
    DataError
        When rows, responses or weights differ; the message says which and what to do.

    Examples
    --------
    >>> check_comparable([None])
    Traceback (most recent call last):
    nestwise._base.errors.OptionError: anova compares two or more fits; 1 was given
    """
    if len(fits) < 2:
        raise OptionError(f"anova compares two or more fits; {len(fits)} was given")
    first = fits[0].design
    for number, fit in enumerate(fits[1:], start=2):
        design = fit.design
        if design.y.size != first.y.size:
            raise DataError(
                f"the models were fitted to different rows: model 1 has {first.y.size}, model "
                f"{number} has {design.y.size}, perhaps because of missing values; fit both to a "
                "table from which the incomplete rows were removed"
            )
        if not np.array_equal(design.y, first.y):
            raise DataError(
                f"model 1 and model {number} have different responses or rows "
                f"({first.formula.text!r} and {design.formula.text!r}); likelihoods compare only "
                "for the same response on the same rows"
            )
        if not _same(design.weights, first.weights):
            raise DataError(
                f"model 1 and model {number} have different prior weights; fit both with the same"
            )


def _same(a: object, b: object) -> bool:
    return (a is None) == (b is None) and (a is None or np.array_equal(a, b))  # type: ignore[arg-type]


def _check_restricted(fits: Sequence[Fit], reml: list[bool]) -> None:
    if not any(reml):
        return
    names = {fit.design.fixed.names for fit in fits}
    if not all(reml) or len(names) > 1:
        raise OptionError(
            "refit=False compares restricted likelihoods, which differ by more than the fit when "
            "the fixed effects differ or some models are fitted by ML; use refit=True"
        )


def _by_ml(fit: Fit) -> Fit:
    if isinstance(fit, StructuredFit) and fit.reml:
        return fit_structured(fit.design, reml=False, control=fit.control, start=fit.par)
    if isinstance(fit, LmmFit) and fit.reml:
        return fit_lmm(fit.design, reml=False, control=fit.control)
    return fit


def _steps(values: FloatArray) -> FloatArray:
    return np.concatenate([[np.nan], np.diff(values)])


def _columns(ranked: Sequence[Candidate]) -> dict[str, AnyArray]:
    m = [c.measures for c in ranked]
    n_par = np.array([one.n_par for one in m])
    loglik = np.array([one.loglik for one in m])
    df, chisq = _steps(n_par.astype(np.float64)), np.maximum(_steps(2.0 * loglik), 0.0)
    tested = np.nan_to_num(df) > 0.0
    p_value = np.where(tested, chdtrc(np.where(tested, df, 1.0), np.nan_to_num(chisq)), np.nan)
    return {
        "model": np.array([c.name for c in ranked], dtype=object),
        "n_par": n_par,
        "aic": np.array([one.aic for one in m]),
        "bic": np.array([one.bic for one in m]),
        "loglik": loglik,
        "deviance": -2.0 * loglik,
        "chisq": chisq,
        "df": df,
        "p_value": p_value,
    }


def _n_effects(fit: Fit) -> int:
    """Parameters of the random effects."""
    if isinstance(fit, StructuredFit):
        return fit.theta.size
    return fit.par.size if isinstance(fit, (LmmFit, GlmmFit)) else 0


def _not_nested(ranked: Sequence[Candidate]) -> list[str]:
    for one, other in pairwise(ranked):
        reason = not_nested(one.fit, other.fit)
        if reason and one.measures.n_par < other.measures.n_par:
            return [
                f"{one.name!r} is not nested in {other.name!r} ({reason}), so that the chi-squared "
                "distribution does not hold for their likelihood ratio; compare them by AIC or BIC."
            ]
    return []


def _at_limit(ranked: Sequence[Candidate]) -> list[str]:
    if not any(at_limit(one.fit, other.fit) for one, other in pairwise(ranked)):
        return []
    return [
        "A distribution is another one at the limit of its dispersion, a boundary: the p value of "
        "that comparison is too large."
    ]


def _boundary(ranked: Sequence[Candidate]) -> list[str]:
    sizes = {_n_effects(c.fit) for c in ranked}
    if len(sizes) == 1:
        return []
    return [
        "The models differ in their random effects: a variance of zero lies on the boundary, so "
        "these p values are too large."
    ]
