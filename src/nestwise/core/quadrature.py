"""Adaptive Gauss-Hermite quadrature for one grouping factor, with the exact gradient of the sum.

The likelihood of level i is the integral of exp(h_i(u)) phi_k-free, h_i(u) = sum log f(eta) -
|u|^2/2, over the spherical random effects u (k of them), eta = offset + X beta + A u, A = Z Lambda.
With the mode u_i, H_i = A'DA + I = L L' there and the nodes z_j of a product rule

    log I_i = -log|L| + log sum_j w_j exp(|z_j|^2/2 + h_i(v_j)),     v_j = u_i + L^-T z_j.

One node gives Laplace's approximation. The nodes move with the parameters, through the mode and
through L, and the gradient has it all: with p_j the terms' shares of the sum, g_j = h'(v_j),
q_j = L^-1 g_j, C = sum_j p_j z_j q_j', Phi(M) the lower triangle of M with its diagonal halved and
E = L^-T (Phi(I + C) + Phi(I + C)')/2 L^-1,

    d log I_i = sum_j p_j (d h_i)(v_j) - <dH_i, E> + (sum_j p_j g_j)' du_i,

where du_i follows from h'(u_i) = 0. Source: Pinheiro & Bates (1995), J. Comput. Graph. Statist. 4,
section 2.4, for the sum; Murray (2016), arXiv 1602.07527, eq. 8, for the derivative of a Cholesky
factor; Kristensen et al. (2016), J. Stat. Softw. 70(5), eq. 3-5, for the derivative of the mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm_kernel import Terms
from nestwise.core.quadrature_modes import Levels, Modes, cholesky, solve_lower, solve_upper
from nestwise.core.quadrature_rule import Rule


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What the nodes leave behind, each node weighted with its share of the integral.

    Parameters
    ----------
    log_integral : (l,) float64
        log I_i.
    slope : (n,) float64
        Mean of d log f / d eta over the nodes.
    moment : (n, k) float64
        Mean of d log f / d eta times v.
    drift : (l, k) float64
        Mean of h'(v).
    spread : (l, k, k) float64
        C, the mean of z q'.
    phi : float
        Sum over rows of the mean of d log f / d log phi.
    """

    log_integral: FloatArray
    slope: FloatArray
    moment: FloatArray
    drift: FloatArray
    spread: FloatArray
    phi: float


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Derivatives of the log-likelihood.

    Parameters
    ----------
    predictor : (n,) float64
        By each row's fixed part: X' of it is the derivative by beta.
    rows : (n, k) float64
        Z' of it is the derivative by Lambda (row a, column b).
    log_phi : float
        By log(phi).
    """

    predictor: FloatArray
    rows: FloatArray
    log_phi: float


def integrate(levels: Levels, modes: Modes, L: FloatArray, rule: Rule, order: int) -> Sums:
    """The quadrature sums of all levels, node by node.

    Parameters
    ----------
    levels : Levels
        The model at given parameters.
    modes : Modes
        Its modes.
    L : (l, k, k) float64
        Cholesky factors of the curvature there.
    rule : Rule
        Nodes and weights.
    order : int
        0: only the integrals; 1: also what the gradient needs.
    """
    n, k = levels.A.shape
    m, codes = levels.n_levels, levels.codes
    S = np.stack([solve_upper(L, np.tile(e, (m, 1))) for e in np.eye(k)], axis=2)
    total, phi = np.zeros(m), np.zeros(m)
    slope, moment = np.zeros(n), np.zeros((n, k))
    drift, spread = np.zeros((m, k)), np.zeros((m, k, k))
    for at in range(0, len(rule.nodes), levels.at_once):
        z = rule.nodes[at : at + levels.at_once]
        v = modes.u + np.einsum("lab,jb->jla", S, z)
        terms = levels.at_nodes(v)
        inside = levels.node_sums(terms.loglik, len(z)) - 0.5 * (v**2).sum(axis=2)
        # Relative to the mode nothing overflows, and what underflows does not matter.
        share = np.exp(inside - modes.height + rule.log_weights[at : at + len(z), None])
        total += share.sum(axis=0)
        if order == 0:
            continue
        d1 = terms.d1.reshape(len(z), n)
        by_row = share[:, codes] * d1
        slope += by_row.sum(axis=0)
        moment += np.einsum("jn,jnk->nk", by_row, v[:, codes])
        g = np.stack([levels.node_sums(d1 * a, len(z)) for a in levels.A.T], axis=2) - v
        drift += np.einsum("jl,jla->la", share, g)
        spread += np.einsum("jl,ja,lcb,jlc->lab", share, z, S, g, optimize=True)
        if terms.phi_loglik is not None:
            phi += (share * levels.node_sums(terms.phi_loglik, len(z))).sum(axis=0)
    log_integral = modes.height + np.log(total) - np.log(L.diagonal(0, 1, 2)).sum(axis=1)
    by_level = 1.0 / total
    return Sums(
        log_integral,
        slope * by_level[codes],
        moment * by_level[codes, None],
        drift * by_level[:, None],
        spread * by_level[:, None, None],
        float(phi @ by_level),
    )


def _influence(L: FloatArray, spread: FloatArray) -> FloatArray:
    """E of each level: minus the derivative of log I by H."""
    k = L.shape[1]
    half = np.tril(spread + np.eye(k))
    half[:, range(k), range(k)] *= 0.5
    E = 0.5 * (half + half.transpose(0, 2, 1))
    for _ in range(2):
        for j in range(k):
            E[:, :, j] = solve_upper(L, E[:, :, j])
        E = E.transpose(0, 2, 1)
    return E


def slopes(levels: Levels, modes: Modes, L: FloatArray, sums: Sums, observed: bool) -> Slopes:
    """The derivatives of the sum of log I_i.

    Parameters
    ----------
    levels, modes, L, sums
        As for and from `integrate` with order 1.
    observed : bool
        Whether H has the observed weights -d2, or the expected ones.
    """
    terms, codes, A = modes.terms, levels.codes, levels.A
    D, dD = (-terms.d2, -terms.d3) if observed else (terms.info, terms.dinfo)
    EA = np.einsum("nab,nb->na", _influence(L, sums.spread)[codes], A)
    e = (A * EA).sum(axis=1)
    c = sums.drift - levels.weighted(dD * e)
    R = L if observed else cholesky(levels.curvature(-terms.d2))[0]
    s = solve_upper(R, solve_lower(R, c))[codes]
    As = (A * s).sum(axis=1)
    through = terms.d2 * As - dD * e
    rows = sums.moment - 2.0 * D[:, None] * EA + terms.d1[:, None] * s
    rows += through[:, None] * modes.u[codes]
    return Slopes(sums.slope + through, rows, _by_log_phi(terms, sums, e, As, observed))


def _by_log_phi(terms: Terms, sums: Sums, e: FloatArray, As: FloatArray, observed: bool) -> float:
    if terms.phi_d1 is None:
        return 0.0
    by_weight = terms.phi_info if not observed else -np.asarray(terms.phi_d2)
    return sums.phi + float(terms.phi_d1 @ As - np.asarray(by_weight) @ e)
