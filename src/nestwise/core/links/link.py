"""What a link is: a mean from a linear predictor, with derivatives that hold in the extremes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise._base.copies import itself, itself_deeply

Four: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""A function of eta and its first three derivatives, each (n,)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link function g with eta = g(mu).

    Parameters
    ----------
    name : str
        As written in ``link="logit"``.
    link : callable
        mu (n,) to eta (n,).
    inverse : callable
        ``inverse(eta, order)``: the mean and its derivatives by eta up to `order` (0 to 3), a
        tuple of ``order + 1`` arrays. Finite for every \\|eta\\| up to 700 inside the domain.
    log_mean, log_complement : callable or None
        eta to log mu, or log(1 - mu), with three derivatives by eta. They keep the digits that are
        lost where mu rounds to 0 or 1; None takes them from `inverse`.
    lower, upper : float
        The open interval of eta in which the link is defined.
    mean_lower, mean_upper : float
        The open interval of means that it can give.

    Examples
    --------
    >>> import numpy as np
    >>> from nestwise.core.links.registry import LINKS
    >>> mu, dmu = LINKS["logit"].inverse(np.array([0.0]), 1)
    >>> float(mu[0]), float(dmu[0])
    (0.5, 0.25)
    """

    name: str
    link: Callable[[FloatArray], FloatArray]
    inverse: Callable[[FloatArray, int], tuple[FloatArray, ...]]
    log_mean: Callable[[FloatArray], Four] | None = None
    log_complement: Callable[[FloatArray], Four] | None = None
    lower: float = -np.inf
    upper: float = np.inf
    mean_lower: float = -np.inf
    mean_upper: float = np.inf

    __copy__ = itself
    __deepcopy__ = itself_deeply

    def __reduce__(self) -> tuple[Any, ...]:
        from nestwise.core.links.registry import reduced_link

        return reduced_link(self)


def mean(link: Link, eta: FloatArray) -> FloatArray:
    """The mean at each linear predictor.

    Examples
    --------
    >>> from nestwise.core.links.registry import LINKS
    >>> mean(LINKS["sqrt"], np.array([3.0])).tolist()
    [9.0]
    """
    return link.inverse(eta, 0)[0]


def derivatives(link: Link, eta: FloatArray) -> Four:
    """The mean and its first three derivatives by eta."""
    mu, first, second, third = link.inverse(eta, 3)
    return mu, first, second, third


def log_mean(link: Link, eta: FloatArray) -> Four:
    """log mu and its first three derivatives by eta."""
    return link.log_mean(eta) if link.log_mean is not None else logarithm(*derivatives(link, eta))


def log_complement(link: Link, eta: FloatArray) -> Four:
    """log(1 - mu) and its first three derivatives by eta."""
    if link.log_complement is not None:
        return link.log_complement(eta)
    mu, first, second, third = derivatives(link, eta)
    return logarithm(1.0 - mu, -first, -second, -third)


def logarithm(f: FloatArray, f1: FloatArray, f2: FloatArray, f3: FloatArray) -> Four:
    """The logarithm of a function, with derivatives, from the function's own.

    Examples
    --------
    >>> one = np.ones(1)
    >>> [float(v[0]) for v in logarithm(one, one, one, one)]  # of exp at 0
    [0.0, 1.0, 0.0, 0.0]
    """
    a, b, c = f1 / f, f2 / f, f3 / f
    return np.log(f), a, b - a * a, c - 3.0 * a * b + 2.0 * a**3


def mirrored(of_minus_eta: Four) -> Four:
    """From the derivatives of a function at -eta, those of eta to f(-eta)."""
    f, f1, f2, f3 = of_minus_eta
    return f, -f1, f2, -f3


def in_domain(link: Link, eta: FloatArray) -> BoolArray:
    """Where the link is defined."""
    return np.asarray((eta > link.lower) & (eta < link.upper))
