"""Notebook tables: every header has a scope, every table a caption, all text is escaped."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd

import nestwise as nw
from inference.r_models import linear, mixed, table
from nestwise._base.table import Table
from nestwise.present.tabletext import table_text


def tree(model: nw.MixedModel | nw.LinearModel) -> ElementTree.Element:
    return ElementTree.fromstring(model._repr_html_().replace("<br>", "<br/>"))


def test_mixed_model_has_its_tables() -> None:
    root = tree(mixed("sleepstudy"))
    captions = [c.text for c in root.iter("caption")]
    assert captions == ["Fixed effects", "Random effects", "Fit"]
    assert all(th.get("scope") in ("row", "col") for th in root.iter("th"))
    text = " ".join(root.itertext())
    for piece in ("Reaction ~ Days + (Days | Subject)", "251.405", "6.771", "3.26e-06", "24.74"):
        assert piece in text


def test_rows_are_as_wide_as_their_heads() -> None:
    for one in tree(mixed("machines")).iter("table"):
        widths = {len(list(row)) for row in one.iter("tr")}
        assert len(widths) == 1


def test_linear_model() -> None:
    text = " ".join(tree(linear("sleepstudy")).itertext())
    assert "R²" in text
    assert "0.2865" in text


def test_text_is_escaped() -> None:
    data = pd.DataFrame(
        {"y": [1.0, 2, 4, 3, 6, 5], "g": ["<b>x</b>", "a", "<b>x</b>", "a", "c", "c"]}
    )
    html = nw.lm("y ~ g", data)._repr_html_()
    assert "<b>" not in html
    assert "g&lt;b&gt;x&lt;/b&gt;" in html or "gc" in html


def test_diagnostics_and_dropped_rows() -> None:
    data = table("Dyestuff2").copy()
    data.loc[0, "Yield"] = np.nan
    html = nw.lmer("Yield ~ 1 + (1 | Batch)", data)._repr_html_()
    assert "Rows dropped because of missing values: 1" in html
    assert "<li>singular" in html


def test_plain_table_has_its_note() -> None:
    columns = {"a": np.array(["x", None], dtype=object), "b": np.array([1.5, np.nan])}
    assert table_text(Table(columns, note="Refitted.")).splitlines() == [
        "a    b",
        "x  1.5",
        "NA  NA",
        "",
        "Refitted.",
    ]
