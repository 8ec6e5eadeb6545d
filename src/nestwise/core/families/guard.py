"""Where a mean is impossible, the log density is -inf and its derivatives are zero, never NaN."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise.core.families.family import Rows, RowTerms
from nestwise.core.links.link import Link, in_domain, mean


def guarded(rows: Rows, lower: float = -np.inf, upper: float = np.inf) -> Rows:
    """A family's `rows` that survives linear predictors outside of the domain.

    Parameters
    ----------
    rows : callable
        Right inside the domain.
    lower, upper : float
        The open interval of possible means.

    Returns
    -------
    callable
        The same function; rows outside, or with an overflow, have loglik -inf and zeros.

    Examples
    --------
    >>> from nestwise.core.families.poisson import POISSON
    >>> from nestwise.core.links.registry import LINKS
    >>> one = np.ones(1)
    >>> POISSON.rows(one, -one, one, None, LINKS["identity"]).loglik.tolist()
    [-inf]
    """

    def safe(
        y: FloatArray, eta: FloatArray, weights: FloatArray, phi: float | None, link: Link
    ) -> RowTerms:
        with np.errstate(all="ignore"):
            terms = rows(y, eta, weights, phi, link)
            inside = _possible(link, eta, lower, upper)
            inside = _finite(terms) if inside is None else inside & _finite(terms)
        return terms if inside.all() else _without(terms, ~inside)

    return safe


def _possible(link: Link, eta: FloatArray, lower: float, upper: float) -> BoolArray | None:
    """Rows with a possible mean; None when the link gives no other."""
    unbounded = link.lower == -np.inf and link.upper == np.inf
    if unbounded and link.mean_lower >= lower and link.mean_upper <= upper:
        return None
    mu = mean(link, eta)
    return np.asarray(in_domain(link, eta) & (mu > lower) & (mu < upper))


def _finite(terms: RowTerms) -> BoolArray:
    """Rows where everything is a finite number."""
    total = terms.loglik + terms.d1 + terms.d2 + terms.d3 + terms.info + terms.dinfo
    if terms.phi_loglik is not None:
        assert terms.phi_d1 is not None
        assert terms.phi_d2 is not None
        total = total + terms.phi_loglik + terms.phi_d1 + terms.phi_d2
    return np.isfinite(total)


def _without(terms: RowTerms, outside: BoolArray) -> RowTerms:
    """The rows outside set to -inf and zeros."""
    columns = {f.name: getattr(terms, f.name) for f in fields(terms)}
    changed = {
        name: np.where(outside, -np.inf if name == "loglik" else 0.0, values)
        for name, values in columns.items()
        if values is not None
    }
    return replace(terms, **changed)
