"""R's ``update``: a new formula written in terms of an old one."""

from __future__ import annotations

import re

from nestwise._base.errors import FormulaError

_OPEN, _CLOSE = "([{", ")]}"


def updated_formula(old: str, new: str) -> str:
    """Write out a formula in which ``.`` stands for that side of the old one.

    Parameters
    ----------
    old : str
        The formula of the fit.
    new : str
        For instance ``". ~ . + x"`` or ``". ~ . - (Days | Subject) + (1 | Subject)"``.

    Returns
    -------
    str
        A formula without such dots.

    Raises
    ------
    FormulaError
        When `new` has no ``~``, or takes away a random term that `old` does not have.

    Examples
    --------
    >>> updated_formula("y ~ x + (x | g)", "log(.) ~ . + z")
    'log(y) ~ x + (x | g) + z'
    >>> updated_formula("y ~ x + (x | g)", ". ~ . - (x | g) + (1 | g)")
    'y ~ x + (1 | g)'
    """
    if not isinstance(new, str) or new.count("~") != 1:
        raise FormulaError(f"update: {new!r} is not a formula; write for instance '. ~ . + x'")
    old_left, old_right = (side.strip() for side in old.split("~", 1))
    left, right = (side.strip() for side in new.split("~"))
    items: list[tuple[str, str]] = []
    for sign, text in _items(right):
        items = _apply(items, sign, text, old_right)
    return f"{_dot(left, old_left) or old_left} ~ {_joined(items)}"


def _apply(
    items: list[tuple[str, str]], sign: str, text: str, old_right: str
) -> list[tuple[str, str]]:
    """Add one summand of the new right side to those found so far."""
    if text == "." and sign == "+":
        return items + _items(old_right)
    text = _dot(text, f"({old_right})")
    if sign == "+":
        return [*items, (sign, text)]
    same = [i for i, (s, t) in enumerate(items) if s == "+" and _squeezed(t) == _squeezed(text)]
    if same:
        return [item for i, item in enumerate(items) if i not in same]
    if _is_bar(text):
        bars = ", ".join(t for _, t in items if _is_bar(t)) or "none"
        raise FormulaError(
            f"update: the formula has no random term {text} to take away; its random terms "
            f"are: {bars}"
        )
    return [*items, (sign, text)]


def _items(text: str) -> list[tuple[str, str]]:
    """Split at the plus and minus signs outside all brackets, into (sign, summand)."""
    items, sign, start, depth = [], "+", 0, 0
    for i, char in enumerate(text):
        depth += (char in _OPEN) - (char in _CLOSE)
        if char in "+-" and depth == 0 and not _is_unary(text, i):
            items.append((sign, text[start:i].strip()))
            sign, start = char, i + 1
    items.append((sign, text[start:].strip()))
    return [(s, t) for s, t in items if t]


def _is_unary(text: str, i: int) -> bool:
    """Whether the sign at `i` belongs to an exponent or follows another operator."""
    before = text[:i].rstrip()
    return bool(before) and (before[-1] in "^*:/" or bool(re.search(r"\d[eE]$", text[:i])))


def _dot(text: str, replacement: str) -> str:
    """Replace a dot that stands by itself, not one in a name or a number."""
    return re.sub(r"(?<![\w.`])\.(?![\w.`])", lambda _: replacement, text)


def _joined(items: list[tuple[str, str]]) -> str:
    if not any(sign == "+" for sign, _ in items):
        items = [("+", "1"), *items]
    text = " ".join(f"{sign} {summand}" for sign, summand in items)
    return text.removeprefix("+ ")


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _is_bar(text: str) -> bool:
    return text.startswith("(") and "|" in text
