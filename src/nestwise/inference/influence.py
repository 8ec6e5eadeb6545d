"""What the fit would be without one row, or without one group.

Source: Cook (1977), Technometrics 19, 15-18; Belsley, Kuh & Welsch (1980); Demidenko & Stukel
(2005), Stat. Med. 24, 893-909; Christensen, Pearson & Johnson (1992), Technometrics 34, 38-45.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import NestwiseError, OptionError, did_you_mean
from nestwise._base.table import Table
from nestwise.core.equations import Rows, beta_covariance, joint_covariance
from nestwise.core.lmm import degrees
from nestwise.design import level_labels
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.result import LmmFit
from nestwise.inference.kinds import LmFit, PlainFit
from nestwise.inference.leverage import hatvalues
from nestwise.inference.model_rows import equation_rows, model_rows
from nestwise.inference.refitting import take_rows
from nestwise.inference.residuals import residuals
from nestwise.inference.wald import vcov


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
        Residual standard deviation without the level.
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


def cooks_distance(fit: PlainFit) -> FloatArray:
    """Cook's distance of every row from residual and leverage, theta held.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    (n,) float64
        (r / (1 - h))^2 h / (sigma^2 p), r the Pearson residual, as R's ``cooks.distance``; of a
        mixed model it weighs changes of the fitted values, random effects included. NaN where the
        leverage is one.

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


