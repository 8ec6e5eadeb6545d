"""The compiled kernel of the generalised linear mixed model.

The C++ side knows the random effects only: the fixed part of the linear predictor goes in, and
the derivative by it comes out. Rows are put into the order of the first factor's levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core import _kernels
from nestwise.core.compiled import ALWAYS_FITS, SOLVERS
from nestwise.core.glmm_kernel import GlmmInput, GlmmPlace, GlmmResult, RowFunction, WayDown
from nestwise.core.glmm_rows import FamilyRows, compiled_constant
from nestwise.core.kernel import FactorColumns
from nestwise.core.memory import available_memory
from nestwise.core.threads import limited

AS_THEY_ARE = np.zeros(0, dtype=np.int64)
"""No order: the rows stand where they stood."""

FAR = 100.0
"""Mean of a column, in its standard deviations, from which a centred copy is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledGlmm:
    """The compiled core behind the interface of `nestwise.core.glmm_kernel.GlmmKernel`.

    Parameters
    ----------
    handle : Glmm
        Opaque.
    model : GlmmInput
        The rows in the caller's order.
    order : (n,) int or None
        The row that stands at each place of the compiled side; None where nothing moved.
    """

    handle: _kernels.Glmm
    model: GlmmInput
    order: NDArray[np.intp] | None

    def evaluate(self, at: GlmmPlace, order: int) -> GlmmResult:
        """See `GlmmKernel.evaluate`."""
        model = self.model
        scaled = at.beta / model.scale
        fixed = model.offset + model.X @ scaled
        fixed -= float(model.center @ scaled)
        start = np.zeros(self.n_effects) if at.u is None else at.u
        known = float("nan") if at.phi is None else at.phi
        with limited(self.handle.tail, model.threads):
            value, u, eta, by_lambda, slope, by_log_phi, ldL2, count = self.handle.laplace(
                at.lambdas, at.entries, self._inside(fixed), known, start, order
            )
        by_beta = np.zeros(0)
        if len(slope):
            slope = self._outside(slope)
            by_beta = (model.X.T @ slope - model.center * float(slope.sum())) / model.scale
        eta = self._outside(eta)
        return GlmmResult(value, u, eta, by_lambda, by_beta, by_log_phi, ldL2, count, True)

    def descend(self, way: WayDown) -> _kernels.Descended | None:
        """The compiled optimiser; see `nestwise.core.glmm_optimum.glmm_descent`."""
        model = self.model
        if not (isinstance(model.rows, FamilyRows) and model.rows.compiled):
            return None
        order = AS_THEY_ARE if self.order is None else self.order
        found = self.handle.descend(
            way.psi,
            way.u,
            way.hessian,
            way.entries,
            model.X,
            model.center,
            model.scale,
            model.offset,
            order,
            *way.limits.stop,
            way.limits.low,
            way.limits.high,
        )
        return found if self.order is None else (*found[:5], self._outside(found[5]), *found[6:])

    @property
    def dense_order(self) -> int:
        """Order of the dense matrix that is left of crossed factors."""
        return self.handle.tail

    @property
    def n_effects(self) -> int:
        """Number of random effects."""
        return sum(f.n_levels * len(f.columns) for f in self.model.factors)

    def _inside(self, values: FloatArray) -> FloatArray:
        return values if self.order is None else values[self.order]

    def _outside(self, values: FloatArray) -> FloatArray:
        if self.order is None:
            return values
        out = np.empty_like(values)
        out[self.order] = values
        return out


