"""Tables of analysis of variance as lmerTest prints them."""

from __future__ import annotations

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import ORACLE, table
from nestwise.inference.anova import anova_lmm
from nestwise.present.anovatext import typed_anova_text
from present.test_summary import close, our_lines, r_lines

CAKE = "angle ~ recipe * temp + (1 | recipe:replicate)"
CASES = [
    ("cake", CAKE, "satterthwaite", 3),
    ("cake", CAKE, "kenward-roger", 1),
    ("Machines", "score ~ Machine + (Machine | Worker)", "kenward-roger", 3),
    ("Orthodont", "distance ~ age * Sex + (age | Subject)", "satterthwaite", 2),
]


@pytest.mark.parametrize(("data", "formula", "ddf", "type_"), CASES)
def test_as_lmertest(data: str, formula: str, ddf: str, type_: int) -> None:
    name = f"anova_{data.lower()}_{ddf.replace('-', '_')}_{type_}.txt"
    theirs = (ORACLE / name).read_text(encoding="utf-8").splitlines()
    fit = nw.lmer(formula, table(data)).fit
    ours = typed_anova_text(anova_lmm(fit, type_, ddf), type_, ddf).splitlines()
    assert len(ours) == len(theirs)
    apart = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.rstrip() != b.rstrip()]
    assert [pair for pair in apart if not close(*pair)] == []


def test_summary_with_kenward_roger() -> None:
    m = nw.lmer("score ~ Machine + (Machine | Worker)", table("Machines"))
    text = str(m.summary(ddf="kenward-roger"))
    assert text.splitlines()[0].endswith("t-tests use Kenward-Roger's method")
    ours, theirs = our_lines(text), r_lines("kenward_roger_machines.txt")
    apart = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert [pair for pair in apart if not close(*pair)] == []


def test_note_on_what_cannot_be_estimated() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=40)
    data = {"y": rng.normal(size=40) + x, "x": x, "twice": 2 * x, "g": np.arange(40) % 8}
    fit = nw.lmer("y ~ x + twice + (1 | g)", data).fit
    lines = typed_anova_text(anova_lmm(fit), 3, "satterthwaite").splitlines()
    assert lines[-1].endswith("twice (0 of 1 degrees of freedom).")
