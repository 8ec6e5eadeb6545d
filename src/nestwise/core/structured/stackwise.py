"""Evaluation of stacks: the same steps as for a pattern, for many blocks at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.residual.visits import Visits
from nestwise.core.structured.covariance import Correlations, structure_at
from nestwise.core.structured.model import effect_lambdas
from nestwise.core.structured.problem import StructuredProblem
from nestwise.core.structured.stacks import Stack
from nestwise.core.structured.totals import Totals, add_curvature


@dataclass(frozen=True, slots=True, eq=False)
class FactoredStack:
    """V of all blocks of a stack, inverted.

    Parameters
    ----------
    stack : Stack
        The blocks.
    active : (a,) intp
        Parameters that V depends on.
    dV : (a, G, v, v) float64
        Derivatives by them.
    inverse : (G, v, v) float64
        V^-1.
    logdet : float
        Sum of the log determinants.
    cross : (c, c) float64
        Sum of [Q y0]'V^-1 [Q y0].
    """

    stack: Stack
    active: AnyArray
    dV: FloatArray
    inverse: FloatArray
    logdet: float
    cross: FloatArray


def factorise_stacks(
    problem: StructuredProblem, par: FloatArray
) -> tuple[FactoredStack, ...] | None:
    """Covariances of all stacks and their inverses; None when one is singular.

    Parameters
    ----------
    problem : StructuredProblem
        The model.
    par : (m,) float64
        Parameters.
    """
    if not problem.stacks:
        return ()
    out = []
    with np.errstate(all="ignore"):
        found = structure_at(problem.arrays, problem.blocks, par)
        for stack in problem.stacks:
            V, active, dV = stack_covariance(problem, stack, par, found)
            if not np.isfinite(V).all() or not np.isfinite(dV).all():
                return None
            try:
                L = np.linalg.cholesky(V)
            except np.linalg.LinAlgError:
                return None
            rough = np.linalg.inv(V)
            inverse = np.asarray(0.5 * (rough + np.swapaxes(rough, 1, 2)), dtype=np.float64)
            logdet = 2.0 * float(np.log(np.diagonal(L, axis1=1, axis2=2)).sum())
            c = stack.data.shape[2]
            weighted = (inverse @ stack.data).reshape(-1, c)
            cross = stack.data.reshape(-1, c).T @ weighted
            out.append(FactoredStack(stack, active, dV, inverse, logdet, cross))
    return tuple(out)


def stack_covariance(
    problem: StructuredProblem, stack: Stack, par: FloatArray, found: Correlations | None
) -> tuple[FloatArray, AnyArray, FloatArray]:
    """V (G, v, v), the parameters it depends on, and its derivatives (a, G, v, v)."""
    arrays = problem.arrays
    errors, first = arrays.errors, len(arrays.entries)
    G, v = stack.position.shape
    s = stack.features.shape[2]
    by_feature = first + errors.n_par - s + np.arange(s)
    sd = stack.root * np.exp(stack.features @ par[by_feature])
    outer = sd[:, :, None] * sd[:, None, :]
    if found is None:
        C, dC = np.broadcast_to(np.eye(v), (G, v, v)), np.zeros((0, G, v, v))
        active = np.zeros(0, dtype=np.intp)
    else:
        C, dC = _correlation(problem, stack, found)
        size = found.par.shape[1]
        active = first + stack.arm * size + np.arange(size)
    V, dV = C * outer, dC * outer
    if s:
        slopes = np.moveaxis(stack.features, 2, 0)
        used = slopes.any(axis=(1, 2))
        slopes = slopes[used]
        dS = (slopes[:, :, :, None] + slopes[:, :, None, :]) * V
        dV, active = np.concatenate([dV, dS]), np.concatenate([active, by_feature[used]])
    return _with_effects(problem, stack, par, (V, active, dV))


def _correlation(
    problem: StructuredProblem, stack: Stack, found: Correlations
) -> tuple[FloatArray, FloatArray]:
    """C (G, v, v) and its derivatives: from the table of positions, or by distances."""
    position = stack.position
    if found.tables is not None:
        R, dR = found.tables[stack.arm]
        rows, columns = position[:, :, None], position[:, None, :]
        return R[rows, columns], dR[:, rows, columns]
    structure, blocks = problem.arrays.errors.structure, problem.blocks
    assert structure is not None
    par = found.par[stack.arm]
    if structure.needs == "visits":
        parts = [
            structure.covariance(
                par, Visits(blocks.visit[at], blocks.time[at], problem.arrays.errors.n_visits)
            )
            for at in position
        ]
        return np.stack([R for R, _ in parts]), np.stack([dR for _, dR in parts], axis=1)
    time = blocks.time[position].reshape(*position.shape, -1)
    return structure.covariance(par, Visits(None, time, problem.arrays.errors.n_visits))


def _with_effects(
    problem: StructuredProblem,
    stack: Stack,
    par: FloatArray,
    errors: tuple[FloatArray, AnyArray, FloatArray],
) -> tuple[FloatArray, AnyArray, FloatArray]:
    """Z G Z' of the absorbed terms added to the residuals' part."""
    V, active, dV = errors
    absorbed, arrays = problem.blocks.absorbed, problem.arrays
    if not absorbed:
        return V, active, dV
    lambdas, slopes, moved, halves = effect_lambdas(arrays, par), [], [], {}
    for at, t in enumerate(absorbed):
        half = stack.Z[at] @ lambdas[t]
        V = V + (half @ np.swapaxes(half, 1, 2)) * stack.same[at]
        halves[t] = (stack.Z[at], half, stack.same[at])
    for i, (t, r, c) in enumerate(arrays.entries):
        if t in halves:
            Z, half, same = halves[t]
            one = Z[:, :, None, r] * half[:, None, :, c] * same
            slopes.append(one + np.swapaxes(one, 1, 2))
            moved.append(i)
    effects = np.stack(slopes)
    return (
        V,
        np.concatenate([np.array(moved, dtype=np.intp), active]),
        np.concatenate([effects, dV]),
    )


def collect_stack(
    total: Totals,
    extra: FloatArray,
    problem: StructuredProblem,
    one: FactoredStack,
    at: tuple[FloatArray, FloatArray],
    reml: bool,
    ratio: float,
) -> None:
    """Add a stack to the sums of an evaluation.

    Parameters
    ----------
    total, extra
        Filled in place.
    problem : StructuredProblem
        The model.
    one : FactoredStack
        The stack.
    at : (c,) and (p, p) float64
        (-delta, 1), and a square root of (Q'V^-1 Q)^-1.
    reml : bool
        REML or ML.
    ratio : float
        df / pwrss.
    """
    g, half = at
    stack, inverse, active, a = one.stack, one.inverse, one.active, len(one.active)
    p = len(g) - 1
    X = stack.data[:, :, :p]
    u = (inverse @ (stack.data @ g)[:, :, None])[:, :, 0]
    seen = u[:, :, None] * u[:, None, :]
    trace = inverse
    if reml:
        spread = inverse @ (X @ half)
        trace = trace - spread @ np.swapaxes(spread, 1, 2)
    flat = one.dV.reshape(a, -1)
    total.trace[active] += flat @ trace.ravel()
    total.score[active] += flat @ seen.ravel()
    w = (one.dV @ u[None, :, :, None])[..., 0]
    weighted = (inverse[None] @ w[..., None])[..., 0].reshape(a, -1)
    total.gram[np.ix_(active, active)] += w.reshape(a, -1) @ weighted.T
    total.mixed[active] += weighted @ X.reshape(-1, p)
    S = trace - ratio * seen
    for place, t in enumerate(problem.blocks.absorbed):
        Z = stack.Z[place]
        inner = np.einsum("gvk,gvl->kl", Z, (S * stack.same[place]) @ Z)
        add_curvature(extra, problem.arrays.entries, t, inner)
