"""What a kernel of the linear mixed model answers; the compiled one and its NumPy twin agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nestwise._base.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class FactorColumns:
    """The random-effects columns of all terms of one grouping factor, side by side.

    Parameters
    ----------
    codes : (n,) int32
        Level of each row.
    n_levels : int
        Number of levels, all of which occur.
    columns : tuple of (n,) float64 or None
        The k columns; None is constantly one.
    scale : (k,) float64
        What each column is divided by inside the kernel.
    """

    codes: IntArray
    n_levels: int
    columns: tuple[FloatArray | None, ...]
    scale: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class KernelInput:
    """Rows of a model, as a kernel reads them once.

    Parameters
    ----------
    y : (n,) float64
        Response less offset and a first fit by least squares.
    X : (n, p) float64, Fortran order
        Fixed-effects columns in the user's units.
    center, scale : (p,) float64
        Subtracted from, then divided into, the columns of X as they are read.
    weights : (n,) float64 or None
        Prior weights.
    factors : tuple of FactorColumns
        The grouping factors.
    threads : int
        Threads that the linear algebra may use.
    solver : str
        How what is left after elimination by level is factorised: ``"auto"`` (by predicted
        cost), ``"dense"`` or ``"sparse"``.
    """

    y: FloatArray
    X: FloatArray
    center: FloatArray
    scale: FloatArray
    weights: FloatArray | None
    factors: tuple[FactorColumns, ...]
    threads: int = 1
    solver: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class KernelResult:
    """One evaluation, in the scaled units of the kernel.

    Parameters
    ----------
    ldL2 : float
        log|M|, M = Lambda'Z'WZ Lambda + I.
    ldRX2 : float
        log|R_X|^2 of the scaled X.
    pwrss : float
        rho^2(theta), the penalised weighted residual sum of squares.
    beta : (p,) float64
        Fixed effects of the scaled X and centred y.
    RX : (p, p) float64, lower triangle
        Cholesky factor of X'V0^-1X (scaled X).
    u : (q,) float64
        Spherical random effects: factor by factor, level by level.
    grad_logdet, grad_pwrss : (m,) float64
        Derivatives of log|M| (ML) or log|K| (REML), and of rho^2, by the free entries of Lambda.
    gram : (m, m) float64
        <w_i, w_j>_P, w_i = Z(Lambda_i' u + Lambda Lambda_i'Z'We): average information.
    score : (m,) float64
        <w_i, y>_P = w_i'We.
    faces : (sum k^2,) float64
        For each factor the sum over levels of the diagonal k x k face of the inverse.
    residual_gram : (sum k^2,) float64
        For each factor the sum over levels of v v', v = Z'We.
    """

    ldL2: float
    ldRX2: float
    pwrss: float
    beta: FloatArray
    RX: FloatArray
    u: FloatArray
    grad_logdet: FloatArray
    grad_pwrss: FloatArray
    gram: FloatArray
    score: FloatArray
    faces: FloatArray
    residual_gram: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class KenwardRogerSums:
    """Traces and Gram matrices of Kenward & Roger's adjustment, in the units of the kernel.

    V0 = I + sum_a t_a V_a with V_a = Z S_a Z', S_a the symmetric unit matrix of the entry a.

    Parameters
    ----------
    first : (m,) float64
        tr(V0^-1 V_a).
    second : (m, m) float64
        tr(V0^-1 V_a V0^-1 V_b).
    plain, weighted : (p (m + 1), p (m + 1)) float64
        F'F and F'V0^-1 F; F stacks F_a = V_a V0^-1 X and, last, V0^-1 X.
    """

    first: FloatArray
    second: FloatArray
    plain: FloatArray
    weighted: FloatArray


class Kernel(Protocol):
    """The operations on cross-products that everything else is made of.

    `lambdas` is the concatenation over factors of the k x k relative Cholesky factor (row-major);
    `entries` lists the m free entries as rows (factor, row, column); `order` 0 asks for the
    criterion, 1 adds the gradient, 2 the average information.
    """

    @property
    def method(self) -> str:
        """How the equations are solved, in words."""
        ...

    @property
    def dense_order(self) -> int:
        """Order of the dense matrix that is left when all that can be is eliminated by level."""
        ...

    def evaluate(
        self, lambdas: FloatArray, entries: IntArray, reml: bool, order: int
    ) -> KernelResult:
        """Criterion, and derivatives as far as `order` asks."""
        ...

    def gradient_differences(
        self,
        lambdas: FloatArray,
        entries: IntArray,
        reml: bool,
        precision: float,
        steps: FloatArray,
        base: FloatArray | None,
    ) -> FloatArray:
        """(m, m): derivatives of grad_logdet + precision * grad_pwrss by differences over `steps`,
        central, or one-sided from the gradient `base` where that is given."""
        ...

    def vcov_forms(self, lambdas: FloatArray, entries: IntArray) -> FloatArray:
        """(m, p, p): X'V0^-1 (dV0/dtheta_i) V0^-1 X."""
        ...

    def kenward_roger(
        self, lambdas: FloatArray, entries: IntArray, traces: bool
    ) -> KenwardRogerSums:
        """Gram matrices of Kenward & Roger's adjustment and, if wanted, its traces (else NaN)."""
        ...

    def conditional_faces(self, lambdas: FloatArray) -> FloatArray:
        """(sum m_f k_f^2,): diagonal faces of M^-1, factor by factor, level by level."""
        ...

    def solve(self, lambdas: FloatArray, rhs: FloatArray) -> FloatArray:
        """(q + p, r): the mixed-model equations in (u, beta) solved for r right-hand sides."""
        ...

    def row_forms(
        self,
        lambdas: FloatArray,
        levels: Sequence[IntArray],
        values: Sequence[FloatArray],
        X: FloatArray,
    ) -> FloatArray:
        """(r,): a'K^-1 a for sparse rows a: one level (or -1) and (r, k) values a factor; X."""
        ...

    def moments(self, entries: IntArray) -> tuple[FloatArray, FloatArray]:
        """tr(V_i V_j), (m + 1, m + 1), and y'V_i y, (m + 1,), of the components; last is I."""
        ...
