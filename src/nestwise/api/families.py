"""`nestwise.families`: distributions of responses, each with the link of one's choice."""

from __future__ import annotations

from nestwise.core.families.family import Family, RowTerms
from nestwise.core.families.registry import FAMILIES, with_link
from nestwise.core.links.link import Link
from nestwise.core.links.registry import LINKS

links: dict[str, Link] = LINKS
"""The links by name."""


def binomial(link: str | Link | None = None) -> Family:
    """Successes in trials: ``logit`` (default), ``probit``, ``cloglog``, ``cauchit``, ``log``.

    Examples
    --------
    >>> import nestwise as nw
    >>> nw.families.binomial(link="probit").links[0]
    'probit'
    """
    return with_link(FAMILIES["binomial"], link)


def poisson(link: str | Link | None = None) -> Family:
    """Counts with variance mu: ``log`` (default), ``identity``, ``sqrt``."""
    return with_link(FAMILIES["poisson"], link)


def gamma(link: str | Link | None = None) -> Family:
    """Positive responses with variance phi mu^2: ``inverse`` (default), ``identity``, ``log``."""
    return with_link(FAMILIES["gamma"], link)


def inverse_gaussian(link: str | Link | None = None) -> Family:
    """Positive, skewed responses with variance phi mu^3: ``1/mu^2`` (default), ``log``, ..."""
    return with_link(FAMILIES["inverse_gaussian"], link)


def gaussian(link: str | Link | None = None) -> Family:
    """Normal responses: ``identity`` (default), ``log``, ``inverse``."""
    return with_link(FAMILIES["gaussian"], link)


def negative_binomial(link: str | Link | None = None) -> Family:
    """Counts with variance mu + mu^2/phi, phi estimated: ``log`` (default), ``sqrt``, ..."""
    return with_link(FAMILIES["negative_binomial"], link)


def beta(link: str | Link | None = None) -> Family:
    """Proportions between 0 and 1 with variance mu (1 - mu) / (1 + phi): ``logit`` (default)."""
    return with_link(FAMILIES["beta"], link)


def beta_binomial(link: str | Link | None = None) -> Family:
    """Overdispersed successes in trials, phi estimated: ``logit`` (default)."""
    return with_link(FAMILIES["beta_binomial"], link)


__all__ = [
    "Family",
    "Link",
    "RowTerms",
    "beta",
    "beta_binomial",
    "binomial",
    "gamma",
    "gaussian",
    "inverse_gaussian",
    "links",
    "negative_binomial",
    "poisson",
]
