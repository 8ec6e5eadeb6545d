"""The matrices P, Q and R of Kenward & Roger, by all variance parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structured.blocks import LARGEST
from nestwise.core.structured.carriers import block_carriers, level_sums
from nestwise.core.structured.covariance import pattern_covariance, structure_at
from nestwise.core.structured.derivatives import filled_derivatives
from nestwise.core.structured.filled import fill_curvature, fill_with_slopes
from nestwise.core.structured.kenwardchart import along_chart
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.sums import cross
from nestwise.core.structured.trailing import apply_blocks
from nestwise.core.structured.weighted import Inverted, invert
from nestwise.core.threads import limited

STEP = 1e-3
"""Step of the four-point differences of the exact first derivatives of V."""


@dataclass(frozen=True, slots=True, eq=False)
class KenwardParts:
    """Matrices by (par, log sigma) relative to sigma^2, in the basis Q.

    Parameters
    ----------
    P : (m + 1, p, p) float64
        -X'V^-1 V_a V^-1 X.
    Q : (m + 1, m + 1, p, p) float64
        X'V^-1 V_a V^-1 V_b V^-1 X.
    R : (m + 1, m + 1, p, p) float64
        X'V^-1 V_ab V^-1 X with V_ab the second derivatives along the parameters of mmrm, see
        `kenwardchart`, in the coordinates of (par, log sigma), as P and Q are.
    """

    P: FloatArray
    Q: FloatArray
    R: FloatArray


def kenward_parts(problem: StructuredProblem, par: FloatArray, Phi: FloatArray) -> KenwardParts:
    """P, Q and R at par.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    Phi : (p, p) float64
        (Q'V^-1 Q)^-1.

    Source
    ------
    Kenward & Roger (1997), Biometrics 53, 983-997, eq. 1-3. The scale enters as log sigma:
    V_s = 2 V and V_ss = 4 V.
    """
    m, p = par.size, problem.p
    P, Q = np.zeros((m + 1, p, p)), np.zeros((m + 1, m + 1, p, p))
    with limited(LARGEST, problem.threads):
        P[:m], Q[:m, :m], plain = _by_par(problem, par)
    whole: FloatArray = np.asarray(np.linalg.inv(Phi)) if p else Phi
    P[m] = -2.0 * whole
    Q[:m, m] = Q[m, :m] = -2.0 * P[:m]
    Q[m, m] = 4.0 * whole
    return KenwardParts(P, Q, along_chart(problem.arrays, par, P, plain, whole))


def _by_par(
    problem: StructuredProblem, par: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """P, Q and R by par: those by the entries of the Lambdas, and what the patterns add."""
    inverted, (filled, slopes) = invert(problem, par), fill_with_slopes(problem.arrays, par)
    P = -filled_derivatives(inverted, filled)
    Q, R = _products(inverted, filled), _curvatures(inverted, filled)
    if not problem.arrays.patterned:
        return P, Q, R
    Q, R = (np.einsum("ia,jb,abpq->ijpq", slopes, slopes, F, optimize=True) for F in (Q, R))
    R = R - np.einsum("ija,apq->ijpq", fill_curvature(problem.arrays, par), P)
    return np.asarray(np.einsum("ia,apq->ipq", slopes, P)), Q, np.asarray(R)


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


def _curvatures(inverted: Inverted, par: FloatArray) -> FloatArray:
    """(m, m, p, p) W'V_ab W: V_ab of blocks by differences, of trailing terms exactly."""
    problem = inverted.problem
    m, p = par.size, problem.p
    out = np.zeros((m, m, p, p))
    carriers = block_carriers(inverted)
    for a in range(m):
        moved = []
        for multiple in (1.0, -1.0, 2.0, -2.0):
            at = par.copy()
            at[a] += multiple * STEP
            moved.append(_slopes(problem, at))
        for carrier, up, down, far, low in zip(carriers, *moved, strict=True):
            if a in carrier.active:
                second = carrier.around((8.0 * (up - down) - (far - low)) / (12.0 * STEP))
                out[a, carrier.active] += cross(carrier.sums, second)[:, :p, :p]
    entries = problem.arrays.entries
    for i, _, sums in level_sums(inverted, par):
        for j, (t, row, column) in enumerate(entries):
            if (t, column) == (entries[i][0], entries[i][2]):
                one = np.einsum("la,lb->ab", sums[:, entries[i][1]], sums[:, row])
                out[i, j] = one + one.T
    return 0.5 * (out + out.transpose(1, 0, 2, 3))


def _slopes(problem: StructuredProblem, par: FloatArray) -> list[FloatArray]:
    """dV of every pattern at par."""
    found = structure_at(problem.arrays, problem.blocks, par)
    return [
        pattern_covariance(problem.arrays, problem.blocks, pattern, par, found).dV
        for pattern in problem.blocks.patterns
    ]
