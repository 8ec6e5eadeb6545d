"""Short names as R's ``abbreviate`` makes them, for the heads of correlation tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def abbreviate(names: Sequence[str], minlength: int) -> list[str]:
    """Shorten names to about `minlength` characters, keeping them distinct.

    Lower-case vowels go first, then lower-case letters, then everything else, each from the
    right, never the first letter of a word; names that coincide are given more characters.

    Parameters
    ----------
    names : sequence of str
        Names.
    minlength : int
        Length to shorten to.

    Returns
    -------
    list of str

    Examples
    --------
    >>> abbreviate(["intervention", "intervention:ses"], 11)
    ['interventin', 'intrvntn:ss']
    >>> abbreviate(["poly(Days, 2)1", "poly(Days, 2)2"], 6)
    ['p(D,2)1', 'p(D,2)2']
    """
    unique = list(dict.fromkeys(names))
    short = {n: _shorten(n, minlength) for n in unique}
    allowed = minlength
    longest = max((len(n) for n in unique), default=0)
    while allowed < longest:
        taken = list(short.values())
        # as R does, the first of several equal names stays and the later ones grow
        clashing = [n for n in unique if taken.count(short[n]) > 1]
        if not clashing:
            break
        allowed += 1
        short |= {n: _shorten(n, allowed) for n in clashing}
    return [short[n] for n in names]


def _shorten(name: str, minlength: int) -> str:
    text = name.strip()
    removable: tuple[Callable[[str], bool], ...] = (
        lambda c: c in "aeiou",
        str.islower,
        lambda c: not c.isspace(),
    )
    for test in removable:
        text = _drop(text, minlength, test)
    return text.replace(" ", "") if len(name.strip()) > minlength else text


def _drop(text: str, minlength: int, test: Callable[[str], bool]) -> str:
    """Remove characters from the right until the text without blanks is short enough."""
    i = len(text) - 1
    while i > 0 and len(text.replace(" ", "")) > minlength:
        if test(text[i]) and not text[i - 1].isspace():
            text = text[:i] + text[i + 1 :]
        i -= 1
    return text


__all__ = ["abbreviate"]