def compiled_glmm(model: GlmmInput) -> CompiledGlmm:
    """Lay out the pattern of the rows once.

    Parameters
    ----------
    model : GlmmInput
        The rows of the model.

    Raises
    ------
    FitError
        When the factor would not fit into the memory that is available; nothing is tried.
    """
    model = _near_zero(model)
    order = _row_order(model.factors)
    factors = [_ordered(f, order) for f in model.factors]
    widths = sorted(f.n_levels * len(f.columns) for f in factors)
    memory = available_memory() if sum(widths[:-1]) > ALWAYS_FITS else float("inf")
    try:
        handle = _kernels.glmm(
            len(model.offset),
            [f.codes for f in factors],
            [f.n_levels for f in factors],
            [list(f.columns) for f in factors],
            [f.scale for f in factors],
            model.observed,
            SOLVERS.index(model.solver),
            memory,
        )
    except ValueError as too_large:
        raise FitError(
            f"the crossed grouping factors are too large to solve exactly: {too_large}; leave out "
            "or coarsen the factor with the second most levels, or use a machine with more memory"
        ) from too_large
    _set_rows(handle, model.rows, order)
    return CompiledGlmm(handle, model, order)


def _near_zero(model: GlmmInput) -> GlmmInput:
    """The same model with its far columns of X centred: products with them would lose digits."""
    far = np.abs(model.center) > FAR * model.scale
    if not far.any():
        return model
    X = np.array(model.X, order="F")
    X[:, far] -= model.center[far]
    return replace(model, X=X, center=np.where(far, 0.0, model.center))


def _row_order(factors: tuple[FactorColumns, ...]) -> NDArray[np.intp] | None:
    """Rows by the level of the factor that is eliminated first; None where they are."""
    first = int(np.argmax([f.n_levels for f in factors]))
    codes = factors[first].codes
    if (codes[:-1] <= codes[1:]).all():
        return None
    return np.argsort(codes, kind="stable")


def _ordered(factor: FactorColumns, order: NDArray[np.intp] | None) -> FactorColumns:
    if order is None:
        return factor
    columns = tuple(None if c is None else c[order] for c in factor.columns)
    return replace(factor, codes=factor.codes[order], columns=columns)


def _set_rows(handle: _kernels.Glmm, rows: RowFunction, order: NDArray[np.intp] | None) -> None:
    """A compiled family where there is one, else the NumPy one called from C++."""
    if isinstance(rows, FamilyRows):
        if order is not None:
            rows = replace(rows, y=rows.y[order], weights=rows.weights[order])
        if rows.compiled:
            y, weights = np.ascontiguousarray(rows.y), np.ascontiguousarray(rows.weights)
            handle.set_family(rows.compiled, y, weights, compiled_constant(rows))
            return
        order = None
    numpy = NumpyRows(rows, order)
    handle.set_python_family(numpy.step, numpy.slopes)


@dataclass(frozen=True, slots=True, eq=False)
class NumpyRows:
    """A family written in Python, as the compiled side calls it; a phi of NaN means none.

    Parameters
    ----------
    rows : RowFunction
        The family with its data.
    order : (n,) int or None
        Order of the compiled side, where the family's data are not in it already.
    """

    rows: RowFunction
    order: NDArray[np.intp] | None

    def step(self, eta: FloatArray, phi: float) -> tuple[float, FloatArray, FloatArray, FloatArray]:
        """Log-likelihood, d1, -d2 and the expected information."""
        terms = self.rows(self._outside(eta), None if np.isnan(phi) else phi)
        total = float(np.sum(terms.loglik))
        return total, self._inside(terms.d1), self._inside(-terms.d2), self._inside(terms.info)

    def slopes(
        self, eta: FloatArray, phi: float, observed: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Derivatives of the weights by eta; of log-likelihood, d1 and weights by log phi."""
        terms = self.rows(self._outside(eta), None if np.isnan(phi) else phi)
        slope = self._inside(-terms.d3 if observed else terms.dinfo)
        own, d1, d2, info = terms.phi_loglik, terms.phi_d1, terms.phi_d2, terms.phi_info
        if own is None or d1 is None or d2 is None or info is None:
            none = np.zeros(0)
            return slope, none, none, none
        weight = -d2 if observed else info
        return slope, self._inside(own), self._inside(d1), self._inside(weight)

    def _inside(self, values: FloatArray) -> FloatArray:
        return np.ascontiguousarray(values if self.order is None else values[self.order])

    def _outside(self, values: FloatArray) -> FloatArray:
        if self.order is None:
            return values
        out = np.empty_like(values)
        out[self.order] = values
        return out
