"""Remember the answer of a pure function for as long as its first argument lives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref

R = TypeVar("R")


def memo(function: Callable[..., R]) -> Callable[..., R]:
    """Cache a pure function of a frozen fit, without the fit holding (or keeping alive) the answer.

    The first argument must be hashable by identity and weakly referable, as `LmmFit` is; the
    others must be hashable.

    Examples
    --------
    >>> class Fit: pass
    >>> calls = []
    >>> @memo
    ... def answer(fit): calls.append(1); return 42
    >>> f = Fit(); answer(f), answer(f), len(calls)
    (42, 42, 1)
    """
    store: WeakKeyDictionary[Any, dict[Any, R]] = WeakKeyDictionary()

    @functools.wraps(function)
    def remembered(first: Any, *args: Any, **kwargs: Any) -> R:
        answers = store.setdefault(first, {})
        key = (args, tuple(sorted(kwargs.items())))
        if key not in answers:
            answers[key] = function(first, *args, **kwargs)
        return answers[key]

    return remembered


def memo_object(function: Callable[[Any], R]) -> Callable[[Any], R]:
    """Cache a pure function of one immutable object that cannot be hashed, such as an Index.

    The object is known by its identity, and forgotten when it dies.

    Examples
    --------
    >>> class Labels: __hash__ = None
    >>> calls = []
    >>> @memo_object
    ... def answer(labels): calls.append(1); return 42
    >>> one = Labels(); answer(one), answer(one), len(calls)
    (42, 42, 1)
    """
    store: dict[int, tuple[ref[Any], R]] = {}

    @functools.wraps(function)
    def remembered(first: Any) -> R:
        key = id(first)
        known = store.get(key)
        if known is not None and known[0]() is first:
            return known[1]
        answer = function(first)
        store[key] = ref(first, lambda _: store.pop(key, None)), answer
        return answer

    return remembered
