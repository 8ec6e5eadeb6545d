"""The covariance matrix of a block and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.residual.visits import Visits
from nestwise.core.structured.blocks import Blocks, Pattern
from nestwise.core.structured.model import StructuredArrays, effect_lambdas

TABLE = 400
"""Distinct times up to which the structure is evaluated once for all of them; visits always are."""


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """V of one pattern, relative to sigma^2.

    Parameters
    ----------
    V : (v, v) float64
        Covariance matrix.
    active : (a,) intp
        Parameters that V depends on.
    dV : (a, v, v) float64
        Derivatives by them.
    """

    V: FloatArray
    active: AnyArray
    dV: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Correlations:
    """The structure's matrices at one par: of all positions by arm, or made pattern by pattern.

    Parameters
    ----------
    par : (n_arms, n_structure) float64
        Parameters of each arm.
    tables : tuple of ((u, u), (n_structure, u, u)) or None
        Matrix of all positions and its derivatives, for each arm.
    """

    par: FloatArray
    tables: tuple[tuple[FloatArray, FloatArray], ...] | None


def structure_at(arrays: StructuredArrays, blocks: Blocks, par: FloatArray) -> Correlations | None:
    """Evaluate the structure once for all patterns, where there are few distinct positions.

    Parameters
    ----------
    arrays, blocks
        The model.
    par : (m,) float64
        All parameters.
    """
    errors, first = arrays.errors, len(arrays.entries)
    if errors.structure is None:
        return None
    count = errors.n_arms * errors.n_structure
    by_arm = par[first : first + count].reshape(errors.n_arms, errors.n_structure)
    total = sum(len(p.position) ** 2 for p in blocks.patterns)
    many = len(blocks.visit) > TABLE or len(blocks.visit) ** 2 > 4 * total
    if many and errors.structure.needs != "visits":
        return Correlations(by_arm, None)
    visits = Visits(blocks.visit, blocks.time, errors.n_visits)
    tables = tuple(errors.structure.covariance(one, visits) for one in by_arm)
    return Correlations(by_arm, tables)


def pattern_covariance(
    arrays: StructuredArrays,
    blocks: Blocks,
    pattern: Pattern,
    par: FloatArray,
    found: Correlations | None,
) -> Covariance:
    """V = R + Z G Z' of one pattern, and its derivatives.

    Parameters
    ----------
    arrays, blocks, pattern
        The model and the pattern.
    par : (m,) float64
        All parameters.
    found : Correlations or None
        From `structure_at`.
    """
    R, active, dR = error_covariance(arrays, blocks, pattern, par, found)
    if not blocks.absorbed:
        return Covariance(R, active, dR)
    G, moved, dG = _effects(arrays, blocks, pattern, par)
    return Covariance(R + G, np.concatenate([moved, active]), np.concatenate([dG, dR]))


def error_covariance(
    arrays: StructuredArrays,
    blocks: Blocks,
    pattern: Pattern,
    par: FloatArray,
    found: Correlations | None,
) -> tuple[FloatArray, AnyArray, FloatArray]:
    """R = S C S / weights of one pattern, the parameters it depends on, and its derivatives."""
    errors, v, first = arrays.errors, len(pattern.position), len(arrays.entries)
    n_features = pattern.features.shape[1]
    by_feature = first + errors.n_par - n_features + np.arange(n_features)
    if found is None:
        C, dC, active = np.eye(v), np.zeros((0, v, v)), np.zeros(0, dtype=np.intp)
    else:
        C, dC, active = _correlation(arrays, blocks, pattern, found)
        active = active + first
    if pattern.plain:
        return C, active, dC
    sd = pattern.root * np.exp(pattern.features @ par[by_feature])
    outer = sd[:, None] * sd
    R = C * outer
    dR = dC * outer
    if n_features:
        slopes = pattern.features.T
        used = slopes.any(axis=1)
        slopes = slopes[used]
        dS = (slopes[:, :, None] + slopes[:, None, :]) * R
        dR, active = np.concatenate([dR, dS]), np.concatenate([active, by_feature[used]])
    return R, active, dR


def _correlation(
    arrays: StructuredArrays, blocks: Blocks, pattern: Pattern, found: Correlations
) -> tuple[FloatArray, FloatArray, AnyArray]:
    """C of the block: the structure's matrix for each subject, zero between subjects."""
    size = found.par.shape[1]
    if pattern.single:
        arm = int(pattern.arm[0])
        C, dC = _matrix(arrays, blocks, found, arm, pattern.position)
        return C, dC, arm * size + np.arange(size)
    v = len(pattern.position)
    C, dC = np.zeros((v, v)), np.zeros((found.par.size, v, v))
    for s in np.unique(pattern.subject):
        at = np.flatnonzero(pattern.subject == s)
        arm = int(pattern.arm[at[0]])
        grid = np.ix_(at, at)
        C[grid], own = _matrix(arrays, blocks, found, arm, pattern.position[at])
        dC[arm * size : (arm + 1) * size, at[:, None], at] = own
    return C, dC, np.arange(found.par.size)


def _matrix(
    arrays: StructuredArrays, blocks: Blocks, found: Correlations, arm: int, position: AnyArray
) -> tuple[FloatArray, FloatArray]:
    """The structure's matrix of some positions, and its derivatives."""
    if found.tables is not None:
        R, dR = found.tables[arm]
        return R[position[:, None], position], dR[:, position[:, None], position]
    structure = arrays.errors.structure
    assert structure is not None
    visits = Visits(blocks.visit[position], blocks.time[position], arrays.errors.n_visits)
    return structure.covariance(found.par[arm], visits)


def _effects(
    arrays: StructuredArrays, blocks: Blocks, pattern: Pattern, par: FloatArray
) -> tuple[FloatArray, AnyArray, FloatArray]:
    """Z G Z' of the absorbed terms, the parameters of theirs, and its derivatives."""
    v = len(pattern.position)
    lambdas = effect_lambdas(arrays, par)
    G, slopes, active = np.zeros((v, v)), [], []
    halves = {}
    for at, t in enumerate(blocks.absorbed):
        same = pattern.level[at][:, None] == pattern.level[at]
        half = pattern.Z[at] @ lambdas[t]
        G += (half @ half.T) * same
        halves[t] = (pattern.Z[at], half, same)
    for i, (t, r, c) in enumerate(arrays.entries):
        if t in halves:
            Z, half, same = halves[t]
            one = np.outer(Z[:, r], half[:, c]) * same
            slopes.append(one + one.T)
            active.append(i)
    return G, np.array(active, dtype=np.intp), np.array(slopes).reshape(-1, v, v)
