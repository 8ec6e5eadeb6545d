"""The report is whole, accessible, needs no network, and opens in a browser without complaint."""

from __future__ import annotations

import builtins
import re
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw
from nestwise.api.report import report_html
from nestwise.present.report.numbers import number
from present.browser import find_browser, print_page, probe, visit

SCHOOLS = "math_gain ~ prior_math + ses + sex + intervention + (1 | school/classroom)"
VOID = {"meta", "link", "img", "br"}


@cache
def school_page() -> str:
    return report_html(nw.lmer(SCHOOLS, nw.load_dataset("schools")))


@cache
def slope_page() -> str:
    data = nw.load_dataset("sleepstudy")
    return report_html(nw.lmer("Reaction ~ Days + (Days | Subject)", data))


@cache
def linear_page() -> str:
    data = nw.load_dataset("cake")
    return report_html(nw.lm("angle ~ recipe * temp", data))


@cache
def binomial_page() -> str:
    data = nw.load_dataset("cbpp")
    return report_html(nw.glmer("incidence / size ~ period + (1 | herd)", data, weights="size"))


@cache
def structured_page() -> str:
    data = nw.load_dataset("sleepstudy")
    return report_html(nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)"))


PAGES = {
    "schools": school_page,
    "slopes": slope_page,
    "linear": linear_page,
    "binomial": binomial_page,
    "structured": structured_page,
}


