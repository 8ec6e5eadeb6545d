"""The families by name. A new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nestwise._base.copies import check_sent, received, sent_fields
from nestwise._base.errors import OptionError, did_you_mean
from nestwise.core.families.beta import BETA
from nestwise.core.families.beta_binomial import BETA_BINOMIAL
from nestwise.core.families.binomial import BINOMIAL
from nestwise.core.families.family import Family
from nestwise.core.families.gamma import GAMMA
from nestwise.core.families.gaussian import GAUSSIAN
from nestwise.core.families.inverse_gaussian import INVERSE_GAUSSIAN
from nestwise.core.families.negative_binomial import NEGATIVE_BINOMIAL
from nestwise.core.families.poisson import POISSON
from nestwise.core.links.link import Link
from nestwise.core.links.registry import link_named

FAMILIES: dict[str, Family] = {
    family.name.replace(" ", "_").replace("-", "_"): family
    for family in (
        BINOMIAL,
        POISSON,
        GAMMA,
        INVERSE_GAUSSIAN,
        GAUSSIAN,
        NEGATIVE_BINOMIAL,
        BETA,
        BETA_BINOMIAL,
    )
}

# What users of R type.
ALIASES: dict[str, str] = {
    "inverse.gaussian": "inverse_gaussian",
    "negative.binomial": "negative_binomial",
    "nbinom2": "negative_binomial",
    "negbin": "negative_binomial",
    "nb": "negative_binomial",
    "beta_family": "beta",
    "betabinomial": "beta_binomial",
    "bernoulli": "binomial",
    "normal": "gaussian",
}


def family_named(family: str | Family) -> Family:
    """The family of that name, in R's or our spelling; a family is handed back as it is.

    Raises
    ------
    OptionError
        When there is none.

    Examples
    --------
    >>> family_named("Gamma").links
    ('inverse', 'identity', 'log')
    """
    if isinstance(family, Family):
        return family
    if not isinstance(family, str):
        name = getattr(family, "__name__", "")
        called = f"{name!r} or nestwise.families.{name}()" if name in FAMILIES else "'binomial'"
        raise OptionError(
            f"family={family!r} is not a family; pass a name or an object made by "
            f"nestwise.families: {called}"
        )
    name = family.strip().lower().replace(" ", "_").replace("-", "_")
    name = ALIASES.get(name, name)
    if name not in FAMILIES:
        bare = name.partition("(")[0]
        if ALIASES.get(bare, bare) in FAMILIES:
            raise OptionError(
                f"family={family!r}: give the name alone, and the link beside it as "
                f"family={bare!r}, link='...'"
            )
        raise OptionError(f"family={family!r} is not known{did_you_mean(name, FAMILIES)}")
    return FAMILIES[name]


def link_of(family: Family, link: str | Link | None = None) -> Link:
    """The link asked for, by default the family's first.

    Raises
    ------
    OptionError
        When the family does not take it.

    Examples
    --------
    >>> link_of(family_named("poisson")).name
    'log'
    """
    if isinstance(link, Link):
        return link
    chosen = link_named(family.links[0] if link is None else link)
    known = [name if isinstance(name, str) else name.name for name in family.links]
    if chosen.name not in known:
        raise OptionError(
            f"link={chosen.name!r} is not for the {family.name} family; use one of "
            + ", ".join(repr(k) for k in known)
        )
    return chosen


def with_link(family: Family, link: str | Link | None) -> Family:
    """The family with this link as its default.

    Examples
    --------
    >>> with_link(family_named("binomial"), "probit").links[:2]
    ('probit', 'logit')
    """
    family = family_named(family)
    if link is None:
        return family
    chosen = link_of(family, link)
    first: str | Link = link if isinstance(link, Link) else chosen.name
    return replace(family, links=(first, *(x for x in family.links if x != first)))


def reduced_family(family: Family) -> tuple[Any, ...]:
    """A family as pickle takes it: functions of the package by the name of their family.

    Raises
    ------
    OptionError
        When it is the caller's own and has functions that pickle does not find.

    Examples
    --------
    >>> make, args = reduced_family(FAMILIES["poisson"])
    >>> make(*args) is FAMILIES["poisson"]
    True
    """
    sent = sent_fields(family, FAMILIES)
    check_sent("family", family.name, sent)
    return received_family, (sent,)


def received_family(sent: Family | Mapping[str, tuple[Any, ...]]) -> Family:
    """The family whose fields were sent; a family is handed back as it is.

    Examples
    --------
    >>> received_family(sent_fields(FAMILIES["gamma"], FAMILIES)).name
    'gamma'
    """
    return sent if isinstance(sent, Family) else received(Family, sent, FAMILIES)
