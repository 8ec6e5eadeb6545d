"""Copies of what never changes, and how it is pickled though it holds functions."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from nestwise._base.errors import OptionError

T = TypeVar("T")


def itself(frozen: T) -> T:
    """What ``copy.copy`` gives of an object that cannot change.

    Examples
    --------
    >>> itself("same")
    'same'
    """
    return frozen


def itself_deeply(frozen: T, memo: dict[int, Any]) -> T:
    """What ``copy.deepcopy`` gives of an object that cannot change.

    Examples
    --------
    >>> itself_deeply("same", {})
    'same'
    """
    return frozen


def sent_fields(value: Any, known: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The fields of a frozen object as another process understands them.

    Functions that belong to a known object of the same kind are sent by its name, since pickle
    finds functions by their own names only and many of ours have none.

    Parameters
    ----------
    value : dataclass
        The object.
    known : mapping of str to dataclass
        Objects of the same kind that every process has.

    Returns
    -------
    dict
        ``(name of a known object,)`` or ``(None, the value itself)`` by the name of the field.

    Examples
    --------
    >>> from nestwise.core.links.registry import LINKS
    >>> sent_fields(LINKS["logit"], LINKS)["inverse"]
    ('logit',)
    """
    sent: dict[str, tuple[Any, ...]] = {}
    for field in fields(value):
        own = getattr(value, field.name)
        ours = [n for n, k in known.items() if callable(own) and getattr(k, field.name) is own]
        sent[field.name] = (ours[0],) if ours else (None, own)
    return sent


def check_sent(what: str, name: str, sent: Mapping[str, tuple[Any, ...]]) -> None:
    """Refuse in words what pickle does not take.

    Worker processes do not ask this: joblib sends functions without names too.

    Parameters
    ----------
    what, name : str
        The kind of object and its name, for messages.
    sent : mapping
        From `sent_fields`.

    Raises
    ------
    OptionError
        When pickle does not take a field that is the caller's own.

    Examples
    --------
    >>> check_sent("link", "mine", {"link": (None, lambda mu: mu)})
    Traceback (most recent call last):
    nestwise._base.errors.OptionError: the link 'mine' cannot be pickled: ...
    """
    for field, one in sent.items():
        if one[0] is not None:
            continue
        try:
            pickle.dumps(one[1])
        except (pickle.PicklingError, AttributeError, TypeError):
            raise OptionError(
                f"the {what} {name!r} cannot be pickled: pickle finds functions by their names, "
                f"and not {field}={one[1]!r}; define it with def at the top level of a module, "
                "not as a lambda and not inside another function"
            ) from None


def received(kind: type[T], sent: Mapping[str, tuple[Any, ...]], known: Mapping[str, T]) -> T:
    """The object whose fields were sent; a known one is that one, not a copy.

    Parameters
    ----------
    kind : type
        The class of the object.
    sent : mapping
        From `sent_fields`.
    known : mapping of str to object
        As for `sent_fields`.

    Examples
    --------
    >>> from nestwise.core.links.link import Link
    >>> from nestwise.core.links.registry import LINKS
    >>> received(Link, sent_fields(LINKS["log"], LINKS), LINKS) is LINKS["log"]
    True
    """
    values = {
        field: one[1] if one[0] is None else getattr(known[one[0]], field)
        for field, one in sent.items()
    }
    made = kind(**values)
    return next((one for one in known.values() if one == made), made)


__all__ = ["check_sent", "itself", "itself_deeply", "received", "sent_fields"]
