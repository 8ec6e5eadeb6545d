"""Types of the compiled module."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray, IntArray

Evaluated: TypeAlias = tuple[
    float,
    float,
    float,
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray,
]

class CrossProducts:
    n: int
    p: int
    n_chain: int
    tail: int
    sparse_values: int
    work: float
    pair_values: int
    def evaluate(
        self, lambdas: FloatArray, entries: IntArray, reml: bool, order: int
    ) -> Evaluated: ...
    def gradient_differences(
        self,
        lambdas: FloatArray,
        entries: IntArray,
        reml: bool,
        precision: float,
        steps: FloatArray,
        base: FloatArray | None,
    ) -> FloatArray: ...
    def vcov_forms(self, lambdas: FloatArray, entries: IntArray) -> FloatArray: ...
    def kenward_roger(
        self, lambdas: FloatArray, entries: IntArray, traces: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]: ...
    def conditional_faces(self, lambdas: FloatArray) -> FloatArray: ...
    def solve(self, lambdas: FloatArray, rhs: FloatArray) -> FloatArray: ...
    def row_forms(
        self,
        lambdas: FloatArray,
        levels: Sequence[IntArray],
        values: Sequence[FloatArray],
        X: FloatArray,
    ) -> FloatArray: ...
    def with_response(self, zy: FloatArray, xy: FloatArray, yy: float) -> CrossProducts: ...
    def minimise(
        self,
        par: FloatArray,
        entries: IntArray,
        reml: bool,
        tolerance: float,
        max_evaluations: int,
    ) -> tuple[FloatArray, float, float, float, float, FloatArray, float, int, bool]: ...
    def descend(
        self,
        par: FloatArray,
        entries: IntArray,
        reml: bool,
        tolerance: float,
        max_evaluations: int,
        patience: int,
        leave: float,
        probes: int,
    ) -> tuple[FloatArray, FloatArray, FloatArray, float, int, int, Evaluated]: ...
    def estimated_gradient(
        self, lambdas: FloatArray, entries: IntArray, reml: bool, signs: int, complete: int
    ) -> tuple[FloatArray, FloatArray, list[int], list[bool]]: ...
    def moments(self, entries: IntArray) -> tuple[FloatArray, FloatArray]: ...

def make_basis(
    y: FloatArray, X: FloatArray, intercept: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]: ...
def smallest_eigenvalue(A: FloatArray) -> float: ...
def least_curvature(H: FloatArray, least: float) -> float: ...
def invert_lower(L: FloatArray) -> FloatArray: ...
def moment_start(
    gram: FloatArray,
    quadratic: FloatArray,
    n: float,
    entries: IntArray,
    widths: Sequence[int],
) -> FloatArray: ...
def cross_products(
    y: FloatArray,
    X: FloatArray,
    x_center: FloatArray,
    x_scale: FloatArray,
    weights: FloatArray | None,
    codes: Sequence[IntArray],
    n_levels: Sequence[int],
    columns: Sequence[Sequence[FloatArray | None]],
    scales: Sequence[FloatArray],
    solver: int,
    memory: float,
) -> CrossProducts: ...

Descended: TypeAlias = tuple[
    FloatArray,
    float,
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray,
    float,
    int,
    float,
    int,
    int,
    tuple[FloatArray, FloatArray] | None,
]

class Glmm:
    tail: int
    def descend(
        self,
        psi: FloatArray,
        u: FloatArray,
        hessian: FloatArray,
        entries: IntArray,
        X: FloatArray,
        center: FloatArray,
        scale: FloatArray,
        offset: FloatArray,
        order: NDArray[np.int64],
        near: float,
        tolerance: float,
        evaluations: int,
        exact: bool,
        low: float,
        high: float,
    ) -> Descended: ...
    def set_family(
        self, name: str, y: FloatArray, weights: FloatArray, constant: float
    ) -> None: ...
    def set_python_family(
        self,
        step: Callable[[FloatArray, float], tuple[float, FloatArray, FloatArray, FloatArray]],
        slopes: Callable[
            [FloatArray, float, bool], tuple[FloatArray, FloatArray, FloatArray, FloatArray]
        ],
    ) -> None: ...
    def laplace(
        self,
        lambdas: FloatArray,
        entries: IntArray,
        fixed: FloatArray,
        phi: float,
        u: FloatArray,
        order: int,
    ) -> tuple[float, FloatArray, FloatArray, FloatArray, FloatArray, float, float, int]: ...

def glmm(
    n: int,
    codes: Sequence[IntArray],
    n_levels: Sequence[int],
    columns: Sequence[Sequence[FloatArray | None]],
    scales: Sequence[FloatArray],
    observed: bool,
    solver: int,
    memory: float,
) -> Glmm: ...
def begin_glmm(
    family: str,
    dispersion: int,
    y: FloatArray,
    weights: FloatArray,
    offset: FloatArray,
    eta: FloatArray,
    X: FloatArray,
    intercept: int,
    rounds: int,
    codes: Sequence[IntArray],
    n_levels: Sequence[int],
    columns: Sequence[Sequence[FloatArray | None]],
    scales: Sequence[FloatArray],
    entries: IntArray,
    solver: int,
    memory: float,
) -> (
    tuple[
        CrossProducts,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
        float,
        FloatArray,
        FloatArray,
        float,
    ]
    | None
): ...

class LevelRows:
    def descend(
        self,
        psi: FloatArray,
        u: FloatArray,
        hessian: FloatArray,
        entries: IntArray,
        X: FloatArray,
        center: FloatArray,
        scale: FloatArray,
        offset: FloatArray,
        order: NDArray[np.int64],
        nodes: FloatArray,
        log_weights: FloatArray,
        constant: float,
        near: float,
        tolerance: float,
        evaluations: int,
        exact: bool,
    ) -> Descended: ...
    def evaluate(
        self,
        lambdas: FloatArray,
        fixed: FloatArray,
        u: FloatArray,
        nodes: FloatArray,
        log_weights: FloatArray,
        order: int,
    ) -> tuple[float, float, bool, int, FloatArray, FloatArray, FloatArray, FloatArray]: ...

def level_rows(
    family: int,
    y: FloatArray,
    weights: FloatArray,
    codes: IntArray,
    n_levels: int,
    columns: Sequence[FloatArray | None],
    scale: FloatArray,
) -> LevelRows: ...

class InterceptRows:
    def evaluate(
        self,
        lambda_: float,
        beta: FloatArray,
        u: FloatArray,
        nodes: FloatArray,
        log_weights: FloatArray,
        order: int,
        part: float,
    ) -> tuple[
        float,
        float,
        bool,
        int,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
    ]: ...
    def descend(
        self,
        psi: FloatArray,
        u: FloatArray,
        nodes: FloatArray,
        log_weights: FloatArray,
        constant: float,
        near: float,
        tolerance: float,
        evaluations: int,
        exact: bool,
    ) -> Descended: ...

def intercept_rows(
    family: int,
    y: FloatArray,
    weights: FloatArray,
    codes: IntArray,
    n_levels: int,
    offset: FloatArray,
    X: FloatArray,
    center: FloatArray,
    scale: FloatArray,
) -> InterceptRows: ...
def lane_functions(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]: ...
def family_step(
    name: str, y: FloatArray, weights: FloatArray, eta: FloatArray, phi: float
) -> tuple[float, FloatArray, FloatArray, FloatArray]: ...

class StructuredPatterns:
    def add(
        self,
        count: int,
        position: IntArray,
        subject: IntArray,
        arm: IntArray,
        features: FloatArray,
        root: FloatArray,
        Z: Sequence[FloatArray],
        level: Sequence[IntArray],
        table: FloatArray,
        rows: FloatArray,
    ) -> None: ...
    def evaluate(
        self,
        R: FloatArray,
        dR: FloatArray,
        log_sd: FloatArray,
        lambdas: Sequence[FloatArray],
        df: float,
        reml: bool,
    ) -> tuple[
        bool,
        float,
        float,
        float,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
        FloatArray,
    ]: ...

class Chain:
    def evaluate(self, par: FloatArray, reml: bool) -> tuple[Any, ...]: ...
    def descend(
        self, par: FloatArray, reml: bool, tolerance: float, max_evaluations: int
    ) -> tuple[tuple[Any, ...], int, float, int]: ...
    def curvature(
        self, par: FloatArray, reml: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None: ...
    def short_of_one(self, par: float) -> float: ...
    def whiten(self, par: float, e: FloatArray) -> FloatArray: ...
    def colour(self, par: float, e: FloatArray) -> FloatArray: ...
    def weigh(self, par: FloatArray, e: FloatArray) -> FloatArray: ...

def chain(
    Q: FloatArray,
    y: FloatArray,
    subject: IntArray,
    time: FloatArray,
    weights: FloatArray | None,
    codes: Sequence[IntArray],
    Z: Sequence[FloatArray],
    entries: IntArray,
    by_time: bool,
    RX: FloatArray,
) -> Chain | None: ...
def least_squares(
    X: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]: ...
def structured_patterns(
    c: int,
    u: int,
    arms: int,
    s: int,
    f: int,
    structured: bool,
    widths: Sequence[int],
    entries: IntArray,
) -> StructuredPatterns: ...

class SparsePattern:
    order: int
    values: int
    def positions(self, rows: IntArray, columns: IntArray) -> NDArray[np.int64]: ...
    def factorise(self, values: FloatArray) -> FloatArray: ...
    def inverse(self, L: FloatArray) -> FloatArray: ...
    def solve(self, L: FloatArray, X: FloatArray, forward: bool) -> FloatArray: ...

def sparse_pattern(
    start: NDArray[np.int64], neighbour: IntArray, width: IntArray, full: bool
) -> SparsePattern: ...
