"""A family with its link, response and weights filled in: what a kernel asks row by row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln

from nestwise._base.arrays import FloatArray
from nestwise.core import _kernels
from nestwise.core.families.binomial import BINOMIAL, log_choose
from nestwise.core.families.family import Family, RowTerms
from nestwise.core.families.gamma import GAMMA
from nestwise.core.families.negative_binomial import NEGATIVE_BINOMIAL
from nestwise.core.families.poisson import POISSON
from nestwise.core.glmm_kernel import RowFunction
from nestwise.core.links.link import Link
from nestwise.core.links.log import LOG
from nestwise.core.links.logit import LOGIT

COMPILED = {
    (BINOMIAL.rows, LOGIT): "binomial-logit",
    (POISSON.rows, LOG): "poisson-log",
    (NEGATIVE_BINOMIAL.rows, LOG): "negative_binomial-log",
    (GAMMA.rows, LOG): "gamma-log",
}
"""Rows and links that are evaluated in C++; others, and those of a user, go through NumPy."""

LARGEST_COUNT = 10_000
"""Response up to which the compiled negative binomial sums over whole numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class FamilyRows:
    """The log-likelihood of each row as a function of its linear predictor.

    Parameters
    ----------
    family : Family
        Distribution of the response.
    link : Link
        The link function.
    y : (n,) float64
        Response.
    weights : (n,) float64
        Prior weights; the trials of binomial data.
    constant : float
        Added to the log-likelihood of all rows: rows that were put together have one.
    """

    family: Family
    link: Link
    y: FloatArray
    weights: FloatArray
    constant: float = 0.0

    def __call__(self, eta: FloatArray, phi: float | None) -> RowTerms:
        """See `nestwise.core.glmm_kernel.RowFunction`."""
        terms = self.family.rows(self.y, eta, self.weights, phi, self.link)
        if self.constant == 0.0:
            return terms
        return replace(terms, loglik=terms.loglik + self.constant / len(eta))

    @property
    def compiled(self) -> str:
        """Name of the compiled family, empty where there is none."""
        name = COMPILED.get((self.family.rows, self.link), "")
        if name == "negative_binomial-log":
            y = self.y
            whole = y.max(initial=0.0) <= LARGEST_COUNT and bool((y == np.floor(y)).all())
            return name if whole else ""
        return name


def compiled_constant(rows: FamilyRows) -> float:
    """What the compiled log-likelihood leaves out: it depends on no parameter."""
    y, w, name = rows.y, rows.weights, rows.compiled
    if name == "binomial-logit":
        own = 0.0 if (w == 1.0).all() else float(log_choose(y, w).sum())
    elif name == "gamma-log":
        own = -float(np.log(y).sum())
    else:
        own = -float((w * gammaln(y + 1.0)).sum())
    return own + rows.constant


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one step of scoring needs of the rows.

    Parameters
    ----------
    loglik : float
        Log-likelihood of all rows.
    d1, observed, info : (n,) float64
        First derivative by eta, minus the second, and its expected value.
    """

    loglik: float
    d1: FloatArray
    observed: FloatArray
    info: FloatArray


def row_step(rows: RowFunction, eta: FloatArray, phi: float | None) -> Step:
    """The rows at a linear predictor, by the compiled family where there is one.

    Parameters
    ----------
    rows : RowFunction
        The family with its data.
    eta : (n,) float64
        Linear predictor.
    phi : float or None
        Dispersion.
    """
    if isinstance(rows, FamilyRows) and rows.compiled:
        known = float("nan") if phi is None else phi
        return Step(
            *_kernels.family_step(
                rows.compiled, rows.y, rows.weights, np.ascontiguousarray(eta), known
            )
        )
    terms = rows(eta, phi)
    return Step(float(np.sum(terms.loglik)), terms.d1, -terms.d2, terms.info)


def total_loglik(rows: FamilyRows, level: float) -> float:
    """Log-likelihood of all rows at one linear predictor for all, families without dispersion."""
    eta = np.full(len(rows.y), level)
    if rows.compiled:
        return row_step(rows, eta, None).loglik + compiled_constant(rows)
    return float(rows(eta, None).loglik.sum())