class Reader(HTMLParser):
    """Tags with their attributes, in order; complains when they are not balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def words(text: str) -> str:
    return " ".join(" ".join(read(text).text).split())


@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(name: str) -> None:
    tags = read(PAGES[name]()).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    names = [a["id"] for _, a in tags if "id" in a]
    assert len(set(names)) == len(names)
    links = [str(a["href"]) for tag, a in tags if tag == "a"]
    assert all(link.startswith("#") and link[1:] in names for link in links)
    images = [a for tag, a in tags if tag == "img"]
    assert len(images) >= 3
    assert all(len(a["alt"] or "") > 20 for a in images)
    tables = sum(tag == "table" for tag, _ in tags)
    assert tables == sum(tag == "caption" for tag, _ in tags) > 2
    assert all(a.get("scope") in ("row", "col") for tag, a in tags if tag == "th")
    assert next(a for tag, a in tags if tag == "html")["lang"] == "en"
    assert sum(tag == "main" for tag, _ in tags) == 1


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_outside_the_file(name: str) -> None:
    for tag, attributes in read(PAGES[name]()).tags:
        for key in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(key)
            assert value is None or value.startswith(("#", "data:")), (tag, value)
    assert "@import" not in PAGES[name]()
    assert "url(" not in PAGES[name]()


def test_colours_have_contrast() -> None:
    style = (resources.files("nestwise") / "present" / "report" / "page.css").read_text("utf-8")
    colour = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style))
    for ink in ("ink", "soft", "link"):
        for paper in ("#ffffff", colour["tint"]):
            assert contrast(colour[ink], paper) >= 7.0


def contrast(a: str, b: str) -> float:
    """WCAG 2.1's contrast ratio."""

    def luminance(text: str) -> float:
        parts = np.array([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_numbers_are_those_of_the_fit() -> None:
    model = nw.lmer(SCHOOLS, nw.load_dataset("schools"))
    shown = words(school_page())
    table = model.tidy(conf_int=True).set_index("term")
    row = table.loc["intervention"]
    low, high = number(row["conf_low"]), number(row["conf_high"])
    assert f"intervention {number(row['estimate'])}" in shown
    assert f"{low} to {high}" in shown
    assert (
        "intervention = 1, compared with 0, goes with a difference of 5.664 in math_gain" in shown
    )
    assert "sex = Male, compared with Female, goes with a difference of 1.227 in math_gain" in shown
    assert "35 % of the variance that the predictors leave lies between groups" in shown
    assert "With 120 rows in a level of school on average" in shown
    assert "600 rows were used, in 40 levels of classroom:school and 5 levels of school." in shown
    assert "restricted maximum likelihood" in shown


def test_approaches_are_compared() -> None:
    shown = words(school_page())
    assert "Ways to treat the groups" in shown
    assert "Pooled regression takes 600 rows for independent" in shown
    assert "fixed effects (classroom)" in shown
    data = nw.load_dataset("schools")
    assert "Ways to treat" not in report_html(nw.lmer(SCHOOLS, data), approaches=False)
    with pytest.raises(nw.NestwiseError, match="approaches=True is for linear mixed models"):
        report_html(nw.lm("math_gain ~ ses", data), approaches=True)


def test_main_effects_beside_interactions_say_where_they_hold() -> None:
    shown = words(linear_page())
    assert "One more temp goes with a difference of" in shown
    assert "all else equal and where recipe is at its reference level" in shown
    assert "all else equal and where temp is zero" in shown


def test_words_of_variance_functions() -> None:
    data = nw.load_dataset("sleepstudy")
    data["half"] = np.where(data["Days"] < 5, "first", "second")
    page = words(report_html(nw.lmer("Reaction ~ Days + (1 | Subject)", data, variance="half")))
    assert "variance by half" in page
    assert "VarianceFormula" not in page


def test_words_of_generalised_models() -> None:
    shown = words(binomial_page())
    assert "generalised linear mixed model (binomial distribution, logit link)" in shown
    assert "period = 2, compared with 1, goes with the odds of incidence/size 0.3707 times" in shown
    assert "Odds ratio" in shown
    assert "maximum likelihood (Laplace approximation)" in shown
    assert "Dispersion (simulated)" in shown
    poisson = nw.glmer("incidence ~ period + (1 | herd)", nw.load_dataset("cbpp"), family="poisson")
    assert "goes with the expected incidence" in words(report_html(poisson))


def test_words_of_structured_residuals() -> None:
    shown = words(structured_page())
    assert "ar1(Days | Subject), first-order autoregression" in shown
    assert "rho correlation 0.8000 0.6995 to 0.8694" in shown
    both = nw.lmer(
        "Reaction ~ Days + (1 | Subject)",
        nw.load_dataset("sleepstudy"),
        residual="ar1(Days | Subject)",
    )
    page = words(report_html(both))
    assert "a linear mixed model with structured residuals" in page
    assert "residual='ar1(Days | Subject)'" in page


def test_the_code_makes_the_fit_again(tmp_path: Path) -> None:
    file = tmp_path / "sleep.csv"
    data = nw.load_dataset("sleepstudy")
    data.attrs.clear()  # a file of text has no units
    data.to_csv(file, index=False)
    first = nw.lmer("Reaction ~ Days + (1 | Subject)", data, REML=False)
    page = first.report(tmp_path / "a.html", source=str(file)).read_text(encoding="utf-8")
    (code,) = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
    lines = code.replace("&#39;", "'").replace("&#34;", '"')
    names: dict[str, Any] = {}
    exec(lines.replace("a.html", str(tmp_path / "b.html")), names)
    assert names["model"].criterion == pytest.approx(first.criterion, abs=1e-8)
    again = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "maximum likelihood" in again
    assert re.findall(r"base64,[^\"]+", again) == re.findall(r"base64,[^\"]+", page)


def test_text_of_the_data_is_escaped() -> None:
    data = nw.load_dataset("sleepstudy").rename(columns={"Days": "<b>x</b>"})
    data["g"] = "<script>alert(1)</script>" + data["Subject"].astype(str)
    page = report_html(nw.lmer("Reaction ~ `<b>x</b>` + (1 | g)", data))
    assert "<script" not in page
    assert "<b>x" not in page


def test_existing_files_are_kept(tmp_path: Path) -> None:
    model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    file = tmp_path / "r.html"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(nw.NestwiseError, match="exists; give another name"):
        model.report(file)
    assert file.read_text(encoding="utf-8") == "mine"
    assert model.report(file, overwrite=True) == file
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(nw.NestwiseError, match="does not exist; make it first"):
        model.report(tmp_path / "no" / "r.html")
    with pytest.raises(nw.NestwiseError, match="is a folder"):
        model.report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_nothing_is_left_when_the_page_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("jinja2"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(nw.MissingExtraError, match=r"nestwise\[report\]"):
        nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")).report(tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_singular_fits_and_missing_rows_are_told() -> None:
    data = nw.load_dataset("Dyestuff2")
    data.loc[3, "Yield"] = np.nan
    shown = words(report_html(nw.lmer("Yield ~ 1 + (1 | Batch)", data)))
    assert "1 row with missing values left out" in shown
    assert "0 % of the variance lies between groups" in shown
    assert "zero" in shown


def test_what_cannot_be_drawn_is_said() -> None:
    exam = nw.load_dataset("Exam")
    page = report_html(nw.lmer("normexam ~ sex + schgend + type + (1 | school)", exam))
    assert "It could not be drawn: the marginal means of" in words(page)


def test_reports_of_polars_data_and_of_no_predictor() -> None:
    data = pl.from_pandas(nw.load_dataset("Dyestuff"))
    assert "What Yield depends on" in report_html(nw.lmer("Yield ~ 1 + (1 | Batch)", data))
    frame = pd.DataFrame({"y": [1.0, 2.5, 3.0, 2.0, 4.0, 3.5]})
    assert "What is the mean of y?" in words(report_html(nw.lm("y ~ 1", frame)))


BROWSER = find_browser()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here to open the report with")
@pytest.mark.parametrize("name", ["schools", "linear"])
def test_page_in_a_browser(name: str, tmp_path: Path) -> None:
    assert BROWSER is not None
    file = tmp_path / f"{name}.html"
    file.write_text(PAGES[name](), encoding="utf-8")
    assert visit(BROWSER, file, tmp_path) == []
    for width in (360, 1100):
        found = probe(BROWSER, file, tmp_path, width)
        assert found["width"] == width
        assert found["images"] >= 3
        assert found["fetched"] == []
        assert found["broken"] == []
        assert found["small"] == []
        assert found["wide"] == []
        assert found["scroll"] <= found["width"]
        assert min(found["equations"]) > 40
    assert print_page(BROWSER, file, tmp_path).startswith(b"%PDF")
