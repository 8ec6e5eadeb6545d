"""Standard errors of the coefficients of every level, beside structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.conditional import conditional_covariances
from nestwise.core.structured.weighted import invert
from nestwise.fit.structured_result import StructuredFit


def structured_coefficient_errors(
    fit: StructuredFit, factor: int, names: tuple[str, ...]
) -> FloatArray:
    """(n_levels, len(names)) standard errors of beta_hat + b_hat as predictions of beta + b.

    With W_l = Z_l'V^-1 X of a level and C the covariance of beta_hat, Cov(b_hat - b) is
    G - G (Z_l'V^-1 Z_l - W_l C W_l') G and Cov(beta_hat, b_hat - b) is -C W_l'G.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    factor : int
        Grouping factor.
    names : tuple of str
        Coefficients wanted: names of fixed effects, of the factor's random effects, or both.

    Source
    ------
    Robinson (1991), Stat. Sci. 6, 15-32, section 4.2 (the mixed-model equations).
    """
    fixed, C = fit.design.fixed.names, fit.unscaled_vcov
    columns = np.array([fixed.index(name) if name in fixed else -1 for name in names])
    own = np.where(columns >= 0, C[columns, columns] if fixed else 0.0, 0.0)
    out = np.tile(own, (fit.design.factors[factor].n_levels, 1))
    weighted = invert(fit.problem, fit.par).times(np.ascontiguousarray(fit.design.fixed.X))
    given = conditional_covariances(fit.problem, fit.par)
    for t, term in enumerate(fit.design.terms):
        if term.factor != factor:
            continue
        G, codes = fit.lambdas[t] @ fit.lambdas[t].T, fit.design.factors[factor].codes
        W = np.zeros((len(out), len(G), len(fixed)))
        for k, z in enumerate(term.Z):
            np.add.at(W[:, k], codes, weighted if z is None else weighted * z[:, None])
        GW = np.einsum("jk,lkp->ljp", G, W)
        for j, column in enumerate(term.columns):
            at = names.index(column)
            out[:, at] += given[t][:, j, j] + np.einsum("lp,pq,lq->l", GW[:, j], C, GW[:, j])
            if columns[at] >= 0:
                out[:, at] -= 2.0 * GW[:, j] @ C[:, columns[at]]
    return np.asarray(fit.sigma * np.sqrt(np.maximum(out, 0.0)))
