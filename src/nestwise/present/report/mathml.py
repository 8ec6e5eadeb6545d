"""Small pieces of MathML, all text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def name(words: str) -> str:
    """A variable by its name in the data.

    Examples
    --------
    >>> name("a<b")
    '<mtext>a&lt;b</mtext>'
    """
    return f"<mtext>{escape(words)}</mtext>"


def symbol(letter: str) -> str:
    """A letter of mathematics."""
    return f"<mi>{escape(letter)}</mi>"


def operator(sign: str) -> str:
    """A sign between things."""
    form = ' form="infix"' if sign in "+=~−" else ""
    return f"<mo{form}>{escape(sign)}</mo>"


def figure(text: str) -> str:
    """A number as written, with a power of ten where it has one."""
    base, _, power = text.partition(" × 10^")
    if power:
        return row(figure(base), operator("×"), f"<msup><mn>10</mn><mn>{escape(power)}</mn></msup>")
    if base.startswith("−"):
        return row("<mo>−</mo>", f"<mn>{escape(base[1:])}</mn>")
    return f"<mn>{escape(base)}</mn>"


def row(*parts: str) -> str:
    """Parts beside each other.

    Examples
    --------
    >>> row(symbol("y"), operator("="), figure("2"))
    '<mrow><mi>y</mi><mo form="infix">=</mo><mn>2</mn></mrow>'
    """
    return f"<mrow>{''.join(parts)}</mrow>"


def sub(base: str, *below: str) -> str:
    """An index."""
    return f"<msub>{base}{row(*below)}</msub>"


def squared(base: str) -> str:
    """The square."""
    return f"<msup>{base}<mn>2</mn></msup>"


def fenced(*parts: str) -> str:
    """In parentheses, with commas between."""
    inner = operator(",").join(parts)
    return row(operator("("), inner, operator(")"))


def matrix(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in brackets.

    Examples
    --------
    >>> matrix([[figure("1")]])
    '<mrow><mo>[</mo><mtable><mtr><mtd><mn>1</mn></mtd></mtr></mtable><mo>]</mo></mrow>'
    """
    body = "".join(
        f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>" for cells in rows
    )
    return row(operator("["), f"<mtable>{body}</mtable>", operator("]"))


def display(lines: Sequence[tuple[str, str]], words: str) -> str:
    """Lines of (left side, right side), aligned at the middle, with the equation in words.

    Examples
    --------
    >>> display([("<mi>y</mi>", "<mn>1</mn>")], "y is 1").startswith('<math display="block" alt')
    True
    """
    left, right = 'class="nw-left"', 'class="nw-right"'
    body = "".join(f"<mtr><mtd {left}>{a}</mtd><mtd {right}>{b}</mtd></mtr>" for a, b in lines)
    start = '<math display="block" alttext="'
    return f'{start}{escape(words)}"><mtable>{body}</mtable></math>'


__all__ = [
    "display",
    "fenced",
    "figure",
    "matrix",
    "name",
    "operator",
    "row",
    "squared",
    "sub",
    "symbol",
]
