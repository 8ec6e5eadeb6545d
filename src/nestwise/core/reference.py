"""The NumPy twin of the compiled kernel: dense, readable, slow; the two must agree.

Source: Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), sections 3.4-3.6, for the
criterion; Gilmour, Thompson & Cullis (1995), Biometrics 51, for the average information.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag, cho_factor, cho_solve

from nestwise._base.arrays import FloatArray, IntArray
from nestwise.core.kernel import FactorColumns, KenwardRogerSums, KernelInput, KernelResult


@dataclass(frozen=True, slots=True, eq=False)
class DenseKernel:
    """Dense arrays behind the interface of `nestwise.core.kernel.Kernel`.

    Parameters
    ----------
    y : (n,) float64
        Response times the square root of the prior weights.
    X : (n, p) float64
        Scaled fixed-effects matrix, rows times root weight.
    Z : (n, q) float64
        All random-effects columns, factor by factor, level by level, rows times root weight.
    shapes : tuple of (k, n_levels)
        Width and number of levels of each factor.
    """

    y: FloatArray
    X: FloatArray
    Z: FloatArray
    shapes: tuple[tuple[int, int], ...]

    @property
    def method(self) -> str:
        """See `Kernel.method`."""
        return "dense reference"

    @property
    def dense_order(self) -> int:
        """See `Kernel.dense_order`."""
        return int(self.Z.shape[1] + self.X.shape[1])

    def evaluate(
        self, lambdas: FloatArray, entries: IntArray, reml: bool, order: int
    ) -> KernelResult:
        """See `Kernel.evaluate`."""
        return evaluate(self, lambdas, entries, reml)

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
        rows = []
        for i, step in enumerate(steps):
            up, down = (
                evaluate(self, _shifted(self, lambdas, entries[i], side), entries, reml)
                for side in (step, -step)
            )
            ends = [r.grad_logdet + precision * r.grad_pwrss for r in (up, down)]
            row = (ends[0] - ends[1]) / (2.0 * step) if base is None else (ends[0] - base) / step
            rows.append(row)
        out = np.array(rows)
        return np.asarray(0.5 * (out + out.T))

    def vcov_forms(self, lambdas: FloatArray, entries: IntArray) -> FloatArray:
        """See `Kernel.vcov_forms`."""
        return vcov_forms(self, lambdas, entries)

    def kenward_roger(
        self, lambdas: FloatArray, entries: IntArray, traces: bool
    ) -> KenwardRogerSums:
        """See `Kernel.kenward_roger`."""
        return kenward_roger(self, lambdas, entries)

    def conditional_faces(self, lambdas: FloatArray) -> FloatArray:
        """See `Kernel.conditional_faces`."""
        return np.concatenate([f.ravel() for f in _faces(self, _inverse(self, lambdas, False))])

    def solve(self, lambdas: FloatArray, rhs: FloatArray) -> FloatArray:
        """See `Kernel.solve`."""
        return np.asarray(np.linalg.solve(_coefficients(self, lambdas, True), rhs))

    def row_forms(
        self,
        lambdas: FloatArray,
        levels: Sequence[IntArray],
        values: Sequence[FloatArray],
        X: FloatArray,
    ) -> FloatArray:
        """See `Kernel.row_forms`."""
        A = np.hstack([_spread(self.shapes, levels, values), X])
        return np.asarray(np.einsum("ri,ir->r", A, self.solve(lambdas, A.T)))

    def moments(self, entries: IntArray) -> tuple[FloatArray, FloatArray]:
        """See `Kernel.moments`."""
        V = [*_components(self, entries), np.eye(len(self.y))]
        gram = np.array([[float(np.sum(a * b)) for a in V] for b in V])
        return gram, np.array([float(self.y @ a @ self.y) for a in V])


def dense_kernel(rows: KernelInput) -> DenseKernel:
    """The dense twin of `nestwise.core.compiled.compiled_kernel`."""
    root = np.ones(len(rows.y)) if rows.weights is None else np.sqrt(rows.weights)
    blocks = [dense_z(f, root) for f in rows.factors]
    return DenseKernel(
        y=rows.y * root,
        X=(rows.X - rows.center) / rows.scale * root[:, None],
        Z=np.hstack(blocks) if blocks else np.zeros((len(rows.y), 0)),
        shapes=tuple((len(f.columns), f.n_levels) for f in rows.factors),
    )


def dense_z(factor: FactorColumns, root_weight: FloatArray) -> FloatArray:
    """(n, n_levels * k): the random-effects columns of one factor, level by level."""
    n, k = len(factor.codes), len(factor.columns)
    Z = np.zeros((n, factor.n_levels, k))
    for j, column in enumerate(factor.columns):
        value = 1.0 if column is None else column / factor.scale[j]
        Z[np.arange(n), factor.codes, j] = root_weight * value
    return Z.reshape(n, factor.n_levels * k)


def _spread(
    shapes: tuple[tuple[int, int], ...], levels: Sequence[IntArray], values: Sequence[FloatArray]
) -> FloatArray:
    """(r, q): each row's values at its level of each factor, zero elsewhere."""
    blocks = []
    for (k, m), level, value in zip(shapes, levels, values, strict=True):
        block = np.zeros((len(level), m, k))
        known = np.flatnonzero(level >= 0)
        block[known, level[known]] = value[known]
        blocks.append(block.reshape(len(level), m * k))
    return np.hstack(blocks)


