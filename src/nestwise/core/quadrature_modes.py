"""Conditional modes of all levels of one grouping factor at once, and the curvature there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray, IntArray
from nestwise.core.glmm_kernel import Terms

MOST_STEPS = 100
"""Newton steps before a level is given up; 4 to 8 are usual."""

MOST_HALVINGS = 30
"""Halvings of one step."""

EXACT = 1e-22
"""Newton decrement (log-likelihood units) at which a mode has no more digits to gain."""

ROUNDING = 1e-10
"""Newton decrement from which on a step that does not shrink it moves among rounding errors."""

NEAR = 1e-9
"""Newton decrement from which on a step is taken though the height seems to fall by as little."""

SURE = 1e-9
"""Newton decrement up to which a mode is accepted when rounding hides further progress."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Rows of one grouping factor, as the spherical random effects see them.

    Parameters
    ----------
    codes : (n,) int32
        Level of each row, 0 .. n_levels - 1; every level occurs.
    n_levels : int
        Their number, l.
    A : (n, k) float64
        Z Lambda.
    fixed : (n,) float64
        offset + X beta.
    density : callable
        From predictors (n,) to the rows' log densities and derivatives.
    many : callable
        ``many(copies)`` does that for predictors of so many copies of the rows, (copies n,).
    at_once : int
        Copies that are handled together.
    """

    codes: IntArray
    n_levels: int
    A: FloatArray
    fixed: FloatArray
    density: Callable[[FloatArray], Terms]
    many: Callable[[int], Callable[[FloatArray], Terms]]
    at_once: int

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums over the rows of each level: (n,) to (l,)."""
        return np.asarray(np.bincount(self.codes, values, self.n_levels), dtype=np.float64)

    def at_nodes(self, v: FloatArray) -> Terms:
        """All rows with random effects `v` (J, l, k): arrays of J n."""
        eta = np.broadcast_to(self.fixed, (len(v), len(self.fixed))).copy()
        for j, a in enumerate(self.A.T):
            eta += a * v[:, self.codes, j]
        return self.density(eta[0]) if len(v) == 1 else self.many(len(v))(eta.ravel())

    def node_sums(self, values: FloatArray, n_nodes: int) -> FloatArray:
        """Sums over the rows of each level and node: J n values to (J, l)."""
        place = np.arange(n_nodes)[:, None] * self.n_levels + self.codes
        size = n_nodes * self.n_levels
        summed = np.bincount(place.ravel(), np.ravel(values), size)
        return np.asarray(summed, dtype=np.float64).reshape(n_nodes, self.n_levels)

    def weighted(self, values: FloatArray) -> FloatArray:
        """A' values of each level: (n,) to (l, k)."""
        return np.stack([self.sums(values * a) for a in self.A.T], axis=1)

    def predictor(self, u: FloatArray) -> FloatArray:
        """The predictors (n,) when the random effects are `u` (l, k)."""
        eta = self.fixed.copy()
        for a, column in zip(self.A.T, u.T, strict=True):
            eta += a * column[self.codes]
        return eta

    def curvature(self, weights: FloatArray) -> FloatArray:
        """(l, k, k): A' diag(weights) A + I of each level."""
        k = self.A.shape[1]
        out = np.empty((self.n_levels, k, k))
        for i in range(k):
            for j in range(i + 1):
                out[:, i, j] = self.sums(weights * self.A[:, i] * self.A[:, j]) + (i == j)
                out[:, j, i] = out[:, i, j]
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Where the levels' integrands are largest.

    Parameters
    ----------
    u : (l, k) float64
        Modes, spherical units.
    terms : Terms
        Derivatives of the rows there.
    height : (l,) float64
        sum log f - |u|^2 / 2 there.
    found : (l,) bool
        Whether Newton's method came to an end.
    n_steps : int
        Steps that the slowest level took.
    """

    u: FloatArray
    terms: Terms
    height: FloatArray
    found: BoolArray
    n_steps: int


def cholesky(H: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Lower Cholesky factors of (l, k, k) matrices, and which were positive definite."""
    L = np.zeros_like(H)
    good = np.ones(len(H), dtype=np.bool_)
    for j in range(H.shape[1]):
        left = H[:, j:, j] - np.einsum("lit,lt->li", L[:, j:, :j], L[:, j, :j])
        good &= left[:, 0] > 0.0
        root = np.sqrt(np.where(good, left[:, 0], 1.0))
        L[:, j:, j] = left / root[:, None]
        L[:, j, j] = root
    return L, good


