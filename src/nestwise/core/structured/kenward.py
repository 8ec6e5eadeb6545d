"""The sums P, Q and R of Kenward & Roger, over all variance parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.bends import block_bends
from nestwise.core.structured.blocks import LARGEST
from nestwise.core.structured.carriers import block_carriers, level_sums
from nestwise.core.structured.derivatives import filled_derivatives
from nestwise.core.structured.filled import fill_with_slopes
from nestwise.core.structured.kenwardchart import along_chart
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.sums import cross
from nestwise.core.structured.trailing import apply_blocks
from nestwise.core.structured.weighted import Inverted, invert
from nestwise.core.threads import limited


@dataclass(frozen=True, slots=True, eq=False)
class KenwardParts:
    """Matrices by (par, log sigma) relative to sigma^2, in the basis Q, and their sums with W.

    Parameters
    ----------
    P : (m + 1, p, p) float64
        -X'V^-1 V_a V^-1 X.
    Q : (p, p) float64
        Sum of W_ab X'V^-1 V_a V^-1 V_b V^-1 X.
    R : (p, p) float64
        Sum of W_ab X'V^-1 V_ab V^-1 X with V_ab the second derivatives along the parameters of
        mmrm, see `kenwardchart`, in the coordinates of (par, log sigma).
    """

    P: FloatArray
    Q: FloatArray
    R: FloatArray


def kenward_parts(
    problem: StructuredProblem, par: FloatArray, Phi: FloatArray, W: FloatArray
) -> KenwardParts:
    """P, Q and R at par.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    Phi : (p, p) float64
        (Q'V^-1 Q)^-1.
    W : (m + 1, m + 1) float64
        Covariance of (par, log sigma). Sums with it are all that is needed, and cost m times less
        than the matrices of all pairs.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, 983-997, eq. 1-3. The scale enters as log sigma:
    V_s = 2 V and V_ss = 4 V.
    """
    m, p = par.size, problem.p
    filled, slopes = fill_with_slopes(problem.arrays, par)
    whole: FloatArray = np.asarray(np.linalg.inv(Phi)) if p else Phi
    with limited(LARGEST, problem.threads):
        inverted = invert(problem, par)
        by_entries = -filled_derivatives(inverted, filled)
        P = np.append(np.tensordot(slopes, by_entries, 1), -2.0 * whole[None], axis=0)
        inner = slopes.T @ W[:m, :m] @ slopes
        Q = _weighted_products(inverted, filled, inner)
        R = _weighted_curvature(inverted, filled, inner)
        R = R + along_chart(inverted, par, P, by_entries, W)
    Q = Q - 4.0 * np.tensordot(W[:m, m], P[:m], 1) + 4.0 * W[m, m] * whole
    return KenwardParts(P, Q, R)


def _weighted_products(inverted: Inverted, filled: FloatArray, W: FloatArray) -> FloatArray:
    """(p, p) sum of W_ab (V_a U)'V^-1 (V_b U) with U = V^-1 X."""
    if inverted.equations is not None:
        return np.tensordot(W, _products(inverted, filled), 2)
    p = inverted.problem.p
    out = np.zeros((p, p))
    for carrier in block_carriers(inverted):
        dV, active = carrier.dV, carrier.active
        mixed = np.tensordot(W[np.ix_(active, active)], dV, 1)
        middle = (dV @ carrier.inverse @ mixed).sum(axis=0)
        out += cross(carrier.sums, carrier.around(middle))[:p, :p]
    return out


def _weighted_curvature(inverted: Inverted, filled: FloatArray, W: FloatArray) -> FloatArray:
    """(p, p) sum of W_ab U'V_ab U over the residuals' parameters."""
    problem = inverted.problem
    p = problem.p
    out = np.zeros((p, p))
    bends = block_bends(problem, filled, inverted.patterns, W)
    for carrier, bent in zip(block_carriers(inverted), bends, strict=True):
        out += cross(carrier.sums, carrier.around(bent))[:p, :p]
    return out


def _products(inverted: Inverted, par: FloatArray) -> FloatArray:
    """(m, m, p, p) (V_a W)'V^-1 (V_b W) with W = V^-1 X."""
    problem, equations = inverted.problem, inverted.equations
    m, p = par.size, problem.p
    out = np.zeros((m, m, p, p))
    for carrier in block_carriers(inverted):
        dV, active = carrier.dV, carrier.active
        middle = dV[:, None] @ carrier.inverse @ dV[None]
        out[np.ix_(active, active)] += cross(carrier.sums, carrier.around(middle))[..., :p, :p]
    if equations is None:
        return out
    seen = np.zeros((m, len(equations.B), p))
    W = inverted.times(problem.Q)
    for pattern, one in zip(problem.blocks.patterns, inverted.patterns, strict=True):
        Z = equations.effects.Z[pattern.rows.ravel()]
        for i, dV in zip(one.covariance.active, one.covariance.dV, strict=True):
            moved = (one.inverse @ dV) @ W[pattern.rows]
            seen[i] += Z.T @ moved.reshape(-1, p)
    own: dict[int, FloatArray] = {}
    starts, Z = iter(_starts(inverted)), equations.effects.Z
    for i, dG, sums in level_sums(inverted, par):
        a = np.zeros((len(equations.B), p))
        first = next(starts)
        a[first : first + sums.shape[0] * sums.shape[1]] = (dG @ sums).reshape(-1, p)
        own[i] = a
    for i, a in own.items():
        out[i] += np.einsum("qa,mqb->mab", a, seen)
        out[:, i] += np.einsum("mqa,qb->mab", seen, a)
    for i, a in own.items():
        rows = np.asarray(Z @ a)
        weighted = apply_blocks(problem, inverted.patterns, rows)
        seen[i] = Z.T @ weighted
        for j, other in own.items():
            out[i, j] = weighted.T @ np.asarray(Z @ other)
    inner = np.stack([equations.lower(one) for one in seen])
    return np.asarray(out - np.einsum("mqa,nqb->mnab", inner, inner))


def _starts(inverted: Inverted) -> list[int]:
    """First column of the term of each trailing parameter, in the order of `level_sums`."""
    problem, equations = inverted.problem, inverted.equations
    assert equations is not None
    out = []
    for t, first in zip(problem.blocks.trailing, equations.effects.first, strict=True):
        out += [first] * len(problem.arrays.effects[t].free)
    return out
