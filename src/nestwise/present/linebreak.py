"""The text of a formula as R prints it back: spacing, quotes, numbers and line breaks."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from nestwise.present.rformat import cat

CUTOFF = 60
"""A line that has got longer than this is broken at the next possible place."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<name>`[^`]*`|[^\W\d][\w.]*|\.[\w.]*)
    | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?L?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<operator>%[^%\s]*%|\|\||&&|\*\*|<=|>=|==|!=|[-+*/^:|&~<>=!$@])
    | (?P<bracket>[()\[\]{}])
    | (?P<comma>,)
    )""",
    re.VERBOSE,
)

# binding strength of the operators that R surrounds with blanks and may break after
_SPACED = {"~": 1, "||": 2, "|": 2, "&&": 3, "&": 3, "==": 5, "!=": 5, "<": 5, ">": 5, "<=": 5}
_SPACED |= {">=": 5, "+": 6, "-": 6, "*": 7, "%in%": 8}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> list[_Token] | None:
    found, place, end = [], 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            return None
        found.append(_Token(match.lastgroup, _canonical(match.lastgroup, match[match.lastgroup])))
        place = match.end()
    return found


def _canonical(kind: str, text: str) -> str:
    if kind == "string":
        return '"' + text[1:-1].replace('"', '\\"') + '"'
    if kind == "number" and not text.endswith("L"):
        return cat(float(text), 15)
    return "^" if text == "**" else text


@functools.lru_cache(maxsize=256)
def break_lines(text: str) -> tuple[str, ...]:
    """Write a formula or a call as R's ``deparse`` does, in lines of about sixty characters.

    Parameters
    ----------
    text : str
        Formula or call in R's syntax. What is not R's syntax comes back as it is.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> break_lines("y~x*z+(1|g/h)")
    ('y ~ x * z + (1 | g/h)',)
    """
    tokens = _tokens(text)
    return (text.strip(),) if tokens is None else _layout(tokens)


def _layout(tokens: list[_Token]) -> tuple[str, ...]:
    """Join the tokens; a break is possible after most spaced operators and before an argument.

    ``broken[d]`` holds the strengths of the operators at bracket depth d whose right side was
    put on a new line and has not ended: each of them indents what is broken inside it by four.
    """
    lines, line = [], ""
    broken: list[list[int]] = [[]]
    previous: _Token | None = None
    waiting = 0  # strength of the operator after which a break is due, if the line is long
    for token in tokens:
        if waiting and len(line) > CUTOFF:
            lines.append(line)
            if not (waiting < 0 and -1 in broken[-1]):
                broken[-1].append(waiting)
            line = "    " * sum(map(len, broken))
        waiting = 0
        if token.kind == "bracket" and token.text in "([{":
            broken.append([])
            line += token.text
        elif token.kind == "bracket":
            if len(broken) > 1:
                broken.pop()
            line += token.text
        elif token.kind == "comma":
            broken[-1] = [s for s in broken[-1] if s < 0]
            line, waiting = line + ", ", -1
        elif token.kind == "operator" and _is_unary(previous):
            line += token.text
        elif token.kind == "operator":
            line, waiting = _operator(line, token.text, broken[-1])
        else:
            line += token.text
        previous = token
    return (*lines, line)


def _operator(line: str, sign: str, broken: list[int]) -> tuple[str, int]:
    strength = _SPACED.get(sign, 9)
    broken[:] = [s for s in broken if s < strength]
    if sign in _SPACED or sign == "=":
        return f"{line} {sign} ", strength if sign != "=" else 0
    return line + sign, 0


def _is_unary(previous: _Token | None) -> bool:
    if previous is None or previous.kind in ("operator", "comma"):
        return True
    return previous.kind == "bracket" and previous.text in "([{"


def filled(label: str, pieces: tuple[str, ...], width: int = 80) -> list[str]:
    """Put a label and pieces on lines of at most `width`, as R's ``cat(fill = TRUE)``.

    Examples
    --------
    >>> filled("Formula:", ("y ~ x",))
    ['Formula: y ~ x']
    """
    lines, line = [], label + " "
    for piece in pieces:
        if len(line) + len(piece) + 1 > width:
            lines.append(line)
            line = ""
        line += piece + " "
    return [*lines, line[:-1]]


__all__ = ["break_lines", "filled"]
