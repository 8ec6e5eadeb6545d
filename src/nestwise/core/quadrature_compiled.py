"""The compiled quadrature, for families whose log density is a few exponentials."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import OptionError
from nestwise.core import _kernels
from nestwise.core.families.binomial import BINOMIAL
from nestwise.core.families.poisson import POISSON
from nestwise.core.glmm_compiled import AS_THEY_ARE
from nestwise.core.glmm_kernel import (
    GlmmInput,
    GlmmKernel,
    GlmmPlace,
    GlmmResult,
    RowFunction,
    WayDown,
)
from nestwise.core.glmm_rows import FamilyRows, compiled_constant
from nestwise.core.intercept_kernel import InterceptKernel, intercept_kernel, is_intercept
from nestwise.core.kernel import FactorColumns
from nestwise.core.links.log import LOG
from nestwise.core.links.logit import LOGIT
from nestwise.core.quadrature_kernel import dense_quadrature
from nestwise.core.quadrature_rule import Rule, gauss_hermite

COMPILED = ((BINOMIAL.rows, LOGIT), (POISSON.rows, LOG))
"""Families with their canonical links; positions are the C++ codes."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledQuadrature:
    """Rows sorted by level, held by the C++ core.

    Parameters
    ----------
    handle : LevelRows
        Opaque.
    model : GlmmInput
        The rows.
    X : (n, p) float64, Fortran order
        Scaled fixed-effects matrix, rows in the order of their levels.
    offset : (n,) float64
        Known part of the predictor, in that order.
    order : (n,) int or None
        The row that stands at each place; None where the rows came in that order.
    rule : Rule
        Nodes and weights.
    constant : float
        What the rows' log densities have beside what depends on the predictors.
    """

    handle: _kernels.LevelRows
    model: GlmmInput
    X: FloatArray
    offset: FloatArray
    order: NDArray[np.intp] | None
    rule: Rule
    constant: float

    def evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        """See `GlmmKernel.evaluate`."""
        factor = self.model.factors[0]
        fixed = self.offset + self.X @ at.beta
        start = np.zeros(factor.n_levels * len(factor.columns)) if at.u is None else at.u
        lambdas, begin = np.ascontiguousarray(at.lambdas), np.ascontiguousarray(start)
        nodes, weights = self.rule.nodes, self.rule.log_weights
        loglik, log_det, found, n_steps, modes, eta, by_row, square = self.handle.evaluate(
            lambdas, fixed, begin, nodes, weights, order
        )
        criterion = -2.0 * (loglik + self.constant)
        eta = self._outside(eta)
        if not found or not np.isfinite(criterion):
            nan, none = float("nan"), np.zeros(0)
            return GlmmResult(nan, np.zeros(len(modes)), eta, none, none, nan, nan, n_steps)
        by_lambda, by_beta = np.zeros(0), np.zeros(0)
        if order > 0:
            by_lambda = np.array([-2.0 * square[row, column] for _, row, column in at.entries])
            by_beta = -2.0 * (self.X.T @ by_row)
        return GlmmResult(
            criterion, modes, eta, by_lambda, by_beta, 0.0, 2.0 * log_det, n_steps, True
        )

    def with_points(self, n_points: int) -> CompiledQuadrature:
        """The same rows with so many quadrature points in each dimension."""
        return replace(self, rule=gauss_hermite(n_points, len(self.model.factors[0].columns)))

    def descend(self, way: WayDown) -> _kernels.Descended | None:
        """The compiled optimiser; see `nestwise.core.glmm_optimum.glmm_descent`."""
        p = self.X.shape[1]
        found = self.handle.descend(
            way.psi,
            way.u,
            way.hessian,
            way.entries,
            self.X,
            np.zeros(p),
            np.ones(p),
            self.offset,
            AS_THEY_ARE,
            self.rule.nodes,
            self.rule.log_weights,
            self.constant,
            *way.limits.stop,
        )
        return found if self.order is None else (*found[:5], self._outside(found[5]), *found[6:])

    @property
    def dense_order(self) -> int:
        """No matrix is left: levels are independent."""
        return 0

    def _outside(self, values: FloatArray) -> FloatArray:
        if self.order is None:
            return values
        out = np.empty_like(values)
        out[self.order] = values
        return out


Compiled = CompiledQuadrature | InterceptKernel
"""What `quadrature_kernel` returns where `is_compiled`; both know `with_points`."""


def _code(rows: RowFunction) -> int:
    """Position in `COMPILED`, -1 for rows that only NumPy knows."""
    if not isinstance(rows, FamilyRows):
        return -1
    for position, (density, link) in enumerate(COMPILED):
        if rows.family.rows is density and rows.link is link:
            return position
    return -1


def is_compiled(model: GlmmInput) -> bool:
    """Whether one grouping factor and a family with its canonical link allow the compiled one."""
    return len(model.factors) == 1 and _code(model.rows) >= 0


def quadrature_kernel(model: GlmmInput, n_points: int) -> GlmmKernel:
    """The quadrature of a model with one grouping factor, compiled where that is possible.

    Parameters
    ----------
    model : GlmmInput
        The rows.
    n_points : int
        Quadrature points in each dimension of a level's random effects.

    Returns
    -------
    GlmmKernel
        An evaluation costs n n_points^k densities.

    Raises
    ------
    OptionError
        When there are several grouping factors, or too many nodes.
    """
    if len(model.factors) != 1:
        raise OptionError(
            f"nAGQ={n_points} needs one grouping factor, and this model has {len(model.factors)}: "
            "the integral does not split by level; use nAGQ=1 (Laplace), or leave out a factor"
        )
    code = _code(model.rows)
    if code < 0:
        return dense_quadrature(model, n_points)
    assert isinstance(model.rows, FamilyRows)
    if is_intercept(model):
        return intercept_kernel(model, code, n_points)
    rule = gauss_hermite(n_points, len(model.factors[0].columns))
    # Rows of a level side by side: a million rows in no order would miss the cache at each.
    order = level_order(model.factors[0].codes)
    X = (model.X - model.center) / model.scale
    X = np.asfortranarray(X if order is None else X[order])
    offset = model.offset if order is None else model.offset[order]
    handle = _level_rows(code, model.rows, model.factors[0], order)
    constant = compiled_constant(model.rows)
    return CompiledQuadrature(handle, model, X, offset, order, rule, constant)


def level_order(codes: IntArray) -> NDArray[np.intp] | None:
    """Rows by level, in their own order within a level; None where they are.

    Examples
    --------
    >>> level_order(np.array([1, 0, 1], dtype=np.int32)).tolist()
    [1, 0, 2]
    """
    return None if (codes[:-1] <= codes[1:]).all() else np.argsort(codes, kind="stable")


def _level_rows(
    code: int, rows: FamilyRows, factor: FactorColumns, order: NDArray[np.intp] | None
) -> _kernels.LevelRows:
    def put(values: FloatArray) -> FloatArray:
        return np.ascontiguousarray(values if order is None else values[order], dtype=np.float64)

    return _kernels.level_rows(
        code,
        put(rows.y),
        put(rows.weights),
        factor.codes if order is None else factor.codes[order],
        factor.n_levels,
        [None if c is None else put(c) for c in factor.columns],
        factor.scale,
    )