def solve_lower(L: FloatArray, b: FloatArray) -> FloatArray:
    """L^-1 b for each level: (l, k, k) and (l, k)."""
    x = np.empty_like(b)
    for i in range(b.shape[1]):
        x[:, i] = (b[:, i] - np.einsum("lt,lt->l", L[:, i, :i], x[:, :i])) / L[:, i, i]
    return x


def solve_upper(L: FloatArray, b: FloatArray) -> FloatArray:
    """L^-T b for each level."""
    x = np.empty_like(b)
    for i in reversed(range(b.shape[1])):
        x[:, i] = (b[:, i] - np.einsum("lt,lt->l", L[:, i + 1 :, i], x[:, i + 1 :])) / L[:, i, i]
    return x


def _direction(levels: Levels, terms: Terms, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Newton's step of each level and its decrement; Fisher's where the curvature is no bowl."""
    L, good = cholesky(levels.curvature(-terms.d2))
    if not good.all():
        expected, _ = cholesky(levels.curvature(np.maximum(terms.info, 0.0)))
        L[~good] = expected[~good]
    half = solve_lower(L, levels.weighted(terms.d1) - u)
    return solve_upper(L, half), (half**2).sum(axis=1)


def _height(levels: Levels, terms: Terms, u: FloatArray) -> FloatArray:
    inside = levels.sums(terms.loglik)
    out: FloatArray = np.where(np.isfinite(inside), inside, -np.inf) - 0.5 * (u**2).sum(axis=1)
    return out


def find_modes(levels: Levels, start: FloatArray) -> Modes:
    """Newton's method for all levels side by side, each with step halving of its own.

    Parameters
    ----------
    levels : Levels
        The model at given parameters.
    start : (l, k) float64
        Where to begin: zeros, or the modes of a neighbouring parameter.

    Returns
    -------
    Modes
        A level that did not come to an end is told in `found`.

    Source
    ------
    Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), for the notation; Pinheiro &
    Chao (2006), J. Comput. Graph. Statist. 15, section 2: with one grouping factor the penalised
    iteratively reweighted least squares of the levels do not touch each other.
    """
    u, terms = start, levels.density(levels.predictor(start))
    height = _height(levels, terms, u)
    if not np.isfinite(height).all():
        u = np.where(np.isfinite(height)[:, None], u, 0.0)
        terms = levels.density(levels.predictor(u))
        height = _height(levels, terms, u)
    count = 0
    step, decrement = _direction(levels, terms, u)
    active = decrement > EXACT
    while count < MOST_STEPS and active.any():
        count += 1
        step[~active] = 0.0
        # So near the mode the digits of the height are fewer than those of its slope.
        noise = np.where(decrement < NEAR, NEAR, 1e-13 * (1.0 + np.abs(height)))
        moved, terms, new = _halved(levels, u, step, height - noise)
        stuck = active & (moved == u).all(axis=1)
        before, u, height = decrement, moved, new
        step, decrement = _direction(levels, terms, u)
        # A level without its mode makes the whole evaluation fail: no need to refine the others.
        if not (decrement[stuck] <= SURE).all() or not np.isfinite(decrement).all():
            break
        active = (decrement > EXACT) & ~stuck & ((before > ROUNDING) | (decrement < 0.25 * before))
    return Modes(u, terms, height, decrement <= SURE, count)


def _halved(
    levels: Levels, u: FloatArray, step: FloatArray, least: FloatArray
) -> tuple[FloatArray, Terms, FloatArray]:
    """Where the levels stand after one step, shortened where it would end below `least`."""
    size = np.ones(len(u))
    for halving in range(MOST_HALVINGS + 1):
        moved = u + size[:, None] * step
        terms = levels.density(levels.predictor(moved))
        new = _height(levels, terms, moved)
        worse = ~(new >= least) & (size > 0.0)
        if not worse.any():
            break
        size = np.where(worse, 0.5 * size if halving < MOST_HALVINGS - 1 else 0.0, size)
    return moved, terms, new
