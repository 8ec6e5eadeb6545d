"""The links by name. A new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nestwise._base.copies import check_sent, received, sent_fields
from nestwise._base.errors import OptionError, did_you_mean
from nestwise.core.links.cauchit import CAUCHIT
from nestwise.core.links.cloglog import CLOGLOG
from nestwise.core.links.link import Link
from nestwise.core.links.log import LOG
from nestwise.core.links.logit import LOGIT
from nestwise.core.links.power import IDENTITY, INVERSE, INVERSE_SQUARE, SQRT
from nestwise.core.links.probit import PROBIT

LINKS: dict[str, Link] = {
    link.name: link
    for link in (
        LOGIT,
        PROBIT,
        CLOGLOG,
        CAUCHIT,
        LOG,
        IDENTITY,
        INVERSE,
        SQRT,
        INVERSE_SQUARE,
    )
}


def link_named(name: str | Link) -> Link:
    """The link of that name; a link is handed back as it is.

    Raises
    ------
    OptionError
        When there is none.

    Examples
    --------
    >>> link_named("probit").name
    'probit'
    """
    if isinstance(name, Link):
        return name
    if not isinstance(name, str):
        what = (
            "a function alone, without the derivatives of a link" if callable(name) else "no link"
        )
        raise OptionError(
            f"link={name!r} is {what}; pass a name ({', '.join(map(repr, LINKS))}) or, for a link "
            "of your own, an object of nestwise.families.Link"
        )
    if name not in LINKS:
        raise OptionError(f"link={name!r} is not known{did_you_mean(name, LINKS)}")
    return LINKS[name]


def reduced_link(link: Link) -> tuple[Any, ...]:
    """A link as pickle takes it: those of the package by name.

    Raises
    ------
    OptionError
        When it is the caller's own and has functions that pickle does not find.

    Examples
    --------
    >>> make, args = reduced_link(LINKS["logit"])
    >>> make(*args) is LINKS["logit"]
    True
    """
    sent = sent_fields(link, LINKS)
    check_sent("link", link.name, sent)
    return received_link, (sent,)


def received_link(sent: Link | Mapping[str, tuple[Any, ...]]) -> Link:
    """The link whose fields were sent; a link is handed back as it is.

    Examples
    --------
    >>> received_link(sent_fields(LINKS["log"], LINKS)).name
    'log'
    """
    return sent if isinstance(sent, Link) else received(Link, sent, LINKS)
