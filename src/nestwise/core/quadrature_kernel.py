"""Adaptive quadrature behind the interface of `nestwise.core.glmm_kernel.GlmmKernel`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.glmm_kernel import GlmmInput, GlmmPlace, GlmmResult, RowFunction, Terms
from nestwise.core.glmm_rows import FamilyRows
from nestwise.core.kernel import FactorColumns
from nestwise.core.quadrature import integrate, slopes
from nestwise.core.quadrature_modes import Levels, Modes, cholesky, find_modes
from nestwise.core.quadrature_rule import Rule, gauss_hermite

AT_ONCE = 50_000
"""Densities that are evaluated together: many for few rows, few where they would fill the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class QuadratureKernel:
    """One grouping factor, its integrals by a product rule around each mode.

    Parameters
    ----------
    model : GlmmInput
        The rows.
    X : (n, p) float64
        Scaled fixed-effects matrix.
    Z : (n, k) float64
        Scaled random-effects columns.
    rule : Rule
        Nodes and weights.
    """

    model: GlmmInput
    X: FloatArray
    Z: FloatArray
    rule: Rule

    def evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        """See `GlmmKernel.evaluate`; `criterion` is -2 log-likelihood with all its constants."""
        # What overflows is told by a NaN.
        with np.errstate(all="ignore"):
            return self._evaluate(at, order)

    def _evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        levels, modes = self.modes(at)
        observed = self.model.observed
        weights = -modes.terms.d2 if observed else modes.terms.info
        L, good = cholesky(levels.curvature(weights))
        if not (modes.found.all() and good.all()):
            return _failed(levels, modes)
        sums = integrate(levels, modes, L, self.rule, order)
        criterion = -2.0 * float(sums.log_integral.sum())
        if not np.isfinite(criterion):
            return _failed(levels, modes)
        by_lambda, by_beta, by_phi = np.zeros(0), np.zeros(0), 0.0
        if order > 0:
            found = slopes(levels, modes, L, sums, observed)
            square = -2.0 * (self.Z.T @ found.rows)
            by_lambda = np.array([square[row, column] for _, row, column in at.entries])
            by_beta, by_phi = -2.0 * (self.X.T @ found.predictor), -2.0 * found.log_phi
        return GlmmResult(
            criterion,
            modes.u.ravel(),
            levels.predictor(modes.u),
            by_lambda,
            by_beta,
            by_phi,
            2.0 * float(np.log(L.diagonal(0, 1, 2)).sum()),
            modes.n_steps,
            True,
        )

    def modes(self, at: GlmmPlace) -> tuple[Levels, Modes]:
        """The rows at given parameters, and the modes of all levels."""
        k = self.Z.shape[1]
        factor = self.model.factors[0]
        levels = Levels(
            factor.codes,
            factor.n_levels,
            self.Z @ at.lambdas.reshape(k, k),
            self.model.offset + self.X @ at.beta,
            lambda eta: self.model.rows(eta, at.phi),
            lambda copies: _copied(self.model.rows, copies, at.phi),
            max(1, AT_ONCE // len(factor.codes)) if isinstance(self.model.rows, FamilyRows) else 1,
        )
        start = np.zeros((factor.n_levels, k)) if at.u is None else at.u.reshape(-1, k)
        return levels, find_modes(levels, start)


def dense_quadrature(model: GlmmInput, n_points: int) -> QuadratureKernel:
    """The quadrature of any family in NumPy: the twin of the compiled one.

    Parameters
    ----------
    model : GlmmInput
        The rows, with one grouping factor.
    n_points : int
        Quadrature points in each dimension of a level's random effects.
    """
    factor = model.factors[0]
    X = np.ascontiguousarray((model.X - model.center) / model.scale)
    return QuadratureKernel(model, X, _columns(factor), gauss_hermite(n_points, len(factor.scale)))


def _copied(rows: RowFunction, copies: int, phi: float | None) -> Callable[[FloatArray], Terms]:
    """The density of so many copies of the rows, one after the other."""
    assert isinstance(rows, FamilyRows)
    tiled = replace(rows, y=np.tile(rows.y, copies), weights=np.tile(rows.weights, copies))
    return lambda eta: tiled(eta, phi)


def _columns(factor: FactorColumns) -> FloatArray:
    """(n, k): the scaled random-effects columns."""
    out = np.empty((len(factor.codes), len(factor.columns)), order="F")
    for j, (column, scale) in enumerate(zip(factor.columns, factor.scale, strict=True)):
        out[:, j] = 1.0 / scale if column is None else column / scale
    return out


def _failed(levels: Levels, modes: Modes) -> GlmmResult:
    nan, none = float("nan"), np.zeros(0)
    eta = np.full(len(levels.fixed), nan)
    return GlmmResult(nan, np.zeros(modes.u.size), eta, none, none, nan, nan, modes.n_steps)
