"""The compiled quadrature of one random intercept with a canonical link: with its exact Hessian."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nestwise.core import _kernels
from nestwise.core.glmm_kernel import GlmmInput, GlmmPlace, GlmmResult, WayDown
from nestwise.core.glmm_rows import FamilyRows, compiled_constant
from nestwise.core.quadrature_rule import Rule, gauss_hermite


@dataclass(frozen=True, slots=True, eq=False)
class InterceptKernel:
    """Rows sorted by level with their fixed-effects columns, held by the C++ core.

    Parameters
    ----------
    handle : InterceptRows
        Opaque.
    model : GlmmInput
        The rows.
    rule : Rule
        Nodes and weights.
    constant : float
        What the rows' log densities have beside what depends on the predictors.
    part : float
        Share of the levels that is summed; their numbers decide, scattered.
    """

    handle: _kernels.InterceptRows
    model: GlmmInput
    rule: Rule
    constant: float
    part: float = 1.0

    def evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        """See `GlmmKernel.evaluate`."""
        start = np.zeros(self.model.factors[0].n_levels) if at.u is None else at.u
        nodes = np.ascontiguousarray(self.rule.nodes[:, 0])
        loglik, log_det, found, n_steps, modes, eta, gradient, hessian, slopes = (
            self.handle.evaluate(
                float(at.lambdas[0]),
                np.ascontiguousarray(at.beta),
                np.ascontiguousarray(start),
                nodes,
                self.rule.log_weights,
                order,
                self.part,
            )
        )
        criterion = -2.0 * (loglik + self.constant)
        nan, none = float("nan"), np.zeros(0)
        if not found or not np.isfinite(criterion):
            return GlmmResult(nan, np.zeros(len(modes)), eta, none, none, nan, nan, n_steps)
        if order == 0:
            return GlmmResult(criterion, modes, eta, none, none, 0.0, 2.0 * log_det, n_steps, True)
        # There is one entry of Lambda, or none that is free.
        first, gradient = 1 - len(at.entries), -2.0 * gradient
        return GlmmResult(
            criterion,
            modes,
            eta,
            gradient[first:1],
            gradient[1:],
            0.0,
            2.0 * log_det,
            n_steps,
            True,
            -2.0 * hessian[first:, first:] if order > 1 else None,
            slopes[:, first:] if order > 1 else None,
        )

    def descend(self, way: WayDown) -> _kernels.Descended | None:
        """The compiled optimiser; it takes the kernel's own curvature in place of `hessian`."""
        if len(way.entries) != 1 or self.part < 1.0:
            return None
        nodes, weights = np.ascontiguousarray(self.rule.nodes[:, 0]), self.rule.log_weights
        return self.handle.descend(way.psi, way.u, nodes, weights, self.constant, *way.limits.stop)

    @property
    def dense_order(self) -> int:
        """No matrix is left: levels are independent."""
        return 0

    def of_some_levels(self, part: float) -> InterceptKernel:
        """Sums over a share of the levels only, scattered among all."""
        return replace(self, part=part)

    def with_points(self, n_points: int) -> InterceptKernel:
        """The same rows with another number of quadrature points."""
        return replace(self, rule=gauss_hermite(n_points, 1))


def intercept_kernel(model: GlmmInput, code: int, n_points: int) -> InterceptKernel:
    """The kernel of a model with one grouping factor and one constant column.

    Parameters
    ----------
    model : GlmmInput
        The rows.
    code : int
        The family's position in `nestwise.core.quadrature_compiled.COMPILED`.
    n_points : int
        Quadrature points.
    """
    rows, factor = model.rows, model.factors[0]
    assert isinstance(rows, FamilyRows)
    handle = _kernels.intercept_rows(
        code,
        np.ascontiguousarray(rows.y, dtype=np.float64),
        np.ascontiguousarray(rows.weights, dtype=np.float64),
        factor.codes,
        factor.n_levels,
        np.ascontiguousarray(model.offset, dtype=np.float64),
        np.asfortranarray(model.X, dtype=np.float64),
        model.center,
        model.scale,
    )
    return InterceptKernel(handle, model, gauss_hermite(n_points, 1), compiled_constant(rows))


def is_intercept(model: GlmmInput) -> bool:
    """Whether the random effects are one constant column of one factor."""
    factor = model.factors[0]
    alone = len(model.factors) == 1 and len(factor.columns) == 1 and factor.columns[0] is None
    return alone and float(factor.scale[0]) == 1.0
