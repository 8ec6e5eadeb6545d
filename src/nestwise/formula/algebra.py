"""Term algebra (``+ - * : / ^ %in%``) by formulaic's parser; the only module that knows it."""

from __future__ import annotations

from typing import cast

from formulaic.parser import DefaultFormulaParser

from nestwise._base.errors import FormulaError
from nestwise.formula.deparse import deparse
from nestwise.formula.model import Linear, Term
from nestwise.formula.syntax import Binary, Call, Constant, Expr, Name, Number, Paren, String, Unary
from nestwise.formula.tokens import complaint

_ALGEBRA = {"+", "-", "*", "/", ":", "^", "%in%"}
Atoms = dict[str, tuple[int, Expr]]
_PARSER = DefaultFormulaParser(include_intercept=False)


def linear_of(tree: Expr, text: str, dot: tuple[str, ...] | None) -> Linear:
    """Expand the algebra of one linear predictor.

    Parameters
    ----------
    tree : Expr
        Right side of the formula without bars, or the left side of a bar.
    text : str
        The whole formula, for carets.
    dot : tuple of str or None
        The columns that ``.`` stands for; None when they are not known.

    Returns
    -------
    Linear
        Terms in R's order.

    Raises
    ------
    FormulaError
        For what is no term: texts, numbers other than 0 and 1, a power that is no whole number.

    Examples
    --------
    >>> from nestwise.formula.grammar import parse_expression
    >>> [t.label for t in linear_of(parse_expression("a*b"), "a*b", None).terms]
    ['a', 'b', 'a:b']
    """
    atoms: Atoms = {}
    rendered = _sum(tree, text, dot, atoms)
    labels = tuple(atoms)
    intercept = False
    terms: dict[tuple[int, ...], None] = {}
    for factors in _expand("1 " + rendered, text):
        key = tuple(sorted({int(f[1:]) for f in factors if f != "1"}))
        if key:
            terms[key] = None
        else:
            intercept = True
    offsets = tuple(label for label, (_, node) in atoms.items() if _is_offset(node))
    ordered = sorted(terms, key=len)
    named = [tuple(labels[i] for i in key) for key in ordered]
    kept = tuple(Term(":".join(n), n) for n in named if not set(n) & set(offsets))
    if any(len(n) > 1 and set(n) & set(offsets) for n in named):
        raise FormulaError(f"offset(...) cannot be part of an interaction, in '{text}'")
    variables = tuple((label, node) for label, (_, node) in atoms.items())
    return Linear(intercept, kept, variables, offsets)


def _expand(rendered: str, text: str) -> list[tuple[str, ...]]:
    """Hand the rendered algebra to formulaic; read the factors of every term back."""
    try:
        terms = _PARSER.get_terms(rendered)
        return [tuple(cast(str, f.expr) for f in term.factors) for term in terms]
    except RecursionError:
        raise FormulaError(f"the formula is too long: '{text[:60]}...'") from None
    except Exception as problem:
        raise FormulaError(f"the terms of '{text}' cannot be expanded: {problem}") from problem


def _is_offset(node: Expr) -> bool:
    return isinstance(node, Call) and node.function == "offset"


def _sum(tree: Expr, text: str, dot: tuple[str, ...] | None, atoms: Atoms) -> str:
    """Render a sum with every sign written out; R's 0 and -1 become '- 1'."""
    parts: list[tuple[str, Expr]] = []
    node = tree
    while isinstance(node, Binary) and node.op in ("+", "-"):
        parts.append((node.op, node.right))
        node = node.left
    if isinstance(node, Unary) and node.op in ("+", "-"):
        parts.append((node.op, node.operand))
    else:
        parts.append(("+", node))
    shown = []
    for sign, part in reversed(parts):
        if isinstance(part, Number) and part.value == 0:
            shown.append("- 1" if sign == "+" else "+ 1")
        else:
            shown.append(f"{sign} {_render(part, text, dot, atoms)}")
            if sign == "+" and isinstance(part, Paren):
                shown.extend(_intercept_marks(part))
    return " ".join(shown)


def _intercept_marks(node: Expr) -> list[str]:
    """A 0 or 1 in an added parenthesis speaks of the whole model's intercept, as in R."""
    match node:
        case Paren(inner=inner):
            return _intercept_marks(inner)
        case Number(value=value):
            return ["+ 1" if value else "- 1"]
        case Unary(op="-", operand=Number(value=value)):
            return ["- 1" if value else "+ 1"]
        case Binary(op="-", left=left, right=Number(value=value)):
            return [*_intercept_marks(left), "- 1" if value else "+ 1"]
        case Binary(op="+", left=left, right=right):
            return _intercept_marks(left) + _intercept_marks(right)
        case Binary(op="-", left=left):
            return _intercept_marks(left)
        case _:
            return []


def _render(node: Expr, text: str, dot: tuple[str, ...] | None, atoms: Atoms) -> str:
    """One operand of the algebra; variables become v0, v1 ... in order of appearance."""
    match node:
        case Name(id="."):
            return _dot(node, text, dot, atoms)
        case Number(value=value):
            if value not in (0, 1):
                raise complaint(
                    "a number other than 0 and 1 is no term; for arithmetic write I(x + 2)",
                    text,
                    node.at,
                )
            return "1" if value else "0"
        case String() | Constant():
            raise complaint("a constant is no term of a model", text, node.at)
        case Paren(inner=inner):
            return f"({_inner(inner, text, dot, atoms)})"
        case Unary(op="-" | "+"):
            return f"({_inner(node, text, dot, atoms)})"
        case Binary(op="^", left=left, right=right):
            if not isinstance(right, Number) or right.value < 1 or right.value % 1:
                raise complaint(
                    "the power must be a whole number; for arithmetic write I(x^2)", text, node.at
                )
            return f"({_render(left, text, dot, atoms)})**{int(right.value)}"
        case Binary(op="+" | "-"):
            return f"({_inner(node, text, dot, atoms)})"
        case Binary(op="%in%", left=left, right=right):
            # All variables on the right count together: (a + b) %in% (c + d) is a:c:d + b:c:d.
            first = _render(left, text, dot, atoms)
            inside: Atoms = {}
            _render(right, text, dot, inside)
            within = [_atom(variable, atoms) for _, variable in inside.values()]
            return "(" + ":".join([first, *within]) + ")"
        case Binary(op=op, left=left, right=right) if op in _ALGEBRA:
            first, second = (_render(side, text, dot, atoms) for side in (left, right))
            return f"({first}{op}{second})"
        case Binary(op="|" | "||"):
            raise complaint("put a random term in parentheses: (x | g)", text, node.at)
        case _:
            return _atom(node, atoms)


def _inner(node: Expr, text: str, dot: tuple[str, ...] | None, atoms: Atoms) -> str:
    return _sum(node, text, dot, atoms).removeprefix("+ ")


def _atom(node: Expr, atoms: Atoms) -> str:
    label = deparse(node)
    known, _ = atoms.setdefault(label, (len(atoms), node))
    return f"v{known}"


def _dot(node: Name, text: str, dot: tuple[str, ...] | None, atoms: Atoms) -> str:
    if dot is None:
        raise complaint("'.' stands for all other columns; it needs a table", text, node.at)
    if not dot:
        raise complaint("'.' stands for all other columns, and there are none", text, node.at)
    return "(" + " + ".join(_atom(Name(column, node.at), atoms) for column in dot) + ")"
