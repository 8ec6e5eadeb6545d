"""Random terms: split the bars off the right side and expand ``/`` and ``||`` as lme4 does."""

from __future__ import annotations

from typing import cast

from nestwise.formula.algebra import linear_of
from nestwise.formula.allow import FUNCTIONS, STRUCTURES, VARIANTS
from nestwise.formula.deparse import deparse
from nestwise.formula.model import Bar, Linear
from nestwise.formula.syntax import Binary, Call, Constant, Expr, Name, Paren, Unary, children
from nestwise.formula.tokens import complaint

Groups = tuple[tuple[str, Expr], ...]


def split_bars(tree: Expr, text: str) -> tuple[Expr | None, tuple[tuple[str, Binary], ...]]:
    """Separate the right side of a formula into its fixed part and its bars.

    Returns
    -------
    fixed : Expr or None
        What is left without the bars; None when nothing is.
    bars : tuple of (structure, bar)
        In order of appearance; structure is "us" unless the bar is wrapped in another.

    Raises
    ------
    FormulaError
        For a bar that is not simply added, or an unknown structure.
    """
    parts: list[tuple[str, Expr, int]] = []
    node = tree
    while isinstance(node, Binary) and node.op in ("+", "-"):
        parts.append((node.op, node.right, node.at))
        node = node.left
    parts.append(("+", node, node.at))
    fixed: Expr | None = None
    bars: list[tuple[str, Binary]] = []
    for sign, part, at in reversed(parts):
        rest, found = _split_part(part, text)
        if found and sign == "-":
            raise complaint("a random term cannot be taken away with '-'; leave it out", text, at)
        bars.extend(found)
        if rest is not None:
            fixed = _join(fixed, sign, rest, at)
    return fixed, tuple(bars)


def _join(fixed: Expr | None, sign: str, part: Expr, at: int) -> Expr:
    if fixed is None:
        return part if sign == "+" else Unary("-", part, at)
    return Binary(sign, fixed, part, at)


def _split_part(part: Expr, text: str) -> tuple[Expr | None, tuple[tuple[str, Binary], ...]]:
    if _is_bar(part):
        raise complaint("put a random term in parentheses: (x | g)", text, part.at)
    if isinstance(part, Paren) and _is_bar(part.inner):
        return None, (("us", cast(Binary, part.inner)),)
    if isinstance(part, Call) and part.args and _is_bar(part.args[0]):
        if part.function in STRUCTURES:
            return None, ((_structure(part, text), cast(Binary, part.args[0])),)
        if part.function not in FUNCTIONS:
            known = ", ".join(f"{s}(x | g)" for s in STRUCTURES)
            raise complaint(
                f"covariance structure '{part.function}' is not known; known are {known}",
                text,
                part.at,
            )
    if isinstance(part, Paren) and _has_bar(part.inner):
        rest, found = split_bars(part.inner, text)
        return (None if rest is None else Paren(rest, part.at)), found
    if _has_bar(part):
        raise complaint("a random term can only be added to the others with '+'", text, part.at)
    return part, ()


def _structure(part: Call, text: str) -> str:
    """The structure that wraps a bar, ``hom=`` taken into its name: ``cs(x | g, hom=TRUE)``."""
    if len(part.args) == 1:
        return part.function
    value = part.args[1]
    good = len(part.args) == 2 and part.keywords[1] == "hom" and isinstance(value, Constant)
    flag = value.id if isinstance(value, Constant) else ""
    found = VARIANTS.get((part.function, flag == "TRUE"))
    if not good or flag not in ("TRUE", "FALSE") or found is None:
        raise complaint(
            f"{part.function}(x | g) takes hom=TRUE (one variance for all effects) or hom=FALSE "
            "(one for each) and nothing else; us, and names beginning with hom or het, take none",
            text,
            part.at,
        )
    return found


def _is_bar(node: Expr) -> bool:
    return isinstance(node, Binary) and node.op in ("|", "||")