def _big_lambda(kernel: DenseKernel, lambdas: FloatArray) -> FloatArray:
    """(q, q): Lambda, block diagonal over factors and levels."""
    parts, at = [], 0
    for k, m in kernel.shapes:
        template = lambdas[at : at + k * k].reshape(k, k)
        parts.append(np.kron(np.eye(m), template))
        at += k * k
    return np.asarray(block_diag(*parts), dtype=np.float64)


def _lambda_dot(kernel: DenseKernel, entry: IntArray) -> FloatArray:
    """(q, q): derivative of Lambda by one free entry (factor, row, column)."""
    parts = []
    for f, (k, m) in enumerate(kernel.shapes):
        unit = np.zeros((k, k))
        if f == entry[0]:
            unit[entry[1], entry[2]] = 1.0
        parts.append(np.kron(np.eye(m), unit))
    return np.asarray(block_diag(*parts), dtype=np.float64)


def _components(kernel: DenseKernel, entries: IntArray) -> list[FloatArray]:
    """V_a = Z S_a Z', (n, n): derivatives of V0 by the (co)variances."""
    units = [_lambda_dot(kernel, entry) for entry in entries]
    symmetric = [u if (u == u.T).all() else u + u.T for u in units]
    return [np.asarray(kernel.Z @ u @ kernel.Z.T) for u in symmetric]


def _coefficients(kernel: DenseKernel, lambdas: FloatArray, reml: bool) -> FloatArray:
    """M, or with `reml` the coefficient matrix K of the mixed-model equations in (u, beta)."""
    A = kernel.Z @ _big_lambda(kernel, lambdas)
    if reml:
        A = np.hstack([A, kernel.X])
    K = A.T @ A
    q = kernel.Z.shape[1]
    K[:q, :q] += np.eye(q)
    return K


def _inverse(kernel: DenseKernel, lambdas: FloatArray, reml: bool) -> FloatArray:
    """Inverse of `_coefficients`."""
    K = _coefficients(kernel, lambdas, reml)
    return np.asarray(cho_solve(cho_factor(K), np.eye(len(K))))


def _faces(kernel: DenseKernel, C: FloatArray) -> list[FloatArray]:
    """Diagonal k x k faces of C, one (n_levels, k, k) array for each factor."""
    out, at = [], 0
    for k, m in kernel.shapes:
        idx = at + np.arange(m * k).reshape(m, k)
        out.append(C[idx[:, :, None], idx[:, None, :]])
        at += m * k
    return out


def _shifted(kernel: DenseKernel, lambdas: FloatArray, entry: IntArray, step: float) -> FloatArray:
    """The Lambdas with a step in one entry."""
    starts = np.cumsum([0] + [k * k for k, _ in kernel.shapes])
    f, r, c = entry.tolist()
    out = lambdas.copy()
    out[starts[f] + r * kernel.shapes[f][0] + c] += step
    return out


def _v0_inverse(kernel: DenseKernel, lambdas: FloatArray) -> FloatArray:
    """(n, n): inverse of V0 = I + Z Lambda Lambda' Z'."""
    ZL = kernel.Z @ _big_lambda(kernel, lambdas)
    return np.asarray(np.linalg.inv(np.eye(len(kernel.y)) + ZL @ ZL.T))


