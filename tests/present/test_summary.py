"""Whole summaries of fitted models, line by line as lmerTest and lm print them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from inference.r_models import LINEAR, LMM, linear, mixed, table
from nestwise.present.anovatext import anova_text
from nestwise.present.matrixtext import WIDTH

ORACLE = Path(__file__).parents[1] / "oracle"
MIXED = sorted(p.stem.removeprefix("summary_") for p in ORACLE.glob("summary_*.txt"))
# the data do not determine this model's slope variance and correlation
FLAT = "tutorial_full"


def r_lines(file: str) -> list[str]:
    """R's text, without the lines that name the data argument, the class or the weights."""
    lines = (ORACLE / file).read_text(encoding="utf-8").splitlines()
    start = next((i for i, x in enumerate(lines) if x.startswith("Formula:")), 0)
    return [x.rstrip() for x in lines[start:] if not x.startswith(("   Data:", "Weights:"))]


def our_lines(text: str) -> list[str]:
    lines = text.splitlines()
    start = next((i for i, x in enumerate(lines) if x.startswith("Formula:")), 0)
    return [x.rstrip() for x in lines[start:]]


def close(ours: str, theirs: str) -> bool:
    """Same layout, and numbers that differ by no more than R's own differencing and optimiser."""
    pairs = list(zip(ours.split(), theirs.split(), strict=True))
    return len(ours) == len(theirs) and all(x == y or _near(x, y) for x, y in pairs)


def _near(x: str, y: str) -> bool:
    last = 10.0 ** -len(y.partition("e")[0].partition(".")[2])
    unit = last * 10.0 ** int(y.partition("e")[2] or 0)
    return abs(float(x) - float(y)) <= 2e-5 * abs(float(y)) + 1.01 * unit


def compared(name: str) -> list[tuple[str, str]]:
    """Pairs of lines that are not the same."""
    theirs, ours = r_lines(f"summary_{name}.txt"), our_lines(str(mixed(name).summary()))
    assert len(ours) >= len(theirs)
    return [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]


@pytest.mark.parametrize("name", [n for n in MIXED if n != FLAT])
def test_mixed(name: str) -> None:
    apart = compared(name)
    assert [pair for pair in apart if not close(*pair)] == []


def test_most_are_the_same_to_the_last_character() -> None:
    assert sum(compared(name) == [] for name in MIXED) >= 12


def test_tutorial_differs_only_where_the_data_are_silent() -> None:
    theirs = r_lines(f"summary_{FLAT}.txt")
    silent = theirs[theirs.index("Random effects:") : theirs.index("Fixed effects:")]
    assert [b for a, b in compared(FLAT) if b not in silent and not close(a, b)] == []
    assert "Diagnostics:" in str(mixed(FLAT).summary())


@pytest.mark.parametrize("name", LINEAR)
def test_linear(name: str) -> None:
    theirs = r_lines(f"lm_{name}.txt")
    ours = our_lines(str(linear(name).summary()))
    start, begin = (lines.index("Call:") for lines in (theirs, ours))
    after, behind = (lines.index("", at) for lines, at in ((theirs, start), (ours, begin)))
    expected = theirs[after:]
    while expected[-1] == "":
        expected.pop()
    got = ours[behind : behind + len(expected)]
    apart = [(a, b) for a, b in zip(got, expected, strict=True) if a != b]
    if name == "aliased":  # estimates such as -126.90085 lie on a tie
        assert len(apart) <= 8
        assert all(close(a, b) for a, b in apart)
    else:
        assert apart == []


@pytest.mark.parametrize("name", LINEAR)
def test_anova_of_a_linear_model(name: str) -> None:
    from nestwise.inference.anova import anova_lm

    fit = linear(name).fit
    text = anova_text(anova_lm(fit), fit.design.formula.response_label)
    expected = (ORACLE / f"lm_anova_{name}.txt").read_text(encoding="utf-8").splitlines()
    assert text.splitlines() == expected


def test_header_says_how_it_was_tested() -> None:
    model = mixed("sleepstudy")
    first = [str(model.summary(ddf=d)).splitlines()[0] for d in ("satterthwaite", "normal")]
    assert first[0] == "Linear mixed model fit by REML. t-tests use Satterthwaite's method"
    assert "z-tests" in first[1]


def test_normal_has_z_and_no_df() -> None:
    text = str(mixed("sleepstudy").summary(ddf="normal"))
    assert "Estimate Std. Error z value Pr(>|z|)" in text
    assert "Days          10.467      1.546   6.771 1.27e-11 ***" in text


def test_unknown_ddf() -> None:
    with pytest.raises(nw.NestwiseError, match=r"ddf='kr' is not known; use one of"):
        mixed("sleepstudy").summary(ddf="kr")


def test_dropped_rows_are_told() -> None:
    data = table("sleepstudy").copy()
    data.loc[[3, 7], "Reaction"] = np.nan
    text = str(nw.lmer("Reaction ~ Days + (Days | Subject)", data).summary())
    assert "Rows dropped because of missing values: 2 of 180" in text
    text = str(nw.lm("Reaction ~ Days", data).summary())
    assert "  (2 observations deleted due to missingness)" in text


def test_diagnostics_are_told_in_words() -> None:
    text = str(mixed("dyestuff2").summary())
    assert "Diagnostics:" in text
    assert all(d.code in text for d in mixed("dyestuff2").diagnostics)


def test_many_coefficients_hide_their_correlations() -> None:
    lines = str(mixed("cake").summary()).splitlines()
    assert "Correlation of Fixed Effects:" not in lines
    assert "Correlation of fixed effects not shown, as p = 18 > 12; see vcov()." in lines


def test_few_rows_show_all_residuals() -> None:
    data = pd.DataFrame({"y": [1, 2, 3, 4, 5.5], "x": [1.1, 2, 3, 4, 5]})
    lines = str(nw.lm("y ~ x", data).summary()).splitlines()
    at = lines.index("Residuals:")
    assert [x.rstrip() for x in lines[at + 1 : at + 3]] == [
        "       1        2        3        4        5",
        " 0.05620  0.04548 -0.07754 -0.20056  0.17642",
    ]


def test_wide_tables_wrap() -> None:
    data = table("sleepstudy").rename(columns={"Days": "d" * 60})
    lines = str(nw.lmer(f"Reaction ~ {'d' * 60} + (1 | Subject)", data).summary()).splitlines()
    at = lines.index("Fixed effects:")
    assert all(len(x) <= WIDTH for x in lines[at:])
    # R leaves the last of its eighty places free
    heads = [lines[at + i].split() for i in (1, 4, 7, 10)]
    assert heads == [["Estimate"], ["Std.", "Error"], ["df", "t", "value"], ["Pr(>|t|)"]]


def test_quantiles_are_those_of_the_summary() -> None:
    summary = mixed("sleepstudy").summary()
    assert summary.residual_quantiles == pytest.approx(LMM["sleepstudy"]["quantiles"], abs=1e-5)
    assert repr(summary) == str(summary)
    assert summary._repr_html_().startswith("<pre>Linear mixed model")
