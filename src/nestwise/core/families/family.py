"""What a family is: the density of a response given its mean, with exact derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.copies import itself, itself_deeply
from nestwise._base.diagnostic import Diagnostic
from nestwise.core.links.link import Link


@dataclass(frozen=True, slots=True, eq=False)
class RowTerms:
    """The log density of each row and its derivatives by the row's linear predictor, all (n,).

    Parameters
    ----------
    loglik : (n,) ndarray
        Log density with all constants; -inf where the mean is impossible for the family, and
        there everything else is zero.
    d1, d2, d3 : (n,) ndarray
        First to third derivative of `loglik` by eta.
    info, dinfo : (n,) ndarray
        Expected information -E(d2), never negative, and its derivative by eta.
    phi_loglik, phi_d1, phi_d2, phi_info : (n,) ndarray or None
        Derivatives of `loglik`, `d1`, `d2`, `info` by log phi; None without a dispersion.
    """

    loglik: FloatArray
    d1: FloatArray
    d2: FloatArray
    d3: FloatArray
    info: FloatArray
    dinfo: FloatArray
    phi_loglik: FloatArray | None = None
    phi_d1: FloatArray | None = None
    phi_d2: FloatArray | None = None
    phi_info: FloatArray | None = None


Rows: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, float | None, Link], RowTerms]


@dataclass(frozen=True, slots=True)
class Family:
    """A distribution of responses; pass your own to ``glmer(family=)``.

    Weights mean trials for binomial counts; elsewhere they multiply the log density, or divide
    `phi` where `dispersion` is ``"scale"``, as in R's ``glm``.

    Parameters
    ----------
    name : str
        Printed in summaries.
    links : tuple of str or Link
        The links that make sense; the first is the default.
    rows : callable
        ``rows(y, eta, weights, phi, link)`` to `RowTerms`: log density and derivatives.
    variance : callable
        ``variance(mu, phi)``: variance of a response of weight one, (n,).
    response_variance : callable
        ``response_variance(mu, weights, phi)``: variance of each row's response, (n,).
    simulate : callable
        ``simulate(mu, weights, phi, rng)``: responses drawn at these means, (n,).
    deviance_residuals2 : callable
        ``deviance_residuals2(y, mu, weights, phi)``: each row's part of the deviance, (n,).
    check : callable
        ``check(y, weights, rows)``: raises a `DataError` that names rows outside the range, and
        returns a tuple of `Diagnostic`; `rows` are the row numbers in the caller's table or None.
    start_mu : callable
        ``start_mu(y, weights)``: means to start from, inside the family's range, (n,).
    dispersion : None, "scale" or "shape"
        Whether there is a phi, and whether it scales the variance.
    discrete : bool
        Whether responses are counts.
    trials : bool
        Whether y is a share of successes and weights are the trials.
    mean_lower, mean_upper : float
        The interval of possible means.

    Examples
    --------
    A family of waiting times: the geometric distribution is negative binomial with phi = 1.

    >>> import dataclasses
    >>> import numpy as np
    >>> import nestwise as nw
    >>> nb = nw.families.negative_binomial()
    >>> geometric = dataclasses.replace(
    ...     nb, name="geometric", dispersion=None,
    ...     rows=lambda y, eta, w, phi, link: dataclasses.replace(
    ...         nb.rows(y, eta, w, 1.0, link),
    ...         phi_loglik=None, phi_d1=None, phi_d2=None, phi_info=None),
    ...     variance=lambda mu, phi: nb.variance(mu, 1.0),
    ...     response_variance=lambda mu, w, phi: nb.response_variance(mu, w, 1.0),
    ...     simulate=lambda mu, w, phi, rng: nb.simulate(mu, w, 1.0, rng),
    ...     deviance_residuals2=lambda y, mu, w, phi: nb.deviance_residuals2(y, mu, w, 1.0))
    >>> link = nw.families.links["log"]
    >>> one = np.ones(1)
    >>> density = np.exp(geometric.rows(0 * one, 0 * one, one, None, link).loglik)
    >>> round(float(density[0]), 12)
    0.5
    """

    name: str
    links: tuple[str | Link, ...]
    rows: Rows
    variance: Callable[[FloatArray, float | None], FloatArray]
    response_variance: Callable[[FloatArray, FloatArray, float | None], FloatArray]
    simulate: Callable[[FloatArray, FloatArray, float | None, np.random.Generator], FloatArray]
    deviance_residuals2: Callable[[FloatArray, FloatArray, FloatArray, float | None], FloatArray]
    check: Callable[[FloatArray, FloatArray, IntArray | None], tuple[Diagnostic, ...]]
    start_mu: Callable[[FloatArray, FloatArray], FloatArray]
    dispersion: str | None = None
    discrete: bool = False
    trials: bool = False
    mean_lower: float = -np.inf
    mean_upper: float = np.inf

    __copy__ = itself
    __deepcopy__ = itself_deeply

    def __reduce__(self) -> tuple[Any, ...]:
        from nestwise.core.families.registry import reduced_family

        return reduced_family(self)


def dispersion_of(phi: float | None, family: str) -> np.float64:
    """phi as a number of NumPy's above zero.

    Raises
    ------
    ValueError
        When it is not: a mistake of the caller, not of the data.

    Examples
    --------
    >>> float(dispersion_of(2.0, "gamma"))
    2.0
    """
    if phi is None or not phi > 0.0:
        raise ValueError(f"{family} needs a dispersion phi above zero, got {phi!r}")
    return np.float64(phi)  # whose powers overflow to infinity, where those of `float` raise
