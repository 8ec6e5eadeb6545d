"""The tree of a formula: frozen nodes that compare by content, not by place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the table, or ``.``."""

    id: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written; `text` keeps R's integer suffix out of sight."""

    value: float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class String:
    """A text between quotes."""

    value: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE, FALSE, NULL or pi."""

    id: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to arguments; `keywords` has None for those without a name."""

    function: str
    args: tuple[Expr, ...]
    keywords: tuple[str | None, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x``, ``+x`` or ``!x``."""

    op: str
    operand: Expr
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two sides joined by an operator, in R's spelling."""

    op: str
    left: Expr
    right: Expr
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression between parentheses; kept because labels print them."""

    inner: Expr
    at: int = field(default=0, compare=False)


Expr: TypeAlias = Name | Number | String | Constant | Call | Unary | Binary | Paren


def children(node: Expr) -> tuple[Expr, ...]:
    """The nodes directly under a node, left to right."""
    match node:
        case Call(args=args):
            return args
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Paren(inner=inner):
            return (inner,)
        case _:
            return ()


def walk(node: Expr) -> Iterator[Expr]:
    """All nodes of a tree, parents first, left to right; no recursion, so depth is no matter.

    Examples
    --------
    >>> [n.id for n in walk(Binary("+", Name("a"), Name("b"))) if isinstance(n, Name)]
    ['a', 'b']
    """
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))


def columns_of(*nodes: Expr) -> tuple[str, ...]:
    """Names of all columns that the trees mention, each once, in order of appearance."""
    found: dict[str, None] = {}
    for node in nodes:
        for item in walk(node):
            if isinstance(item, Name) and item.id != ".":
                found[item.id] = None
    return tuple(found)
