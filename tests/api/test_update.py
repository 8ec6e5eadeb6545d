"""Formulas written in terms of another."""

from __future__ import annotations

import pytest

from nestwise import FormulaError
from nestwise.api.update import updated_formula


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("y ~ x", ". ~ . + z", "y ~ x + z"),
        ("y ~ x + z", ". ~ . - z", "y ~ x"),
        ("y ~ x", ". ~ . - x", "y ~ 1"),
        ("y ~ 1 + (1 | g)", ". ~ . + x", "y ~ 1 + (1 | g) + x"),
        ("y ~ a * b", ". ~ . - a:b", "y ~ a * b - a:b"),
        ("y ~ x", ". ~ .^2", "y ~ (x)^2"),
        ("y ~ x", ". ~ .:z", "y ~ (x):z"),
        ("y ~ x.1 + I(x.1^.5)", ". ~ . + z.2", "y ~ x.1 + I(x.1^.5) + z.2"),
        ("y ~ x", "sqrt(.) ~ .", "sqrt(y) ~ x"),
        ("y ~ x + (1 | a/b)", ". ~ . - (1|a/b) + (1 | a)", "y ~ x + (1 | a)"),
        ("y ~ poly(x, 2) - 1", ". ~ . + z", "y ~ poly(x, 2) - 1 + z"),
    ],
)
def test_written_out(old: str, new: str, expected: str) -> None:
    assert updated_formula(old, new) == expected


@pytest.mark.parametrize("new", ["x + z", "y ~ x ~ z", 3])
def test_not_a_formula(new: object) -> None:
    with pytest.raises(FormulaError, match="not a formula"):
        updated_formula("y ~ x", new)  # type: ignore[arg-type]


def test_a_bar_that_is_not_there() -> None:
    with pytest.raises(FormulaError, match=r"no random term \(1 \| g\).*are: \(x \| g\)"):
        updated_formula("y ~ x + (x | g)", ". ~ . - (1 | g)")
