"""``y ~ x | g``: a regression for every group, read as a formula with a random intercept."""

from __future__ import annotations

from nestwise._base.errors import FormulaError
from nestwise.formula.deparse import deparse
from nestwise.formula.grammar import parse_expression
from nestwise.formula.syntax import Binary, Name, walk
from nestwise.formula.tokens import complaint


def grouped_formula(text: str) -> str:
    """Rewrite ``y ~ x | g`` as ``y ~ x + (1 | g)``, whose design has the same columns and groups.

    Parameters
    ----------
    text : str
        A response, ``~``, terms, a bar and one group (a column, or ``a:b``).

    Returns
    -------
    str

    Raises
    ------
    FormulaError
        When there is no bar, or more than one.

    Examples
    --------
    >>> grouped_formula("y ~ 0 + x | school:room")
    'y ~ 0 + x + (1 | school:room)'
    """
    if not isinstance(text, str):
        raise FormulaError(f"a formula is a string such as 'y ~ x | g', got {type(text).__name__}")
    tree = parse_expression(text)
    bars = [n for n in walk(tree) if isinstance(n, Binary) and n.op in ("|", "||")]
    right = tree.right if isinstance(tree, Binary) and tree.op == "~" else None
    if not bars or not isinstance(right, Binary):
        raise complaint("a regression per group needs a bar: write y ~ x | g", text, 0)
    if len(bars) > 1 or right.op != "|":
        raise complaint(
            "a regression per group has one bar, without parentheses: y ~ x | g", text, bars[-1].at
        )
    if any(isinstance(n, Name) and n.id == "." for n in walk(right)):
        raise complaint("'.' cannot be used here; name the predictors", text, right.at)
    if any(isinstance(n, Binary) and n.op in ("/", "+", "*", "-") for n in walk(right.right)):
        raise complaint("name one group: a column, or a combination a:b", text, right.right.at)
    assert isinstance(tree, Binary)
    return f"{deparse(tree.left)} ~ {deparse(right.left)} + (1 | {deparse(right.right)})"


__all__ = ["grouped_formula"]
