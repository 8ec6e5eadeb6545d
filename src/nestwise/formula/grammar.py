"""Tokens to a tree, with R's precedence of operators."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import final

from nestwise.formula.syntax import Binary, Call, Constant, Expr, Name, Number, Paren, String, Unary
from nestwise.formula.tokens import Token, complaint, tokenize

# Left binding power of binary operators, loosest first, as R's ?Syntax lists them.
_POWER = {
    "~": 5, "|": 10, "||": 10, "&": 15, "==": 25, "!=": 25, "<": 25, ">": 25, "<=": 25, ">=": 25,
    "+": 30, "-": 30, "*": 35, "/": 35, "%in%": 40, "%%": 40, "%/%": 40, ":": 45, "^": 55,
}  # fmt: skip
_UNARY = {"!": 20, "+": 50, "-": 50}
_CONSTANTS = {"TRUE": "TRUE", "True": "TRUE", "FALSE": "FALSE", "False": "FALSE", "NULL": "NULL",
              "None": "NULL", "pi": "pi"}  # fmt: skip
_KEYWORDS = {"function", "for", "while", "repeat", "if", "else", "next", "break", "in"}
_MAX_DEPTH = 100


@final
@dataclass(slots=True)
class _Cursor:
    """Where the parser stands."""

    text: str
    tokens: tuple[Token, ...]
    position: int = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.token
        self.position += 1
        return token


def parse_expression(text: str) -> Expr:
    """Read a whole formula or expression into a tree.

    Raises
    ------
    FormulaError
        With a caret under the place that cannot be read.

    Examples
    --------
    >>> parse_expression("a + b").op
    '+'
    """
    cursor = _Cursor(text, tokenize(text))
    if cursor.token.kind == "end":
        raise complaint("the formula is empty; write it as 'y ~ x + (1 | g)'", text, 0)
    node = _expression(cursor, 0, 0)
    token = cursor.token
    if token.kind != "end":
        if token.text == ")":
            raise complaint("unbalanced parenthesis: ')' closes nothing", text, token.at)
        if token.text == "=":
            raise complaint("'=' is not allowed here; a formula has one '~'", text, token.at)
        raise complaint(
            f"unexpected '{token.text}'; is an operator missing before it?", text, token.at
        )
    return node


def _expression(cursor: _Cursor, minimum: int, depth: int) -> Expr:
    """Precedence climbing: an operand, then all operators that bind tighter than `minimum`."""
    if depth > _MAX_DEPTH:
        raise complaint("the formula is nested too deeply", cursor.text, cursor.token.at)
    left = _operand(cursor, depth)
    while True:
        token = cursor.token
        power = _POWER.get(token.text) if token.kind == "op" else None
        if power is None or power < minimum:
            return left
        cursor.take()
        if token.text == "^":
            right = _expression(cursor, _UNARY["-"], depth + 1)
        else:
            right = _expression(cursor, power + 1, depth + 1)
        left = Binary(token.text, left, right, token.at)


def _operand(cursor: _Cursor, depth: int) -> Expr:
    token = cursor.take()
    if token.kind == "number":
        return Number(float(token.text.rstrip("L")), token.at)
    if token.kind == "string":
        return String(_string_value(cursor.text, token), token.at)
    if token.kind == "quoted":
        return Name(token.text, token.at)
    if token.kind == "name":
        return _name_or_call(cursor, token, depth)
    if token.text == "(":
        inner = _expression(cursor, 0, depth + 1)
        _close(cursor, token)
        return Paren(inner, token.at)
    if token.text in _UNARY:
        return Unary(token.text, _expression(cursor, _UNARY[token.text], depth + 1), token.at)
    if token.text == "~":
        raise complaint("the left side of '~' is empty; name the response", cursor.text, token.at)
    cursor.position -= 1
    return _missing_operand(cursor)


def _missing_operand(cursor: _Cursor) -> Expr:
    """Say what is missing where an operand was expected."""
    token = cursor.token
    before = cursor.tokens[cursor.position - 1] if cursor.position else None
    bars = ("|", "||")
    if before is not None and before.text in bars:
        raise complaint("a bar without a group: write (1 | g)", cursor.text, before.at)
    if token.text in bars:
        raise complaint("a bar with nothing on its left: write (1 | g)", cursor.text, token.at)
    if before is not None and before.text == "~":
        raise complaint(
            "the right side of '~' is empty; write '1' for the mean", cursor.text, before.at
        )
    if token.kind == "end":
        raise complaint("the formula ends too early", cursor.text, max(token.at - 1, 0))
    if token.text == ")" and before is not None and before.text == "(":
        raise complaint("the parentheses are empty", cursor.text, token.at)
    raise complaint(f"unexpected '{token.text}'", cursor.text, token.at)


def _name_or_call(cursor: _Cursor, token: Token, depth: int) -> Expr:
    if token.text in _KEYWORDS:
        raise complaint(f"'{token.text}' is not allowed in a formula", cursor.text, token.at)
    opening = cursor.token
    if opening.text == "(" and opening.kind == "op":
        cursor.take()
        return _call(cursor, token, opening, depth)
    if opening.kind == "string":
        raise complaint(
            f"unexpected text after '{token.text}'; strings take no prefix", cursor.text, token.at
        )
    if token.text in _CONSTANTS:
        return Constant(_CONSTANTS[token.text], token.at)
    return Name(token.text, token.at)


def _call(cursor: _Cursor, name: Token, opening: Token, depth: int) -> Expr:
    args: list[Expr] = []
    keywords: list[str | None] = []
    while cursor.token.text != ")" or cursor.token.kind != "op":
        keyword = _keyword(cursor)
        args.append(_expression(cursor, 0, depth + 1))
        keywords.append(keyword)
        if cursor.token.kind == "op" and cursor.token.text == ",":
            cursor.take()
        else:
            break
    _close(cursor, opening)
    return Call(name.text, tuple(args), tuple(keywords), name.at)


def _keyword(cursor: _Cursor) -> str | None:
    """The name in ``name = value``, when one stands here."""
    here, following = cursor.token, cursor.tokens[min(cursor.position + 1, len(cursor.tokens) - 1)]
    if here.kind == "name" and following.kind == "op" and following.text == "=":
        cursor.position += 2
        return here.text
    return None


def _close(cursor: _Cursor, opening: Token) -> None:
    token = cursor.token
    if token.kind == "op" and token.text == ")":
        cursor.take()
    elif token.kind == "end":
        raise complaint("unbalanced parenthesis: '(' is never closed", cursor.text, opening.at)
    elif token.kind == "op":
        raise complaint(f"unexpected '{token.text}'", cursor.text, token.at)
    else:
        raise complaint(
            f"unexpected '{token.text}'; is an operator missing before it?", cursor.text, token.at
        )


def _string_value(text: str, token: Token) -> str:
    """Unescape a string literal; the token's pattern admits nothing but a plain literal."""
    try:
        value = ast.literal_eval(token.text.replace("\n", "\\n"))
    except (SyntaxError, ValueError):
        raise complaint("this string cannot be read", text, token.at) from None
    return str(value)
