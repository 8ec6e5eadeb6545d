"""Texts that describe the residuals: ``ar1(week | subject)``, ``power(age)``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from nestwise._base.errors import FormulaError, did_you_mean
from nestwise.formula.allow import FUNCTIONS, check_allowed
from nestwise.formula.deparse import deparse
from nestwise.formula.grammar import parse_expression
from nestwise.formula.syntax import Binary, Call, Expr, Name, Number, Paren
from nestwise.formula.tokens import complaint

RESIDUAL_STRUCTURES = (
    "us",
    "cs",
    "csh",
    "ar1",
    "ar1h",
    "ad",
    "adh",
    "toep",
    "toeph",
    "car1",
    "exp",
    "gau",
    "exp_nugget",
    "gau_nugget",
)
"""Names of the covariance structures of residuals; each has a file in ``core/residual``."""

VARIANCE_FUNCTIONS = ("power", "exp")
"""Names of the functions of a covariate that variances may follow."""

Labelled = tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class ResidualFormula:
    """A residual structure as written; hashable, compares by content.

    Parameters
    ----------
    text : str
        As the user wrote it.
    structure : str
        Name of the structure.
    times : tuple of (str, Expr)
        Label and tree of the visit or time variable, or of the coordinates; empty when visits are
        counted in the order of the rows (``ar1(1 | subject)``).
    arms : tuple of (str, Expr)
        Variables whose combinations have a matrix of their own.
    subject : tuple of (str, Expr)
        Variables whose combinations are the subjects; rows of different subjects are independent.
    """

    text: str
    structure: str
    times: Labelled
    arms: Labelled
    subject: Labelled

    @property
    def variables(self) -> Labelled:
        """All variables, in the order of the text."""
        return (*self.times, *self.arms, *self.subject)


@dataclass(frozen=True, slots=True)
class VariancePart:
    """One factor of the residual standard deviation.

    Parameters
    ----------
    kind : str
        ``"strata"`` or one of `VARIANCE_FUNCTIONS`.
    covariate : (str, Expr) or None
        What the function is of; None for the fitted values and for strata.
    strata : tuple of (str, Expr)
        Variables whose combinations have a parameter of their own.
    label : str
        As R would print it: ``"power(age)"``.
    """

    kind: str
    covariate: tuple[str, Expr] | None
    strata: Labelled
    label: str

    @property
    def of_fitted(self) -> bool:
        """Whether it is a function of the fitted values."""
        return self.kind != "strata" and self.covariate is None


@dataclass(frozen=True, slots=True)
class VarianceFormula:
    """A variance function as written: the product of its parts."""

    text: str
    parts: tuple[VariancePart, ...]

    @property
    def variables(self) -> Labelled:
        """All variables, in the order of the text."""
        found: list[tuple[str, Expr]] = []
        for part in self.parts:
            found += [] if part.covariate is None else [part.covariate]
            found += part.strata
        return tuple(found)


def parse_residual(text: str, functions: tuple[str, ...] = ()) -> ResidualFormula:
    """Read a residual structure.

    Parameters
    ----------
    text : str
        ``"structure(visit | subject)"``; ``"us(visit | arm/subject)"`` has a matrix for each arm,
        ``"exp(x + y | g)"`` coordinates, ``"ar1(1 | g)"`` the order of the rows.
    functions : tuple of str
        Names of the caller's own functions.

    Returns
    -------
    ResidualFormula

    Raises
    ------
    FormulaError
        When the text is no such call, or the structure is not known.

    Examples
    --------
    >>> spec = parse_residual("us(visit | arm/subject)")
    >>> spec.structure, [v for v, _ in spec.times], [v for v, _ in spec.arms]
    ('us', ['visit'], ['arm'])
    """
    return _residual(_text(text, "residual", "'ar1(week | subject)'"), functions)


@lru_cache(maxsize=512)
def _residual(text: str, functions: tuple[str, ...]) -> ResidualFormula:
    tree = parse_expression(text)
    if not isinstance(tree, Call):
        raise complaint("a residual structure is written as ar1(week | subject)", text, 0)
    if tree.function not in RESIDUAL_STRUCTURES:
        hint = did_you_mean(tree.function, RESIDUAL_STRUCTURES)
        raise complaint(f"residual structure '{tree.function}' is not known{hint}", text, tree.at)
    bar = tree.args[0] if len(tree.args) == 1 else None
    if not isinstance(bar, Binary) or bar.op != "|":
        raise complaint(
            f"name the visit and the subject: {tree.function}(visit | subject)", text, tree.at
        )
    check_allowed(bar, text, functions)
    arms, subject = _nested(bar.right, text)
    return ResidualFormula(text, tree.function, _times(bar.left), arms, subject)


def parse_variance(text: str, functions: tuple[str, ...] = ()) -> VarianceFormula:
    """Read a variance function.

    Parameters
    ----------
    text : str
        ``"sex"`` (a variance for each level), ``"power(age)"``, ``"exp(fitted)"``,
        ``"power(age | sex)"``, or several joined by ``+``, whose standard deviations multiply.
    functions : tuple of str
        Names of the caller's own functions.

    Returns
    -------
    VarianceFormula

    Raises
    ------
    FormulaError
        When the text cannot be read.

    Examples
    --------
    >>> [(p.kind, p.of_fitted) for p in parse_variance("sex + power(fitted)").parts]
    [('strata', False), ('power', True)]
    """
    return _variance(_text(text, "variance", "'sex' or 'power(age)'"), functions)


@lru_cache(maxsize=512)
def _variance(text: str, functions: tuple[str, ...]) -> VarianceFormula:
    tree = parse_expression(text)
    parts = tuple(_variance_part(node, text, functions) for node in _summands(tree))
    if len({part.label for part in parts}) < len(parts):
        raise FormulaError(f"a part of the variance function occurs twice in '{text}'")
    return VarianceFormula(text, parts)


def _text(text: object, argument: str, example: str) -> str:
    if not isinstance(text, str):
        raise FormulaError(
            f"{argument} is a text such as {example}, got {type(text).__name__}: {text!r}"
        )
    return text


def _summands(node: Expr) -> list[Expr]:
    if isinstance(node, Binary) and node.op == "+":
        return [*_summands(node.left), *_summands(node.right)]
    return [node]


def _product(node: Expr, text: str) -> Labelled:
    """The variables of an interaction ``a:b``."""
    if isinstance(node, Paren):
        return _product(node.inner, text)
    if isinstance(node, Binary) and node.op == ":":
        return (*_product(node.left, text), *_product(node.right, text))
    if isinstance(node, (Binary, Number)):
        raise complaint("subjects and strata are columns, or interactions a:b", text, node.at)
    return ((deparse(node), node),)


def _nested(node: Expr, text: str) -> tuple[Labelled, Labelled]:
    """Arms and subject of what stands right of the bar."""
    if isinstance(node, Binary) and node.op == "/":
        if isinstance(node.left, Binary) and node.left.op == "/":
            raise complaint("write arm/subject, or a:b/subject for several arms", text, node.at)
        return _product(node.left, text), _product(node.right, text)
    return (), _product(node, text)


def _times(node: Expr) -> Labelled:
    if isinstance(node, Number) and node.value == 1:
        return ()
    return tuple((deparse(part), part) for part in _summands(node))


def _variance_part(node: Expr, text: str, functions: tuple[str, ...]) -> VariancePart:
    label = deparse(node)
    if not isinstance(node, Call) or node.function not in VARIANCE_FUNCTIONS:
        if isinstance(node, Call) and node.function not in (*FUNCTIONS, *functions):
            hint = did_you_mean(node.function, VARIANCE_FUNCTIONS)
            raise complaint(f"variance function '{node.function}' is not known{hint}", text, 0)
        check_allowed(node, text, functions)
        return VariancePart("strata", None, _product(node, text), label)
    if len(node.args) != 1:
        raise complaint(f"{node.function}(...) is of one covariate, or of fitted", text, node.at)
    inner: Expr = node.args[0]
    strata: Labelled = ()
    if isinstance(inner, Binary) and inner.op == "|":
        strata = _product(inner.right, text)
        inner = inner.left
    check_allowed(inner, text, functions)
    covariate = None if inner == Name("fitted") else (deparse(inner), inner)
    return VariancePart(node.function, covariate, strata, label)
