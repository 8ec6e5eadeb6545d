"""What notebooks show, what prints under a heading, and tables for LaTeX and other packages."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw
from inference.r_models import ORACLE, linear, mixed
from nestwise._base.printed import aligned
from nestwise.inference.tidy import tidy
from nestwise.present.latex import escaped

SLEEP = nw.load_dataset("sleepstudy")
CAKE = nw.lmer("angle ~ recipe * temp + (1 | recipe:replicate)", nw.load_dataset("cake"))
GLMM = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"), weights="size")
GLS = nw.gls("Reaction ~ Days", SLEEP, residual="ar1(Days | Subject)")


def test_every_result_shows_itself() -> None:
    m = mixed("sleepstudy")
    results = [
        m,
        m.summary(),
        m.icc(),
        m.r2(),
        m.caic(),
        m.convergence_check(),
        m.simulated_residuals(20, seed=1),
        m.cluster_robust(),
        m.influence("Subject"),
        m.step(),
        m.profile(["Days"]),
        m.bootstrap(5, seed=1),
        m.anova_table(),
        CAKE.emmeans("recipe"),
        CAKE.emmeans("recipe").pairs(),
        nw.paired("Reaction ~ Days | Subject", SLEEP[SLEEP["Days"].isin([0, 9])]),
        nw.Diagnostic("code", "A < B.", "Do it."),
        GLS,
        GLMM,
    ]
    for result in results:
        html = result._repr_html_()
        ElementTree.fromstring(f"<div>{html.replace('<br>', '<br/>')}</div>")
        assert html.startswith(("<pre", "<div")), type(result)
        assert len(html) > 30
        assert "array(" not in repr(result)


def test_checks_print_as_tables() -> None:
    shown = str(mixed("sleepstudy").simulated_residuals(50, seed=3)).splitlines()
    assert shown[0] == "Quantile residuals of 180 rows; 50 simulations, seed 3"
    assert [line.split()[0] for line in shown[3:]] == ["uniformity", "dispersion", "outliers"]
    robust = mixed("sleepstudy").cluster_robust()
    lines = str(robust).splitlines()
    assert lines[0].split() == ["estimate", "std_error", "df", "t", "p"]
    assert lines[2].split()[:2] == ["Days", "10.47"]
    assert robust.table.note in str(robust)
    assert aligned(["", "p"], [["a", "1"]]) == ["   p", "a  1"]


def test_anova_has_its_heading_and_stays_a_frame() -> None:
    frame = CAKE.anova()
    assert isinstance(frame, pd.DataFrame)
    heading = "Type III Analysis of Variance Table with Satterthwaite's method"
    assert frame.attrs["heading"] == heading
    printed = CAKE.anova_table()
    theirs = (ORACLE / "anova_cake_satterthwaite_3.txt").read_text(encoding="utf-8")
    assert str(printed).splitlines()[0] == theirs.splitlines()[0] == printed.heading
    assert len(str(printed).splitlines()) == len(theirs.splitlines())
    pd.testing.assert_frame_equal(printed.table, frame)
    one = CAKE.anova_table(1, "kenward-roger")
    assert one.heading == "Type I Analysis of Variance Table with Kenward-Roger's method"
    own = nw.lmer("Reaction ~ Days + (1 | Subject)", pl.from_pandas(SLEEP))
    assert isinstance(own.anova(), pl.DataFrame)
    assert str(linear("sleepstudy").anova_table()).splitlines()[2] == "Response: Reaction"
    assert "Type III" in str(GLS.anova_table())


def test_summary_as_html() -> None:
    root = ElementTree.fromstring(mixed("sleepstudy").summary().to_html().replace("<br>", "<br/>"))
    assert [c.text for c in root.iter("caption")] == ["Fixed effects", "Random effects"]
    assert "Reaction ~ Days + (Days | Subject)" in " ".join(root.itertext())
    kenward = CAKE.summary(ddf="kenward-roger").to_html()
    assert "Kenward-Roger" in kenward
    for model in (linear("sleepstudy"), GLS, GLMM):
        assert "<caption>Fixed effects</caption>" in model.summary().to_html()


@pytest.mark.parametrize("model", [mixed("sleepstudy"), linear("sleepstudy"), GLS, GLMM])
def test_summary_as_latex(model: nw.MixedModel) -> None:
    text = model.summary().to_latex()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}")
    assert text.count("{") == text.count("}")
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    counts = {line.count("&") for line in body[: 1 + len(model.params)]}
    assert len(counts) == 1
    bare = text.replace(r"\_", "").replace(r"\%", "").replace(r"\&", "")
    assert "_" not in bare
    assert "%" not in bare
    for name in model.params.index:
        assert escaped(str(name)) in text


def test_latex_of_a_hard_name() -> None:
    data = SLEEP.rename(columns={"Days": "50%_of$a&b"})
    text = nw.lm("Reaction ~ `50%_of$a&b`", data).summary().to_latex()
    assert r"50\%\_of\$a\&b" in text


@pytest.mark.parametrize("model", [mixed("sleepstudy"), linear("sleepstudy"), GLS, GLMM])
def test_tables_of_the_package_maketables(model: nw.MixedModel) -> None:
    table = model.__maketables_coef_table__
    assert list(table) == ["b", "se", "t", "p", "ci95l", "ci95u"]
    assert table.index.name == "Coefficient"
    own = tidy(model.fit, conf_int=True)
    np.testing.assert_allclose(table["b"], own["estimate"])
    np.testing.assert_allclose(table["ci95u"], own["conf_high"])
    assert model.__maketables_stat__("N") == model.nobs
    assert model.__maketables_stat__("aic") == pytest.approx(model.aic)
    assert model.__maketables_stat__("no such key") is None
    assert model.__maketables_depvar__ == model.fit.design.formula.response_label
