"""Weighted least squares by an orthogonal decomposition."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import lapack

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.design.model import Design
from nestwise.fit.result import LmFit

ROUNDING = 1e-28
"""Share of the sum of squares of y below which the residuals are rounding errors only."""


def fit_lm(design: Design) -> LmFit:
    """Fit a linear model without random part.

    Minimises the weighted residual sum of squares of y - offset through Householder's QR of
    sqrt(W) X, which `design` made of full column rank.

    Parameters
    ----------
    design : Design
        The arrays; ``design.terms`` is empty.

    Returns
    -------
    LmFit

    Raises
    ------
    FitError
        When there is no coefficient, no residual degree of freedom, or nothing left over.

    Source
    ------
    Golub & Van Loan (2013), Matrix Computations, section 5.3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> round(fit_lm(m.fit.design).sigma, 3)
    47.715
    """
    X, y = design.fixed.X, design.y if design.offset is None else design.y - design.offset
    n, p = X.shape
    _check_size(design, n, p)
    root = None if design.weights is None else np.sqrt(design.weights)
    qr, tau, effects = _decompose(X if root is None else X * root[:, None], y, root)
    R = np.triu(qr[:p])
    inverse, _ = lapack.dtrtri(R)
    rss = float(np.dot(effects[p:], effects[p:]))
    Q, _, _ = lapack.dorgqr(qr, tau, lwork=64 * p)
    if not rss > ROUNDING * float(np.dot(effects, effects)):
        raise FitError(
            f"the model fits all {n} rows without any residual, so nothing can be tested; leave "
            "out a term, or check that the response is not among the predictors"
        )
    return LmFit(
        design=design,
        beta=inverse @ effects[:p],
        unscaled_vcov=inverse @ inverse.T,
        sigma=math.sqrt(rss / (n - p)),
        rss=rss,
        df_resid=n - p,
        loglik=_loglik(rss, n, design.weights),
        effects=effects,
        hat=np.einsum("ij,ij->i", Q, Q),
        diagnostics=design.diagnostics,
    )


def residual_sum_of_squares(X: FloatArray, y: FloatArray, weights: FloatArray | None) -> float:
    """Weighted residual sum of squares of y on the columns of X, of full column rank.

    Parameters
    ----------
    X : (n, q) float64
        Columns; q may be zero.
    y : (n,) float64
        Response less offset.
    weights : (n,) float64 or None
        Prior weights.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> residual_sum_of_squares(np.ones((3, 1)), np.array([1.0, 2.0, 3.0]), None)
    2.0
    """
    root = None if weights is None else np.sqrt(weights)
    if X.shape[1] == 0:
        return float(np.dot(y, y) if weights is None else np.dot(weights, y * y))
    _, _, effects = _decompose(X if root is None else X * root[:, None], y, root)
    rest = effects[X.shape[1] :]
    return float(np.dot(rest, rest))


def _check_size(design: Design, n: int, p: int) -> None:
    if p == 0:
        raise FitError(
            f"the formula {design.formula.text!r} leaves no coefficient to estimate; keep the "
            "intercept or add a predictor"
        )
    if n <= p:
        raise FitError(
            f"{p} coefficients cannot be estimated with a residual variance from {n} rows; leave "
            "out terms or add rows"
        )


def _decompose(
    X: FloatArray, y: FloatArray, root: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Householder QR of X (already weighted) and Q' sqrt(W) y."""
    qr, tau, _, _ = lapack.dgeqrf(X)
    column = (y if root is None else y * root)[:, None]
    effects, _, _ = lapack.dormqr("L", "T", qr, tau, column, lwork=64)
    return qr, tau, effects[:, 0]


def _loglik(rss: float, n: int, weights: FloatArray | None) -> float:
    """Gaussian log-likelihood at the maximum-likelihood variance rss / n."""
    kernel = -0.5 * n * (math.log(2.0 * math.pi * rss / n) + 1.0)
    return kernel + (0.0 if weights is None else 0.5 * float(np.log(weights).sum()))
