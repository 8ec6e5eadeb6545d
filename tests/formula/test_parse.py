"""Formulas to terms: R's labels and order, lme4's bars, errors with a caret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nestwise._base.errors import FormulaError
from nestwise.formula import parse
from nestwise.formula.deparse import deparse
from nestwise.formula.grammar import parse_expression

ANSWERS = json.loads((Path(__file__).parents[1] / "oracle" / "design.json").read_text("utf-8"))


@pytest.mark.parametrize("case", ANSWERS["algebra"], ids=lambda c: c["formula"])
def test_algebra_is_r_s(case: dict[str, Any]) -> None:
    fixed = parse(case["formula"]).fixed
    assert [t.label for t in fixed.terms] == case["labels"]
    assert fixed.intercept == bool(case["intercept"])


@pytest.mark.parametrize("case", ANSWERS["labels"], ids=lambda c: c["text"])
def test_labels_are_printed_as_r_prints_them(case: dict[str, str]) -> None:
    assert deparse(parse_expression(case["text"])) == case["label"]


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("y ~ (1 | g)", ["1 | g"]),
        ("y ~ (x | g)", ["x | g"]),
        ("y ~ (0 + x | g)", ["0 + x | g"]),
        ("y ~ (x || g)", ["1 | g", "0 + x | g"]),
        ("y ~ (0 + x || g)", ["0 + x | g"]),
        ("y ~ (1 | a/b)", ["1 | b:a", "1 | a"]),
        ("y ~ (1 | a/b/c)", ["1 | c:(b:a)", "1 | b:a", "1 | a"]),
        ("y ~ (1 | a:b) + x", ["1 | a:b"]),
        ("y ~ x + ((1 | a) + (1 | b))", ["1 | a", "1 | b"]),
        ("y ~ (1 | factor(g))", ["1 | factor(g)"]),
        ("y ~ (1 + I(x^2) | g)", ["1 + I(x^2) | g"]),
    ],
)
def test_bars(text: str, bars: list[str]) -> None:
    assert [b.label for b in parse(text).random] == bars


def test_a_bar_in_a_call_is_or() -> None:
    formula = parse("y ~ I(a | b) + (1 | g)")
    assert [t.label for t in formula.fixed.terms] == ["I(a | b)"]
    assert len(formula.random) == 1


def test_printed_form_and_columns() -> None:
    formula = parse("log(y)~x1*base.gcf+(1+x1|`pup id`)")
    assert str(formula) == "log(y) ~ x1 * base.gcf + (1 + x1 | `pup id`)"
    assert formula.columns == ("y", "x1", "base.gcf", "pup id")
    assert parse("y ~ x") is parse("y ~ x")
    assert hash(parse("y ~ a*b")) == hash(parse("y ~ a*b"))


def test_python_spelling() -> None:
    plain = parse("y ~ (a + b)^2 + I(x^2)")
    assert parse("y ~ (a + b)**2 + I(x**2)").fixed == plain.fixed


def test_dot() -> None:
    formula = parse("log(y) ~ . - g + (1 | g)", ("y", "x", "odd name", "g"))
    assert [t.label for t in formula.fixed.terms] == ["x", "`odd name`"]
    with pytest.raises(FormulaError, match="needs a table"):
        parse("y ~ .")


def test_a_thousand_terms() -> None:
    names = [f"x{i}" for i in range(1000)]
    fixed = parse("y ~ " + " + ".join(names) + " + (1 | g)").fixed
    assert [t.label for t in fixed.terms] == names


@pytest.mark.parametrize(
    ("text", "message", "caret"),
    [
        ("y ~ x + (1 | g", "unbalanced parenthesis", 8),
        ("y ~ x + 1 | g)", "unbalanced parenthesis", 13),
        ("y ~ (1 | )", "a bar without a group", 7),
        ("y ~ ( | g)", "nothing on its left", 6),
        ("y ~ x |g", "in parentheses", 6),
        ("y ~ ", "right side of '~' is empty", 2),
        (" ~ x", "left side of '~' is empty", 1),
        ("y ~ x ~ z", "one '~'", 6),
        ("y + x", "no '~'", 0),
        ("", "formula is empty", 0),
        ("y ~ x +", "ends too early", 6),
        ("y ~ x z", "operator missing", 6),
        ("y ~ np.log(x)", "write log", 4),
        ("y ~ lg(x)", "did you mean 'log'", 4),
        ("y ~ x[0]", "subscripts", 5),
        ("y ~ x$z", "attribute access", 5),
        ("y ~ banded(1 | g)", "known are us", 4),
        ("y ~ arma(x | g)", "known are us", 4),
        ("y ~ (1 | a + b)", "crossed groups", 11),
        ("y ~ (1 | g | h)", "one bar", 11),
        ("y ~ x*(1 | g)", "only be added", 5),
        ("y ~ x + 3", "no term", 8),
        ("y ~ x^z", "whole number", 5),
        ("y ~ (0 | g)", "nothing on its left", 7),
        ("y ~ x - (1 | g)", "taken away", 6),
        ("y = x", "not allowed here", 2),
        ("y ~ 'x", "never closed", 4),
        ("1 ~ x", "must be a column", 0),
    ],
)
def test_errors_point_at_the_place(text: str, message: str, caret: int) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        parse(text)
    lines = str(caught.value).splitlines()
    assert lines[1] == "    " + text
    assert lines[2].index("^") == 4 + caret


@pytest.mark.parametrize("thing", [None, 3, ["y ~ x"], b"y ~ x"])
def test_a_formula_is_a_string(thing: Any) -> None:
    with pytest.raises(FormulaError, match="a formula is a string"):
        parse(thing)
