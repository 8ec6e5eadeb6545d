"""Numbers, p-values, names, formulas and tables are written as R writes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestwise._base.table import Table
from nestwise.present import rformat
from nestwise.present.abbreviate import abbreviate
from nestwise.present.coefmat import coefficient_lines
from nestwise.present.correlation import correlation_lines
from nestwise.present.linebreak import break_lines, filled
from nestwise.present.quantiles import criteria_lines, quantile_lines
from nestwise.present.randomtable import random_effects_lines

Oracle = Callable[[str], Any]


def number(text: str | None) -> float | None:
    """A number that R wrote in hexadecimal."""
    if text is None or text == "NA":
        return None
    return float.fromhex(text)


def numbers(texts: list[str | None]) -> list[float | None]:
    return [number(t) for t in texts]


def known(texts: list[str | None]) -> list[float]:
    return [math.nan if v is None else v for v in numbers(texts)]


@pytest.fixture(scope="module")
def answers(oracle: Oracle) -> Any:
    return oracle("rformat")


def test_format(answers: Any) -> None:
    for case in answers["format"]:
        got = rformat.format_numbers(numbers(case["x"]), case["digits"], case["nsmall"])
        assert got == case["out"], case


def test_cat(answers: Any) -> None:
    for case in answers["cat"]:
        assert [rformat.cat(v) for v in numbers(case["x"])] == case["out"], case


def test_p_values(answers: Any) -> None:
    for case in answers["pval"]:
        assert rformat.format_pvalues(numbers(case["x"]), case["digits"]) == case["out"], case


def test_rounding(answers: Any) -> None:
    compared = 0
    for case in answers["round"]:
        rows = zip(known(case["x"]), known(case["signif"]), known(case["round"]), strict=True)
        for value, signif, rounded in rows:
            if not math.isfinite(value) or value == 0:
                continue
            assert rformat.signif(value, case["digits"]) == pytest.approx(signif, rel=1e-15)
            if case["places"] + math.log10(abs(value)) < 15:  # a double has no more digits
                got = rformat.round_places(value, case["places"])
                assert got == pytest.approx(rounded, rel=1e-15, abs=1e-300)
                compared += 1
    assert compared > 200


def test_coefficient_tables(answers: Any) -> None:
    for case in answers["coefmat"]:
        m, heads = np.array([known(row) for row in case["m"]]), case["columns"]
        k = len(heads) - 2
        got = coefficient_lines(
            case["rows"],
            [(heads[j], m[:, j]) for j in range(k)],
            (heads[k], m[:, k]),
            (heads[k + 1], m[:, k + 1]),
            case["digits"],
        )
        assert got == case["out"]


def test_abbreviations(answers: Any) -> None:
    for case in answers["abbreviate"]:
        assert abbreviate(case["x"], case["minlength"]) == case["out"], case


def test_formulas(answers: Any) -> None:
    for case in answers["formula"]:
        assert list(break_lines(case["text"])) == case["out"]
        assert list(break_lines(f"lm(formula = {case['text']})")) == case["call"]
        got = [line.rstrip() for line in filled("Formula:", break_lines(case["text"]))]
        assert got == [line.rstrip() for line in case["filled"]]


def test_random_effects_tables(answers: Any) -> None:
    for case in answers["varcorr"]:
        columns = {name: np.array(case[name], dtype=object) for name in ("group", "var1", "var2")}
        columns |= {name: np.array(known(case[name])) for name in ("vcov", "sdcor")}
        assert random_effects_lines(Table(columns)) == case["out"]


def test_correlation_tables(answers: Any) -> None:
    for case in answers["correlation"]:
        vcov = np.array([known(row) for row in case["v"]])
        assert correlation_lines(case["names"], vcov) == case["out"]


def test_quantiles_and_criteria(answers: Any) -> None:
    for case in answers["quantiles"]:
        assert quantile_lines(known(case["x"])) == case["out"]
    for case in answers["aic"]:
        aic, bic, loglik, deviance = known(case["x"])
        assert criteria_lines(aic, bic, loglik, deviance, case["df_resid"]) == case["out"]


@given(st.lists(st.floats(-1e300, 1e300, allow_subnormal=False), max_size=6), st.integers(1, 15))
def test_one_width_and_enough_digits(values: list[float], digits: int) -> None:
    texts = rformat.format_numbers(values, digits)
    assert len(texts) == len(values)
    assert len({len(t) for t in texts}) <= 1
    for text, value in zip(texts, values, strict=True):
        if math.isfinite(value):
            assert float(text) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))


def test_formula_that_is_not_r_comes_back_as_it_is() -> None:
    assert break_lines(" y ~ x # what ") == ("y ~ x # what",)


def test_quantiles_of_zero_residuals() -> None:
    assert quantile_lines([0.0] * 5)[1].split() == ["0"] * 5
