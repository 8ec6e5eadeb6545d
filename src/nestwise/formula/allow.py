"""What a formula may contain: checked on the whole tree before anything is evaluated."""

from __future__ import annotations

import re

from nestwise._base.errors import did_you_mean
from nestwise.formula.syntax import Call, Expr, Name, walk
from nestwise.formula.tokens import complaint

FUNCTIONS = frozenset(
    {
        "I",
        "log",
        "log2",
        "log10",
        "log1p",
        "exp",
        "expm1",
        "sqrt",
        "abs",
        "sign",
        "sin",
        "cos",
        "tan",
        "floor",
        "ceiling",
        "round",
        "poly",
        "ns",
        "bs",
        "scale",
        "center",
        "group_mean",
        "factor",
        "as.factor",
        "as.numeric",
        "C",
        "relevel",
        "ordered",
        "offset",
        "cbind",
        "ifelse",
        "pmin",
        "pmax",
        "cut",
        "c",
    }
)
"""Functions that a formula may call."""

STRUCTURES = ("us", "diag", "homdiag", "cs", "homcs", "ar1", "hetar1", "toep", "homtoep")
"""Covariance structures that may wrap a bar: ``diag(x | g)``."""

VARIANTS = {
    ("diag", True): "homdiag",
    ("diag", False): "diag",
    ("cs", True): "homcs",
    ("cs", False): "cs",
    ("ar1", True): "ar1",
    ("ar1", False): "hetar1",
    ("toep", True): "homtoep",
    ("toep", False): "toep",
}
"""What ``hom=`` makes of a structure: one variance for all effects (TRUE) or one for each."""

_DUNDER = re.compile(r"(?:^|\.)__\w*__(?:\.|$)")


def check_allowed(tree: Expr, text: str, functions: tuple[str, ...]) -> None:
    """Refuse a tree that calls or names anything outside the allow-list.

    Parameters
    ----------
    tree : Expr
        The parsed formula; its grammar already has no attribute access, subscripts, lambdas,
        comprehensions or assignments.
    text : str
        The formula, for the caret.
    functions : tuple of str
        Names of the functions that the caller passes explicitly.

    Raises
    ------
    FormulaError
        Naming the function that is not allowed and, where there is one, the nearest that is.

    Examples
    --------
    >>> from nestwise.formula.grammar import parse_expression
    >>> check_allowed(parse_expression("y ~ log(x)"), "y ~ log(x)", ())
    """
    for node in walk(tree):
        if isinstance(node, Name) and _DUNDER.search(node.id):
            raise complaint(f"the name '{node.id}' is not allowed in a formula", text, node.at)
        if isinstance(node, Call) and node.function not in functions:
            _check_function(node, text)


def _check_function(node: Call, text: str) -> None:
    name = node.function
    if name in FUNCTIONS or name in STRUCTURES:
        return
    last = name.rsplit(".", 1)[-1]
    if "." in name and last in FUNCTIONS:
        raise complaint(
            f"attribute access is not allowed in a formula: write {last}(...) for {name}(...)",
            text,
            node.at,
        )
    hint = did_you_mean(name, sorted(FUNCTIONS))
    hint = hint if "did you mean" in hint else ""
    raise complaint(
        f"function '{name}' is not allowed in a formula{hint}; pass your own functions as "
        f'functions={{"{name}": ...}}',
        text,
        node.at,
    )
