"""The frozen result of parsing: terms of the fixed part and the random bars."""

from __future__ import annotations

from dataclasses import dataclass

from nestwise.formula.syntax import Expr


@dataclass(frozen=True, slots=True)
class Term:
    """A main effect or an interaction.

    Parameters
    ----------
    label : str
        R's term label: ``"a:x"``, ``"poly(x, 2)"``.
    variables : tuple of str
        Labels of its variables, in order of their first appearance in the formula.
    """

    label: str
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear predictor: what stands left of a bar, or the whole fixed part.

    Parameters
    ----------
    intercept : bool
        Whether it has an intercept.
    terms : tuple of Term
        In R's order: by degree, then by appearance.
    variables : tuple of (str, Expr)
        Label and tree of every variable mentioned, also of terms removed by ``-``, because R
        leaves out rows that miss any of them.
    offsets : tuple of str
        Labels of the ``offset(...)`` variables.
    """

    intercept: bool
    terms: tuple[Term, ...]
    variables: tuple[tuple[str, Expr], ...]
    offsets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One random term after ``/`` and ``||`` are expanded.

    Parameters
    ----------
    linear : Linear
        What varies: its own terms only (``0 + x`` for the second part of ``(x || g)``).
    within : Linear
        The whole left side as written, which decides how factors are coded.
    name : str
        The grouping factor as lme4 names it: ``"g"``, ``"b:a"``, ``"c:(b:a)"``.
    groups : tuple of (str, Expr)
        Label and tree of the variables whose interaction the grouping factor is.
    structure : str
        Name of the covariance structure: ``"us"``, ``"diag"``, ``"cs"``, ...
    label : str
        The bar as R prints it: ``"0 + x | g"``.
    """

    linear: Linear
    within: Linear
    name: str
    groups: tuple[tuple[str, Expr], ...]
    structure: str
    label: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula; hashable, compares by content.

    Parameters
    ----------
    text : str
        As the user wrote it.
    printed : str
        As R prints it: ``"Reaction ~ Days + (Days | Subject)"``.
    response : Expr
        Tree of the left side.
    response_label : str
        R's label of the left side: ``"log(y)"``.
    fixed : Linear
        The fixed part.
    random : tuple of Bar
        Random terms in the order of the formula.
    columns : tuple of str
        Columns of the table that are used, in order of appearance.
    functions : tuple of str
        Names of the caller's own functions that it may call.
    """

    text: str
    printed: str
    response: Expr
    response_label: str
    fixed: Linear
    random: tuple[Bar, ...]
    columns: tuple[str, ...]
    functions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.printed
