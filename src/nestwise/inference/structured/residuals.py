"""Residuals of fits with structured residuals."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise.core.structured.covariance import error_covariance, structure_at
from nestwise.fit.structured_result import StructuredFit

TYPES = ("response", "pearson", "normalized", "scaled")


def structured_residuals(fit: StructuredFit, raw: FloatArray, type: str) -> FloatArray:
    """Residuals of the rows used.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    raw : (n,) float64
        y - fitted.
    type : str
        ``"response"``; ``"pearson"`` (or ``"scaled"``): divided by their standard deviations;
        ``"normalized"``: multiplied by the inverse Cholesky factor of their covariance, subject
        by subject in the order of visits, so that they are independent with variance one.

    Returns
    -------
    (n,) float64

    Raises
    ------
    OptionError
        When `type` is not known.

    Source
    ------
    Pinheiro & Bates (2000), section 5.3.3 (normalized residuals).
    """
    kind = one_of("type", type, TYPES)
    if kind == "response":
        return raw
    if kind != "normalized":
        return np.asarray(raw / np.sqrt(residual_variances(fit)))
    problem, out = fit.problem, np.empty(raw.size)
    if problem.chain is not None:
        return problem.chain.whiten(fit.par[-1], np.ascontiguousarray(raw)) / fit.sigma
    found = structure_at(problem.arrays, problem.blocks, fit.filled)
    for pattern in problem.blocks.patterns:
        R, _, _ = error_covariance(problem.arrays, problem.blocks, pattern, fit.filled, found)
        L = np.linalg.cholesky(R)
        out[pattern.rows] = np.linalg.solve(L, raw[pattern.rows].T).T
    return out / fit.sigma


def residual_variances(fit: StructuredFit) -> FloatArray:
    """(n,) variances of the residuals, sigma^2 times the diagonal of R, on the rows used.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> bool(abs(residual_variances(m.fit) / m.sigma**2 - 1.0).max() < 1e-12)
    True
    """
    problem, errors = fit.problem, fit.problem.arrays.errors
    if errors.structure is None or not errors.structure.heterogeneous:
        own = fit.filled[fit.filled.size - errors.features.shape[1] :]
        variances = fit.sigma**2 * np.exp(2.0 * (errors.features @ own))
        return np.asarray(variances if errors.weights is None else variances / errors.weights)
    out = np.empty(fit.design.y.size)
    found = structure_at(problem.arrays, problem.blocks, fit.filled)
    for pattern in problem.blocks.patterns:
        R, _, _ = error_covariance(problem.arrays, problem.blocks, pattern, fit.filled, found)
        out[pattern.rows] = R.diagonal()
    return fit.sigma**2 * out


def correlated(fit: StructuredFit, e: FloatArray) -> FloatArray:
    """Independent draws made into draws of the residuals: L e of every subject.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    e : (n,) float64
        Independent, with standard deviation sigma.
    """
    problem, out = fit.problem, np.empty(e.size)
    if problem.chain is not None:
        return problem.chain.colour(fit.par[-1], np.ascontiguousarray(e))
    found = structure_at(problem.arrays, problem.blocks, fit.filled)
    for pattern in problem.blocks.patterns:
        R, _, _ = error_covariance(problem.arrays, problem.blocks, pattern, fit.filled, found)
        out[pattern.rows] = e[pattern.rows] @ np.linalg.cholesky(R).T
    return out
