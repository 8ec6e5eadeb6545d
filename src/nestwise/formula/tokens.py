"""Text to tokens, by the lexical rules of R and Python together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nestwise._base.errors import FormulaError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?L?)
  | (?P<name>(?:[^\W\d]|\.(?!\d))[\w.]*)
  | (?P<quoted>`[^`]*`)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<forbidden>:=|<-|->|::)
  | (?P<op>%in%|%%|%/%|\*\*|\|\||&&|<=|>=|==|!=|[-+*/^:~|&!<>(),=])
    """,
    re.VERBOSE | re.DOTALL,
)
_ALIASES = {"**": "^", "&&": "&"}
_NOT_ALLOWED = {
    "[": "subscripts are not allowed in a formula",
    "]": "subscripts are not allowed in a formula",
    "{": "braces are not allowed in a formula",
    "}": "braces are not allowed in a formula",
    "$": "attribute access is not allowed in a formula; write the column's name alone",
    "@": "'@' is not allowed in a formula",
    "\\": "anonymous functions are not allowed in a formula",
    ";": "one formula at a time: ';' is not allowed",
    "'": "a string is never closed",
    '"': "a string is never closed",
    "`": "a backtick is never closed",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (name, number, string, op, end), text and place in the formula."""

    kind: str
    text: str
    at: int


def complaint(message: str, text: str, at: int) -> FormulaError:
    """A `FormulaError` that shows the formula with a caret under the place.

    Examples
    --------
    >>> print(complaint("unexpected ')'", "y ~ x)", 5))
    unexpected ')'
        y ~ x)
             ^
    """
    start = text.rfind("\n", 0, at) + 1
    stop = text.find("\n", at)
    line = text[start:] if stop < 0 else text[start:stop]
    caret = " " * (at - start) + "^"
    return FormulaError(f"{message}\n    {line}\n    {caret}")


def tokenize(text: str) -> tuple[Token, ...]:
    """Cut a formula into tokens; the last one has kind ``"end"``.

    Parameters
    ----------
    text : str
        The formula. ``**`` and ``&&`` come back as ``^`` and ``&``.

    Raises
    ------
    FormulaError
        At a character or operator that no formula may hold.

    Examples
    --------
    >>> [t.text for t in tokenize("y ~ base.gcf**2")]
    ['y', '~', 'base.gcf', '^', '2', '']
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            shown = text[at]
            raise complaint(_NOT_ALLOWED.get(shown, f"{shown!r} is not allowed here"), text, at)
        kind, found = match.lastgroup, match.group()
        if kind == "forbidden":
            raise complaint(f"'{found}' is not allowed in a formula", text, at)
        if kind == "quoted":
            found = found[1:-1]
            if not found:
                raise complaint("a name between backticks is empty", text, at)
        if kind != "space":
            tokens.append(Token(kind, _ALIASES.get(found, found) if kind == "op" else found, at))
        at = match.end()
    tokens.append(Token("end", "", len(text)))
    return tuple(tokens)