def influence(fit: PlainFit, by: str | None = None, exact: bool = True) -> Influence:
    """Leave out each row, or each level of a grouping factor, in turn.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    by : str, optional
        Grouping factor; by default single rows.
    exact : bool
        Whether to fit the model again each time, beginning at the fit's theta. Otherwise theta is
        held (one step): then everything follows from the factorised mixed-model equations. A
        linear model has no theta, and both are the same.

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
    if isinstance(fit, LmmFit) and exact:
        parts = _refitted(fit, codes, len(levels))
    elif by is None:
        parts = _rows_left_out(fit)
    else:
        assert isinstance(fit, LmmFit)
        parts = _groups_left_out(fit, codes, len(levels))
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


Parts = tuple[FloatArray, FloatArray, FloatArray]
"""beta (g, p), standard errors (g, p) and sigma (g,) without each level."""


def _levels(fit: PlainFit, by: str | None) -> tuple[AnyArray, AnyArray]:
    """Labels, and the position of every row among them."""
    if by is None:
        n = fit.design.y.size
        return np.arange(n), np.arange(n)
    names = [factor.name for factor in fit.design.factors]
    if by not in names:
        raise OptionError(
            f"by={by!r} is no grouping factor of the fit{did_you_mean(str(by), names)}"
        )
    factor = fit.design.factors[names.index(by)]
    return np.asarray(level_labels(factor), dtype=object), factor.codes


def _refitted(fit: LmmFit, codes: AnyArray, n_levels: int) -> Parts:
    p = fit.beta.size
    beta, errors = np.full((n_levels, p), np.nan), np.full((n_levels, p), np.nan)
    sigma = np.full(n_levels, np.nan)
    for g in range(n_levels):
        left = take_rows(fit.design, np.flatnonzero(codes != g))
        try:
            again = fit_lmm(left, reml=fit.reml, control=fit.control, start=fit.theta)
        except (NestwiseError, np.linalg.LinAlgError):
            continue
        beta[g], sigma[g] = again.beta, again.sigma
        errors[g] = np.sqrt(np.diag(vcov(again)))
    return beta, errors, sigma


def _whitened(fit: LmmFit, rows: Rows) -> tuple[Rows, FloatArray]:
    """Rows times the square root of their prior weights, and those roots."""
    w = fit.design.weights
    root = np.ones(len(rows.X)) if w is None else np.sqrt(w)
    scaled = Rows(rows.X * root[:, None], rows.levels, tuple(z * root[:, None] for z in rows.Z))
    return scaled, root


def _rows_left_out(fit: PlainFit) -> Parts:
    """Each row by itself: a downdate of rank one."""
    h, e = hatvalues(fit), residuals(fit, "pearson")
    free = np.where(h < 1.0 - 1e-10, 1.0 - h, np.nan)
    if isinstance(fit, LmFit):
        w = fit.design.weights
        root = np.ones(e.size) if w is None else np.sqrt(w)
        cov = (fit.design.fixed.X * root[:, None]) @ fit.unscaled_vcov
        total, df = fit.rss, fit.df_resid
    else:
        cov = beta_covariance(
            fit.problem, fit.theta, _whitened(fit, equation_rows(fit, model_rows(fit)))[0]
        )
        total, df = fit.pwrss, degrees(fit.problem, fit.reml)
    beta = fit.beta - cov * (e / free)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        sigma = np.sqrt((total - e**2 / free) / (df - 1))
    variance = np.diag(fit.unscaled_vcov) + cov**2 / free[:, None]
    return beta, sigma[:, None] * np.sqrt(variance), sigma


def _groups_left_out(fit: LmmFit, codes: AnyArray, n_levels: int) -> Parts:
    """All rows of a level at once: with t its rows and e its residuals, (I - t K^-1 t')^-1 e.

    The rows are written B times a basis of as few rows as there are columns that they touch, so
    that only matrices of that order are solved.
    """
    rows = _whitened(fit, equation_rows(fit, model_rows(fit)))[0]
    e = residuals(fit, "pearson")
    df, p = degrees(fit.problem, fit.reml), fit.beta.size
    beta, errors = np.full((n_levels, p), np.nan), np.full((n_levels, p), np.nan)
    sigma = np.full(n_levels, np.nan)
    for g, index in enumerate(_members(codes, n_levels)):
        basis, B = _basis(rows, index)
        every = joint_covariance(fit.problem, fit.theta, basis)
        G, cov = every[p:, p:], every[:p, p:]
        left = np.eye(len(G)) - B.T @ B @ G
        if len(index) >= df or np.linalg.cond(left) > 1e10:
            continue
        # B'(I - B G B')^-1 = (I - B'B G)^-1 B' has the order of G.
        inner = np.linalg.solve(left, B.T @ np.column_stack([e[index], B]))
        z, S = inner[:, 0], inner[:, 1:]
        beta[g] = fit.beta - cov @ z
        lost = float(e[index] @ e[index] + (B.T @ e[index]) @ G @ z)
        sigma[g] = np.sqrt((fit.pwrss - lost) / (df - len(index)))
        variance = np.diag(fit.unscaled_vcov) + np.einsum("ij,jk,ik->i", cov, S, cov)
        errors[g] = sigma[g] * np.sqrt(variance)
    return beta, errors, sigma


def _basis(rows: Rows, index: AnyArray) -> tuple[Rows, FloatArray]:
    """Unit rows for beta, then a basis of the rows chosen; and the rows as B times that basis.

    The basis is the rows themselves, or one unit row for every column that they touch when that
    makes fewer.
    """
    p, n = rows.X.shape[1], len(index)
    touched = [np.unique(level[index][level[index] >= 0]) for level in rows.levels]
    sizes = [z.shape[1] * len(t) for z, t in zip(rows.Z, touched, strict=True)]
    units = p + sum(sizes)
    r = p + min(units, n)
    X = np.zeros((r, p))
    X[:p] = np.eye(p)
    levels = [np.full(r, -1, dtype=np.int32) for _ in rows.levels]
    Z = [np.zeros((r, z.shape[1])) for z in rows.Z]
    if units >= n:
        X[p:] = rows.X[index]
        for f, (level, z) in enumerate(zip(rows.levels, rows.Z, strict=True)):
            levels[f][p:], Z[f][p:] = level[index], z[index]
        return Rows(X, tuple(levels), tuple(Z)), np.eye(n)
    X[p : 2 * p] = np.eye(p)
    B, at = np.zeros((n, units)), p
    B[:, :p] = rows.X[index]
    for f, (level, z, t) in enumerate(zip(rows.levels, rows.Z, touched, strict=True)):
        k, here = z.shape[1], level[index]
        for one in t:
            levels[f][p + at : p + at + k] = one
            Z[f][p + at : p + at + k] = np.eye(k)
            B[:, at : at + k] = np.where((here == one)[:, None], z[index], 0.0)
            at += k
    return Rows(X, tuple(levels), tuple(Z)), B


def _members(codes: AnyArray, n_levels: int) -> list[AnyArray]:
    """Rows of every level."""
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=n_levels))[:-1]
    return np.split(order, ends)
