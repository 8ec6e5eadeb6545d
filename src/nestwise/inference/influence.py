"""What the fit would be without one row, or without one group.

Source: Cook (1977), Technometrics 19, 15-18; Belsley, Kuh & Welsch (1980); Demidenko & Stukel
(2005), Stat. Med. 24, 893-909; Christensen, Pearson & Johnson (1992), Technometrics 34, 38-45.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import NestwiseError, OptionError, did_you_mean
from nestwise._base.table import Table
from nestwise.design import level_labels
from nestwise.inference.deletion import Parts, groups_left_out, rows_left_out
from nestwise.inference.kinds import EquationsFit, LmFit, StructuredFit
from nestwise.inference.leverage import hatvalues
from nestwise.inference.refitting import fit_to_rows, take_rows
from nestwise.inference.residuals import residuals
from nestwise.inference.structured.deletion import structured_left_out
from nestwise.inference.wald import vcov

Influenced: TypeAlias = EquationsFit | LmFit | StructuredFit
"""Fits that can be asked what they would be without some of their rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Fits without each row, or each level of a grouping factor.

    Parameters
    ----------
    by : str or None
        The grouping factor; None for single rows.
    levels : (g,) ndarray
        Its levels, or the numbers of the rows from 0.
    names : tuple of str
        Coefficients.
    beta, std_error : (g, p) float64
        Estimates without the level and their standard errors; NaN where it cannot be left out.
    sigma : (g,) float64
        Residual standard deviation without the level (1 where a family has no scale).
    cooks_distance : (g,) float64
        (beta - beta_(i))' V^-1 (beta - beta_(i)) / p, V of the whole fit.
    dfbeta, dfbetas : (g, p) float64
        beta - beta_(i), and that over the standard error without the level (of a linear model:
        sigma without the row times the root of the whole fit's (X'WX)^-1, as R's ``dfbetas``).
    exact : bool
        Whether the model was refitted each time; else theta was held.
    n_failed : int
        Levels without which the model cannot be fitted.
    """

    by: str | None
    levels: AnyArray
    names: tuple[str, ...]
    beta: FloatArray
    std_error: FloatArray
    sigma: FloatArray
    cooks_distance: FloatArray
    dfbeta: FloatArray
    dfbetas: FloatArray
    exact: bool
    n_failed: int

    @property
    def table(self) -> Table:
        """Long: ``level term estimate std_error dfbeta dfbetas cooks_distance sigma``."""
        g, p = self.beta.shape
        note = f"{self.n_failed} of {g} could not be left out" if self.n_failed else ""
        return Table(
            {
                "row" if self.by is None else "level": np.repeat(self.levels, p),
                "term": np.tile(np.array(self.names, dtype=object), g),
                "estimate": self.beta.ravel(),
                "std_error": self.std_error.ravel(),
                "dfbeta": self.dfbeta.ravel(),
                "dfbetas": self.dfbetas.ravel(),
                "cooks_distance": np.repeat(self.cooks_distance, p),
                "sigma": np.repeat(self.sigma, p),
            },
            note,
        )


def cooks_distance(fit: EquationsFit | LmFit) -> FloatArray:
    """Cook's distance of every row from residual and leverage, theta held.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or LmFit
        The fit.

    Returns
    -------
    (n,) float64
        (r / (1 - h))^2 h / (sigma^2 p), r the Pearson residual, as R's ``cooks.distance``; of a
        mixed model it weighs changes of the fitted values, random effects included. NaN where the
        leverage is one.

    Source
    ------
    Cook (1977), eq. 5; Pregibon (1981), Ann. Statist. 9, 705-724, for generalised models.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> cooks_distance(m.fit)[:2].round(4).tolist()
    [0.005, 0.0402]
    """
    h, r = hatvalues(fit), residuals(fit, "scaled")
    out = np.full(h.size, np.nan)
    free = h < 1.0 - 1e-10
    out[free] = (r[free] / (1.0 - h[free])) ** 2 * h[free] / max(fit.beta.size, 1)
    return out


def influence(fit: Influenced, by: str | None = None, exact: bool = True) -> Influence:
    """Leave out each row, or each level of a grouping factor, in turn.

    Parameters
    ----------
    fit : LmmFit, GlmmFit, LmFit or StructuredFit
        The fit.
    by : str, optional
        Grouping factor, or the subject of a residual structure; by default single rows.
    exact : bool
        Whether to fit the model again each time. Otherwise theta is held (one step, of a
        generalised model from the working linear mixed model at the mode): then everything follows
        from the factorised mixed-model equations. A linear model has no theta, and both are the
        same.

    Returns
    -------
    Influence

    Raises
    ------
    OptionError
        When `by` is no grouping factor of the fit.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> i = influence(m.fit, "Subject")
    >>> i.levels[np.argmax(i.cooks_distance)], i.cooks_distance.max().round(3).item()
    ('309', 0.149)
    """
    if not isinstance(exact, bool):
        raise OptionError(f"exact={exact!r} is neither True nor False")
    levels, codes = _levels(fit, by)
    if not isinstance(fit, LmFit) and exact:
        parts = _refitted(fit, codes, len(levels))
    elif isinstance(fit, StructuredFit):
        parts = structured_left_out(fit, codes, len(levels))
    elif by is None:
        parts = rows_left_out(fit)
    else:
        assert not isinstance(fit, LmFit)
        parts = groups_left_out(fit, codes, len(levels))
    beta, std_error, sigma = parts
    change = fit.beta - beta
    inverse = np.linalg.inv(vcov(fit)) if fit.beta.size else np.zeros((0, 0))
    cook = np.einsum("gi,ij,gj->g", change, inverse, change) / max(fit.beta.size, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = change / (_deleted_scale(fit, sigma) if isinstance(fit, LmFit) else std_error)
    return Influence(
        by=by,
        levels=levels,
        names=fit.design.fixed.names,
        beta=beta,
        std_error=std_error,
        sigma=sigma,
        cooks_distance=cook,
        dfbeta=change,
        dfbetas=scaled,
        exact=exact,
        n_failed=int(np.isnan(sigma).sum()),
    )


def _deleted_scale(fit: LmFit, sigma: FloatArray) -> FloatArray:
    """Standard errors with sigma of the deleted fit but X of the whole: what R's lm divides by."""
    return np.asarray(np.outer(sigma, np.sqrt(np.diag(fit.unscaled_vcov))), dtype=np.float64)


