"""Text to `Formula`: the only entry to the formula floor."""

from __future__ import annotations

from functools import lru_cache

from nestwise._base.errors import FormulaError
from nestwise.formula.algebra import linear_of
from nestwise.formula.allow import check_allowed
from nestwise.formula.bars import expand_bar, split_bars
from nestwise.formula.deparse import deparse
from nestwise.formula.grammar import parse_expression
from nestwise.formula.model import Formula
from nestwise.formula.syntax import Binary, Constant, Expr, Name, Number, String, columns_of, walk
from nestwise.formula.tokens import complaint


def parse(
    text: str, columns: tuple[str, ...] | None = None, functions: tuple[str, ...] = ()
) -> Formula:
    """Read a model formula.

    Parameters
    ----------
    text : str
        For instance ``"y ~ x + (1 + x | g)"``; R's and Python's spellings of operators work.
    columns : tuple of str, optional
        Names of the table's columns; only needed when the formula has a ``.``.
    functions : tuple of str
        Names of the caller's own functions that the formula may call.

    Returns
    -------
    Formula
        Frozen and hashable. Nothing has been evaluated.

    Raises
    ------
    FormulaError
        With a caret under the place, when the text cannot be read or asks for something that
        is not allowed.

    Examples
    --------
    >>> formula = parse("Reaction ~ Days + (Days || Subject)")
    >>> [t.label for t in formula.fixed.terms], [b.label for b in formula.random]
    (['Days'], ['1 | Subject', '0 + Days | Subject'])
    """
    if not isinstance(text, str):
        raise FormulaError(
            f"a formula is a string such as 'y ~ x + (1 | g)', got {type(text).__name__}"
        )
    uses_dot = columns is not None and "." in text
    return _parse(text, tuple(columns) if uses_dot and columns else None, tuple(functions))


@lru_cache(maxsize=512)
def _parse(text: str, columns: tuple[str, ...] | None, functions: tuple[str, ...]) -> Formula:
    tree = parse_expression(text)
    left, right = _sides(tree, text)
    # Structures are split off first, so that an unknown one is told from an unknown function.
    fixed, bars = split_bars(right, text)
    check_allowed(tree, text, functions)
    dot = None if columns is None else _dot_columns(columns, left)
    label = deparse(left)
    linear = linear_of(Number(1.0) if fixed is None else fixed, text, dot)
    random = tuple(b for structure, bar in bars for b in expand_bar(structure, bar, text, dot))
    right_side = [*linear.variables]
    for bar in random:
        right_side += [*bar.within.variables, *bar.groups]
    if any(variable == label for variable, _ in right_side):
        raise FormulaError(f"the response '{label}' also stands on the right side of '{text}'")
    used = [left, *(e for _, e in linear.variables)]
    for bar in random:
        used += [e for _, e in bar.within.variables] + [e for _, e in bar.groups]
    return Formula(text, deparse(tree), left, label, linear, random, columns_of(*used), functions)


def _sides(tree: Expr, text: str) -> tuple[Expr, Expr]:
    tildes = [n for n in walk(tree) if isinstance(n, Binary) and n.op == "~"]
    if not tildes:
        raise complaint("there is no '~'; write the response, '~' and the terms", text, 0)
    if len(tildes) > 1:
        raise complaint("a formula has one '~'", text, max(n.at for n in tildes))
    if tree is not tildes[0] or not isinstance(tree, Binary):
        raise complaint("'~' cannot stand inside parentheses", text, tildes[0].at)
    if isinstance(tree.left, (Number, String, Constant)):
        raise complaint(
            "the response must be a column or an expression of columns", text, tree.left.at
        )
    if any(isinstance(n, Name) and n.id == "." for n in walk(tree.left)):
        raise complaint("'.' cannot be the response; name a column", text, tree.left.at)
    return tree.left, tree.right


def _dot_columns(columns: tuple[str, ...], left: Expr) -> tuple[str, ...]:
    taken = set(columns_of(left))
    return tuple(c for c in columns if c not in taken)
