"""Order of text as R sorts it in an English UTF-8 locale."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# Root order of the Unicode collation algorithm: blanks, punctuation, symbols, digits, letters.
_BEFORE_LETTERS = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789"
_RANK = {ord(c): chr(i + 1) for i, c in enumerate(_BEFORE_LETTERS)}


def collation_key(text: str) -> tuple[str, str, str, str]:
    """Sort key: letters regardless of accent and case, then accents, then lower before upper.

    Parameters
    ----------
    text : str
        A level.

    Returns
    -------
    tuple of str
        Keys of the first, second and third level, then the text itself.

    Examples
    --------
    >>> sorted(["b", "A", "a", "B", "10", "9", "_x"], key=collation_key)
    ['_x', '10', '9', 'a', 'A', 'b', 'B']
    """
    if text.isascii():
        return text.lower().translate(_RANK), "", text.swapcase(), text
    parts = unicodedata.normalize("NFD", text)
    base = "".join(c for c in parts if not unicodedata.combining(c))
    accents = "".join(c for c in parts if unicodedata.combining(c))
    return base.casefold().translate(_RANK), accents, base.swapcase(), text


def sort_text(values: Iterable[str]) -> list[str]:
    """Sort texts as R does.

    Examples
    --------
    >>> sort_text(["Male", "female", "Female"])
    ['female', 'Female', 'Male']
    """
    texts = list(values)
    joined = "\n".join(texts)
    if joined.isascii():
        # The first level of the key for all texts at once; enough where it has no ties.
        keys = joined.lower().translate(_RANK).split(_RANK[ord("\n")])
        if len(keys) == len(texts) == len(set(keys)):
            return [texts[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]
    return sorted(texts, key=collation_key)
