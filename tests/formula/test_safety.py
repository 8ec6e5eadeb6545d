"""No text of a formula runs code, and the parser raises nothing but FormulaError."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestwise._base.errors import FormulaError, NestwiseError
from nestwise.design import build, encode_new
from nestwise.design.calls import HANDLERS
from nestwise.formula import parse
from nestwise.formula.allow import FUNCTIONS
from nestwise.formula.deparse import deparse
from nestwise.formula.grammar import parse_expression

ATTACKS = [
    "y ~ __import__('os').system('touch /tmp/owned')",
    "y ~ __import__('os')",
    "y ~ x.__class__",
    "y ~ I(x.__class__.__mro__)",
    "y ~ eval('1')",
    "y ~ exec('import os')",
    "y ~ open('/etc/passwd')",
    "y ~ getattr(x, 'real')",
    "y ~ [i for i in x]",
    "y ~ I([i for i in x])",
    "y ~ {x: 1}",
    "y ~ (lambda: 1)()",
    "y ~ I(lambda x: x)",
    "y ~ (z := x)",
    "y ~ x[0]",
    "y ~ f'{x}'",
    "y ~ x if x else y",
    "y ~ log(x)(y)",
    "y ~ `x`.real",
    "y ~ np.load('x')",
    "y ~ (1 | __import__('os'))",
    "y ~ (__import__('os') | g)",
    "__import__('os') ~ x",
    "y ~ x; import os",
    "y ~ @x",
    "y ~ base::system('ls')",
    "y ~ function(x) x",
    "y ~ x <- 3",
    "y ~ await x",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_attacks_are_refused(text: str) -> None:
    data = {"y": np.arange(4.0), "x": np.arange(4.0), "g": np.array([0, 0, 1, 1])}
    with pytest.raises(FormulaError):
        parse(text)
    with pytest.raises(FormulaError):
        build(text, data)


def test_every_allowed_function_can_be_evaluated() -> None:
    assert set(HANDLERS) == set(FUNCTIONS)


def test_own_functions_come_in_only_when_passed() -> None:
    data = {"y": [1.0, 2.0, 4.0], "x": [1.0, 5.0, 2.0]}
    with pytest.raises(FormulaError, match="'double' is not allowed"):
        build("y ~ double(x)", data)
    design = build("y ~ double(x)", data, functions={"double": lambda x: 2 * x})
    assert design.fixed.names == ("(Intercept)", "double(x)")
    assert design.fixed.X[:, 1].tolist() == [2.0, 10.0, 4.0]


WORDS = (
    "y ~ x g t + - * / : ^ ** %in% | || ( ) 1 0 2 log( I( us( cs( 't' , = . __x__ x.y offset( "
    "factor( scale( C( ns( cbind( pmin( ifelse( cut( ! == TRUE lambda [ \\ é `ab` ) ~x"
)
PIECES = st.sampled_from([*WORDS.split(), " ", "\n", "`a b`", "poly(x, 2)"])


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join)))
def test_only_formula_errors(text: str) -> None:
    for columns in (None, ("y", "x", "g")):
        try:
            formula = parse(text, columns)
        except FormulaError:
            continue
        assert parse(formula.printed, columns).printed == formula.printed


@settings(max_examples=4000)
@given(st.lists(PIECES, max_size=12).map(lambda p: "y ~ " + "".join(p)))
def test_building_raises_only_own_errors(text: str) -> None:
    data: dict[str, Any] = {
        "y": np.array([1.0, 3.0, 2.0, 5.0, 4.0, 8.0]),
        "x": np.array([2.0, 1.0, 5.0, 3.0, 9.0, 4.0]),
        "g": list("aabbcc"),
        "a b": np.arange(6),
        "t": [True, False, False, True, True, False],
    }
    try:
        design = build(text, data)
    except NestwiseError:
        return
    assert np.isfinite(design.fixed.X).all()


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.sampled_from(sorted(FUNCTIONS))
    operator = st.sampled_from([" + ", " - ", "*", "/", ":", "^", " > ", " == ", " & ", " %in% "])
    return st.one_of(
        st.tuples(one, inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(one, inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        st.tuples(inner, operator, inner).map("".join),
        inner.map(lambda p: f"({p})"),
        inner.map(lambda p: f"!{p}"),
    )


LEAVES = st.sampled_from(["x", "g", "t", "`a b`", "2", "0.5", "'a'", "TRUE", "NULL", "1"])


@settings(max_examples=300)
@given(st.recursive(LEAVES, _grown, max_leaves=6), st.booleans())
def test_building_expressions_raises_only_own_errors(text: str, random: bool) -> None:
    data: dict[str, Any] = {
        "y": np.array([1.0, 3.0, 2.0, 5.0, 4.0, 8.0]),
        "x": np.array([2.0, 1.0, 5.0, 3.0, 9.0, 4.0]),
        "g": list("aabbcc"),
        "a b": np.arange(6),
        "t": [True, False, False, True, True, False],
    }
    try:
        design = build(f"y ~ 1 + ({text} | g)" if random else f"y ~ {text}", data)
    except NestwiseError:
        return
    assert np.isfinite(design.fixed.X).all()
    new = encode_new(design, data)
    np.testing.assert_array_equal(new.X, design.fixed.X)


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    for text in ("y ~ " + "(" * 5000 + "x" + ")" * 5000, "y ~ " + "-" * 5000 + "x",
                 "y ~ I(" + "x^" * 5000 + "x)"):  # fmt: skip
        with pytest.raises(FormulaError):
            parse(text)


def test_printed_form_reads_back() -> None:
    for text in ("I((x + 1)/2)", "f(x, df = 3)", "-x^2", "a:b %in% c", "`odd name`"):
        tree = parse_expression(text)
        assert parse_expression(deparse(tree)) == tree