def _levels(fit: Influenced, by: str | None) -> tuple[AnyArray, AnyArray]:
    """Labels, and the position of every row among them."""
    if by is None:
        n = fit.design.y.size
        return np.arange(n), np.arange(n)
    factors = list(fit.design.factors)
    part = fit.design.residual
    if part is not None and part.subject is not None:
        factors.append(part.subject)
    names = [factor.name for factor in factors]
    if by not in names:
        raise OptionError(
            f"by={by!r} is no grouping factor of the fit{did_you_mean(str(by), names)}"
        )
    factor = factors[names.index(by)]
    return np.asarray(level_labels(factor), dtype=object), factor.codes


def _refitted(fit: EquationsFit | StructuredFit, codes: AnyArray, n_levels: int) -> Parts:
    p = fit.beta.size
    beta, errors = np.full((n_levels, p), np.nan), np.full((n_levels, p), np.nan)
    sigma = np.full(n_levels, np.nan)
    for g in range(n_levels):
        left = take_rows(fit.design, np.flatnonzero(codes != g))
        try:
            again = fit_to_rows(fit, left)
        except (NestwiseError, np.linalg.LinAlgError):
            continue
        beta[g], sigma[g] = again.beta, again.sigma
        errors[g] = np.sqrt(np.diag(vcov(again)))
    return beta, errors, sigma