def evaluate(
    kernel: DenseKernel, lambdas: FloatArray, entries: IntArray, reml: bool
) -> KernelResult:
    """Criterion parts and all derivatives, by dense linear algebra.

    Parameters
    ----------
    kernel : DenseKernel
        Arrays of the model.
    lambdas : (sum k^2,) float64
        Relative Cholesky factors, row-major, factor by factor.
    entries : (m, 3) int32
        Free entries (factor, row, column).
    reml : bool
        Whether log|K| (REML) or log|M| (ML) is differentiated.

    Returns
    -------
    KernelResult
        Everything, whatever the order asked for.

    Examples
    --------
    >>> import numpy as np
    >>> k = DenseKernel(np.array([1.0, 2.0, 4.0, 5.0]), np.ones((4, 1)),
    ...                 np.kron(np.eye(2), np.ones((2, 1))), ((1, 2),))
    >>> r = evaluate(k, np.array([1.0]), np.array([[0, 0, 0]], dtype=np.int32), True)
    >>> round(r.ldL2, 6), round(float(r.beta[0]), 6)
    (2.197225, 3.0)
    """
    y, X = kernel.y, kernel.X
    Lambda = _big_lambda(kernel, lambdas)
    V0_inv = _v0_inverse(kernel, lambdas)
    XtVX = X.T @ V0_inv @ X
    RX = np.asarray(np.linalg.cholesky(XtVX), dtype=np.float64)
    beta = cho_solve((RX, True), X.T @ V0_inv @ y)
    e = V0_inv @ (y - X @ beta)
    v = kernel.Z.T @ e
    M = _coefficients(kernel, lambdas, False)
    C = _inverse(kernel, lambdas, reml)
    columns = np.hstack([kernel.Z @ Lambda, X]) if reml else kernel.Z @ Lambda
    Z_A = kernel.Z.T @ columns
    dots = [_lambda_dot(kernel, entry) for entry in entries]
    W = np.array([kernel.Z @ (D @ Lambda.T + Lambda @ D.T) @ v for D in dots])
    q = Lambda.shape[0]
    P = V0_inv - V0_inv @ X @ cho_solve((RX, True), X.T @ V0_inv)
    at = np.cumsum([0] + [k * m for k, m in kernel.shapes])
    levels = [v[at[f] : at[f + 1]].reshape(m, k) for f, (k, m) in enumerate(kernel.shapes)]
    return KernelResult(
        ldL2=float(np.linalg.slogdet(M)[1]),
        ldRX2=2.0 * float(np.log(np.diag(RX)).sum()),
        pwrss=float((y - X @ beta) @ e),
        beta=beta,
        RX=RX,
        u=Lambda.T @ v,
        grad_logdet=np.array([2.0 * float(np.sum((D.T @ Z_A) * C[:q])) for D in dots]),
        grad_pwrss=np.array([-float(e @ w) for w in W]),
        gram=np.array(W @ P @ W.T).reshape(len(entries), len(entries)),
        score=np.array([float(e @ w) for w in W]),
        faces=np.concatenate([f.sum(axis=0).ravel() for f in _faces(kernel, C)]),
        residual_gram=np.concatenate([(b.T @ b).ravel() for b in levels]),
    )


def vcov_forms(kernel: DenseKernel, lambdas: FloatArray, entries: IntArray) -> FloatArray:
    """(m, p, p): X'V0^-1 (dV0/dtheta_i) V0^-1 X, by dense linear algebra."""
    Lambda = _big_lambda(kernel, lambdas)
    E = kernel.Z.T @ _v0_inverse(kernel, lambdas) @ kernel.X
    out = []
    for entry in entries:
        half = E.T @ _lambda_dot(kernel, entry) @ Lambda.T @ E
        out.append(half + half.T)
    return np.array(out).reshape(len(entries), kernel.X.shape[1], kernel.X.shape[1])


def kenward_roger(kernel: DenseKernel, lambdas: FloatArray, entries: IntArray) -> KenwardRogerSums:
    """Kenward & Roger's traces and Gram matrices from the n x n matrices themselves."""
    V0_inv = _v0_inverse(kernel, lambdas)
    V = _components(kernel, entries)
    VX = V0_inv @ kernel.X
    F = np.hstack([*(a @ VX for a in V), VX])
    products = [V0_inv @ a for a in V]
    second = [[float(np.sum(a * b.T)) for b in products] for a in products]
    return KenwardRogerSums(
        first=np.array([float(np.trace(a)) for a in products]),
        second=np.array(second).reshape(len(V), len(V)),
        plain=F.T @ F,
        weighted=F.T @ V0_inv @ F,
    )
