"""Trees back to text, printed as R prints them; labels and coefficient names rest on it."""

from __future__ import annotations

import re
from functools import lru_cache

from nestwise.formula.syntax import Binary, Call, Constant, Expr, Name, Number, Paren, String, Unary

_TIGHT = {"/", "^", ":", "%%", "%/%"}
_SYNTACTIC = re.compile(r"(?:[^\W\d_]|\.(?!\d))[\w.]*\Z")
_RESERVED = {"TRUE", "FALSE", "NULL", "NA", "Inf", "NaN", "if", "else", "for", "while", "in",
             "function", "repeat", "next", "break"}  # fmt: skip
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quote_name(name: str) -> str:
    """A column's name, in backticks when R would need them.

    Examples
    --------
    >>> quote_name("pup.id"), quote_name("my var")
    ('pup.id', '`my var`')
    """
    if _SYNTACTIC.match(name) and name not in _RESERVED:
        return name
    return f"`{name}`"


@lru_cache(maxsize=1024)
def number_text(value: float) -> str:
    """A number with at most 15 digits, in the shorter of plain and exponent notation, as R.

    Examples
    --------
    >>> number_text(2.0), number_text(0.5), number_text(1e5), number_text(123456.0)
    ('2', '0.5', '1e+05', '123456')
    """
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else ("Inf" if value > 0 else "-Inf")
    if value == 0:
        return "0"
    digits = f"{value:.14e}"
    mantissa, exponent = digits.split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = int(exponent)
    n_decimals = max(0, len(mantissa.lstrip("-").replace(".", "")) - 1 - power)
    plain = f"{value:.{n_decimals}f}"
    scientific = f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return plain if len(plain) <= len(scientific) else scientific


def string_text(value: str) -> str:
    """A text between double quotes, escaped."""
    return '"' + "".join(_ESCAPES.get(c, c) for c in value) + '"'


def deparse(node: Expr) -> str:
    """Print a tree as R prints it.

    Parameters
    ----------
    node : Expr
        A tree from the parser.

    Returns
    -------
    str
        R's label: ``poly(x, 2)``, ``I(x^2)``, ``x/2``, ``x + 1``, ``C(f, "sum")``.

    Examples
    --------
    >>> from nestwise.formula.grammar import parse_expression
    >>> deparse(parse_expression("I( x**2 )"))
    'I(x^2)'
    """
    match node:
        case Name(id=name):
            return quote_name(name)
        case Constant(id=name):
            return name
        case Number(value=value):
            return number_text(value)
        case String(value=text):
            return string_text(text)
        case Call():
            return f"{quote_name(node.function)}({_arguments(node)})"
        case Unary(op=op, operand=operand):
            return f"{op}{deparse(operand)}"
        case Paren(inner=inner):
            return f"({deparse(inner)})"
        case _:
            return _binary(node)


def _arguments(node: Call) -> str:
    shown = []
    for keyword, arg in zip(node.keywords, node.args, strict=True):
        text = deparse(arg)
        shown.append(text if keyword is None else f"{keyword} = {text}")
    return ", ".join(shown)


def _binary(node: Expr) -> str:
    """Follow the left spine in a loop: a sum of a thousand terms is a thousand levels deep."""
    pieces: list[str] = []
    left = node
    while isinstance(left, Binary):
        joint = left.op if left.op in _TIGHT else f" {left.op} "
        pieces.append(joint + deparse(left.right))
        left = left.left
    pieces.append(deparse(left))
    return "".join(reversed(pieces))
