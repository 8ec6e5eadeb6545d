"""Which linear predictors have a mean that a family can have."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import BoolArray, FloatArray
from nestwise.core.families.family import Family
from nestwise.core.links.link import Link


def always_possible(family: Family, link: Link) -> bool:
    """Whether every linear predictor has one, as with the log link.

    Examples
    --------
    >>> from nestwise.core.families.registry import FAMILIES
    >>> from nestwise.core.links.registry import LINKS
    >>> [always_possible(FAMILIES["gamma"], LINKS[n]) for n in ("log", "inverse")]
    [True, False]
    """
    unbounded = link.lower == -np.inf and link.upper == np.inf
    inside = link.mean_lower >= family.mean_lower and link.mean_upper <= family.mean_upper
    return unbounded and inside


def same_side(link: Link, eta: FloatArray, about: FloatArray) -> BoolArray:
    """Whether no pole of the inverse link lies between two linear predictors.

    Only 1/eta has one that a family can stand on both sides of (the Gaussian): means that tend to
    plus infinity on one side come from minus infinity on the other.

    Examples
    --------
    >>> from nestwise.core.links.registry import LINKS
    >>> eta, about = np.array([-1.0, 1.0]), np.array([2.0, 2.0])
    >>> [same_side(LINKS[n], eta, about).tolist() for n in ("inverse", "identity")]
    [[False, True], [True, True]]
    """
    if link.name != "inverse":
        return np.ones(np.broadcast(eta, about).shape, dtype=np.bool_)
    return np.asarray(eta * about > 0.0)


def possible_means(family: Family, link: Link, eta: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Means, and which of them the family can have; the others are NaN.

    Examples
    --------
    >>> from nestwise.core.families.registry import FAMILIES
    >>> from nestwise.core.links.registry import LINKS
    >>> possible_means(FAMILIES["poisson"], LINKS["identity"], np.array([-1.0, 2.0]))[0].tolist()
    [nan, 2.0]
    """
    if always_possible(family, link):
        with np.errstate(divide="ignore"):
            return link.inverse(eta, 0)[0], np.ones(eta.shape, dtype=np.bool_)
    with np.errstate(all="ignore"):
        mu = link.inverse(eta, 0)[0]
    # The square of a negative predictor is a mean, too, though no fit goes there.
    inside = (mu > family.mean_lower) & (mu < family.mean_upper)
    return np.where(inside, mu, np.nan), np.asarray(inside)
