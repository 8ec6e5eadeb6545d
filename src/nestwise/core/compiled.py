"""The compiled kernel behind the interface of `nestwise.core.kernel.Kernel`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import FitError
from nestwise.core import _kernels
from nestwise.core.kernel import KenwardRogerSums, KernelInput, KernelResult
from nestwise.core.memory import available_memory
from nestwise.core.threads import limited

SOLVERS = ("auto", "dense", "sparse")
"""Ways to factorise what is left after elimination by level; positions are the C++ codes."""


SPEED, LONG = 1.5e10, 20.0
"""Multiplications a second, roughly, and the seconds of an evaluation that are told beforehand."""

ALWAYS_FITS = 1000
"""Order of the remainder that fits into any machine's memory."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledKernel:
    """Cross-products held by the C++ core.

    Parameters
    ----------
    handle : CrossProducts
        Opaque; `n_chain` and `tail` say how it is eliminated.
    threads : int
        Threads that BLAS may use on a large dense remainder.
    """

    handle: _kernels.CrossProducts
    threads: int

    @property
    def method(self) -> str:
        """See `Kernel.method`."""
        order, stored = self.handle.tail, self.handle.sparse_values
        if not order:
            return "by level"
        if stored:
            return f"by level, then a sparse factor of order {order} with {stored} values"
        return f"by level, then a dense factor of order {order}"

    @property
    def dense_order(self) -> int:
        """See `Kernel.dense_order`."""
        return int(self.handle.tail + self.handle.p)

    def evaluate(
        self, lambdas: FloatArray, entries: IntArray, reml: bool, order: int
    ) -> KernelResult:
        """See `Kernel.evaluate`."""
        with limited(self.dense_order, self.threads):
            return KernelResult(*self.handle.evaluate(lambdas, entries, reml, order))

    def gradient_differences(
        self,
        lambdas: FloatArray,
        entries: IntArray,
        reml: bool,
        precision: float,
        steps: FloatArray,
        base: FloatArray | None,
    ) -> FloatArray:
        """See `Kernel.gradient_differences`."""
        with limited(self.dense_order, self.threads):
            return self.handle.gradient_differences(lambdas, entries, reml, precision, steps, base)

    def vcov_forms(self, lambdas: FloatArray, entries: IntArray) -> FloatArray:
        """See `Kernel.vcov_forms`."""
        with limited(self.dense_order, self.threads):
            return self.handle.vcov_forms(lambdas, entries)

    def kenward_roger(
        self, lambdas: FloatArray, entries: IntArray, traces: bool
    ) -> KenwardRogerSums:
        """See `Kernel.kenward_roger`."""
        with limited(self.dense_order, self.threads):
            return KenwardRogerSums(*self.handle.kenward_roger(lambdas, entries, traces))

    def conditional_faces(self, lambdas: FloatArray) -> FloatArray:
        """See `Kernel.conditional_faces`."""
        with limited(self.dense_order, self.threads):
            return self.handle.conditional_faces(lambdas)

    def solve(self, lambdas: FloatArray, rhs: FloatArray) -> FloatArray:
        """See `Kernel.solve`."""
        with limited(self.dense_order, self.threads):
            return self.handle.solve(lambdas, np.ascontiguousarray(rhs))

    def row_forms(
        self,
        lambdas: FloatArray,
        levels: Sequence[IntArray],
        values: Sequence[FloatArray],
        X: FloatArray,
    ) -> FloatArray:
        """See `Kernel.row_forms`."""
        rows = [np.ascontiguousarray(v) for v in values]
        with limited(self.dense_order, self.threads):
            return self.handle.row_forms(lambdas, list(levels), rows, np.ascontiguousarray(X))

    def moments(self, entries: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Kernel.moments`."""
        return self.handle.moments(entries)


def _memory(rows: KernelInput) -> float:
    """Bytes that the remainder may take; the system is only asked where it could matter."""
    widths = sorted(f.n_levels * len(f.columns) for f in rows.factors)
    return available_memory() if sum(widths[:-1]) > ALWAYS_FITS else float("inf")


def compiled_kernel(rows: KernelInput) -> CompiledKernel:
    """Read the rows once and keep their cross-products.

    Parameters
    ----------
    rows : KernelInput
        The rows of the model; read, not kept.

    Returns
    -------
    CompiledKernel
        Its evaluations cost O(levels), not O(rows).

    Raises
    ------
    FitError
        When the factor would not fit into the memory that is available; nothing is tried.
    """
    try:
        handle = _kernels.cross_products(
            rows.y,
            np.asfortranarray(rows.X),
            rows.center,
            rows.scale,
            rows.weights,
            [f.codes for f in rows.factors],
            [f.n_levels for f in rows.factors],
            [list(f.columns) for f in rows.factors],
            [f.scale for f in rows.factors],
            SOLVERS.index(rows.solver),
            _memory(rows),
        )
    except ValueError as too_large:
        raise FitError(
            f"the crossed grouping factors are too large to solve exactly: {too_large}; leave out "
            "or coarsen the factor with the second most levels, or use a machine with more memory"
        ) from too_large
    announce(handle.work, handle.tail)
    return CompiledKernel(handle, rows.threads)


def announce(work: float, order: int) -> None:
    """Say beforehand, by the logger ``nestwise``, what an evaluation will take if it is long.

    Parameters
    ----------
    work : float
        Multiplications of one evaluation.
    order : int
        Order of the matrix that is left of crossed factors.
    """
    seconds = work / SPEED
    if seconds > LONG:
        logging.getLogger("nestwise").warning(
            "the crossed grouping factors leave a matrix of order %d: one evaluation will take "
            "about %.0f %s, and a fit needs 3 to 15 of them; Ctrl-C stops it, and coarser or fewer "
            "crossed factors make it shorter",
            order,
            *((seconds, "seconds") if seconds < 100.0 else (seconds / 60.0, "minutes")),
        )