def _has_bar(node: Expr) -> bool:
    """Whether there is a bar outside function calls: inside them ``|`` means 'or'."""
    stack = [node]
    while stack:
        top = stack.pop()
        if _is_bar(top):
            return True
        if isinstance(top, Call):
            if top.args and _is_bar(top.args[0]) and top.function not in FUNCTIONS:
                return True
            continue
        stack.extend(children(top))
    return False


def expand_bar(
    structure: str, bar: Binary, text: str, dot: tuple[str, ...] | None
) -> tuple[Bar, ...]:
    """Expand one bar: ``(x | a/b)`` to ``(x | b:a) + (x | a)``, ``(x || g)`` to its terms.

    Parameters
    ----------
    structure : str
        "us" or the name that wraps the bar.
    bar : Binary
        The bar, with ``|`` or ``||`` as operator.
    text : str
        The whole formula, for carets.
    dot : tuple of str or None
        What ``.`` stands for.

    Returns
    -------
    tuple of Bar
        All terms of the first left part first, as lme4 orders them.
    """
    if _is_bar(bar.left):
        raise complaint("a random term has one bar", text, bar.at)
    whole = linear_of(bar.left, text, dot)
    if whole.offsets:
        raise complaint("offset(...) has no meaning in a random term", text, bar.left.at)
    if not whole.terms and not whole.intercept:
        raise complaint("this random term has nothing on its left; write (1 | g)", text, bar.at)
    if bar.op == "||" and structure not in ("us", "diag"):
        raise complaint(
            f"'||' leaves no correlations for {structure}(...) to structure; write "
            f"{structure}(x | g) with one bar",
            text,
            bar.at,
        )
    groups = _groups(bar.right, text)
    pieces = [(whole, structure)] if bar.op == "|" else [(p, "diag") for p in _pieces(whole)]
    return tuple(
        Bar(
            linear=piece,
            within=whole,
            name=name,
            groups=variables,
            structure=kind,
            label=f"{_left_text(piece, bar)} | {name}",
        )
        for piece, kind in pieces
        for name, variables in groups
    )


def _pieces(whole: Linear) -> list[Linear]:
    """The uncorrelated parts of ``(... || g)``: the intercept, then each term by itself."""
    first = [Linear(True, (), ())] if whole.intercept else []
    known = dict(whole.variables)
    rest = [
        Linear(False, (term,), tuple((v, known[v]) for v in term.variables)) for term in whole.terms
    ]
    return first + rest


def _left_text(piece: Linear, bar: Binary) -> str:
    if bar.op == "|":
        return deparse(bar.left)
    return "1" if piece.intercept else f"0 + {piece.terms[0].label}"


def _groups(node: Expr, text: str) -> tuple[tuple[str, Groups], ...]:
    """Name and variables of each grouping factor that the right side of a bar stands for."""
    match node:
        case Paren(inner=inner):
            return _groups(inner, text)
        case Binary(op="/", left=left, right=right):
            outer, inner_ = _groups(left, text), _groups(right, text)
            if len(inner_) > 1:
                raise complaint(
                    "write nested groups without parentheses: (1 | a/b/c)", text, right.at
                )
            name, variables = outer[0]
            shown = f"({name})" if ":" in name else name
            nested = (f"{inner_[0][0]}:{shown}", inner_[0][1] + variables)
            return (nested, *outer)
        case Binary(op=":" | "%in%", left=left, right=right):
            first, second = _groups(left, text), _groups(right, text)
            if len(first) > 1 or len(second) > 1:
                raise complaint("'/' cannot stand inside an interaction of groups", text, node.at)
            return ((f"{first[0][0]}:{second[0][0]}", first[0][1] + second[0][1]),)
        case Binary(op="+" | "*" | "-"):
            raise complaint(
                f"'{node.op}' cannot join groups; write (1 | a) + (1 | b) for crossed groups, "
                "(1 | a/b) for nested ones, (1 | a:b) for their combinations",
                text,
                node.at,
            )
        case Binary(op="|" | "||"):
            raise complaint("a random term has one bar", text, node.at)
        case Name(id="."):
            raise complaint("'.' is no group", text, node.at)
        case Name() | Call():
            label = deparse(node)
            return ((label, ((label, node),)),)
        case _:
            raise complaint("this is no group; name a column", text, node.at)
