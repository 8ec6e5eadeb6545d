"""Rows or groups left out with the covariance parameters held: downdates of the equations.

Of a generalised model the equations are those of the working linear mixed model at the mode, and
the answer is one Newton step from the estimates: the score of the rows that are left is minus that
of the others.

Source: Demidenko & Stukel (2005), Stat. Med. 24, 893-909; Christensen, Pearson & Johnson (1992),
Technometrics 34, 38-45; Pregibon (1981), Ann. Statist. 9, 705-724 (one step); Xiang, Tse & Lee
(2002), Comput. Stat. Data Anal. 40, 759-774 (generalised linear mixed models).
"""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.equations import Rows, beta_covariance, joint_covariance
from nestwise.core.lmm import degrees, unscaled_vcov
from nestwise.core.threads import SMALL, limited
from nestwise.fit.glmm_working import working_rows
from nestwise.inference.kinds import EquationsFit, GlmmFit, LmFit
from nestwise.inference.leverage import hatvalues
from nestwise.inference.model_rows import equation_rows, model_rows
from nestwise.inference.residuals import residuals

SINGULAR = 1e10
"""Condition from which a group cannot be left out: the others determine the model no more."""

Parts = tuple[FloatArray, FloatArray, FloatArray]
"""beta (g, p), standard errors (g, p) and sigma (g,) without each level."""


def rows_left_out(fit: EquationsFit | LmFit) -> Parts:
    """Each row by itself: a downdate of rank one.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or LmFit
        The fit.
    """
    h = hatvalues(fit)
    free = np.where(h < 1.0 - 1e-10, 1.0 - h, np.nan)
    weights, errors = _weighted(fit)
    if isinstance(fit, LmFit):
        cov, C = fit.design.fixed.X @ fit.unscaled_vcov, fit.unscaled_vcov
    else:
        rows = equation_rows(fit, model_rows(fit))
        cov, C = beta_covariance(fit.problem, fit.theta, rows), _covariance(fit)
    beta = fit.beta - cov * (weights * errors / free)[:, None]
    sigma = _sigma(fit, weights * errors**2 / free, 1)
    variance = np.diag(C) + cov**2 * (weights / free)[:, None]
    return beta, sigma[:, None] * np.sqrt(np.maximum(variance, 0.0)), sigma


def _weighted(fit: EquationsFit | LmFit) -> tuple[FloatArray, FloatArray]:
    """(n,) weights of the rows, and what the (working) response leaves."""
    if isinstance(fit, GlmmFit):
        working = working_rows(fit)
        return fit.sigma**2 * working.weights, working.residuals
    w = fit.design.weights
    return np.ones(fit.design.y.size) if w is None else w, residuals(fit, "response")


def _covariance(fit: EquationsFit) -> FloatArray:
    """(p, p) covariance of the coefficients given theta, over sigma^2."""
    if not isinstance(fit, GlmmFit):
        return fit.unscaled_vcov
    return unscaled_vcov(fit.problem, fit.theta)


def _sigma(fit: EquationsFit | LmFit, lost: FloatArray, n_rows: AnyArray | int) -> FloatArray:
    """(g,) residual standard deviation without what is lost; that of a GLMM is held."""
    if isinstance(fit, GlmmFit):
        return np.where(np.isnan(lost), np.nan, fit.sigma)
    if isinstance(fit, LmFit):
        total, df = fit.rss, fit.df_resid
    else:
        total, df = fit.pwrss, degrees(fit.problem, fit.reml)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt((total - lost) / (df - n_rows)))


def groups_left_out(fit: EquationsFit, codes: AnyArray, n_levels: int) -> Parts:
    """All rows of a level at once: with t its rows and e its residuals, (I - t K^-1 t')^-1 e.

    The rows are written B times a basis of as few rows as there are columns that they touch, so
    that only matrices of that order are solved.

    Parameters
    ----------
    fit : LmmFit or GlmmFit
        The fit.
    codes : (n,) int
        Level of each row.
    n_levels : int
        Number of levels.
    """
    rows = equation_rows(fit, model_rows(fit))
    weights, errors = _weighted(fit)
    p, most = fit.beta.size, fit.design.y.size - fit.beta.size
    C = np.diag(_covariance(fit))
    beta, variance = np.full((n_levels, p), np.nan), np.full((n_levels, p), np.nan)
    lost, sizes = np.full(n_levels, np.nan), np.bincount(codes, minlength=n_levels)
    with limited(SMALL + 1, fit.control.threads):
        for g, index in enumerate(_members(codes, n_levels)):
            basis, B = _basis(rows, index)
            every = joint_covariance(fit.problem, fit.theta, basis)
            G, cov = every[p:, p:], every[:p, p:]
            w, e = weights[index], errors[index]
            scaled = w[:, None] * B
            left = np.eye(len(G)) - B.T @ scaled @ G
            if len(index) >= most or np.linalg.cond(left, 1) > SINGULAR:
                continue
            # B'(W^-1 - B G B')^-1 = (I - B'WB G)^-1 B'W has the order of G.
            inner = np.linalg.solve(left, np.column_stack([scaled.T @ e, B.T @ scaled]))
            z, S = inner[:, 0], inner[:, 1:]
            beta[g] = fit.beta - cov @ z
            lost[g] = float(e @ (w * e) + (scaled.T @ e) @ G @ z)
            variance[g] = C + np.einsum("ij,ij->i", cov @ S, cov)
    sigma = _sigma(fit, lost, sizes)
    return beta, sigma[:, None] * np.sqrt(np.maximum(variance, 0.0)), sigma


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
