"""Estimated marginal means, contrasts and trends beside R's emmeans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from inference.r_emmeans import R, assert_same, means, model, printed
from inference.r_models import mixed

PRINTED = printed()


def labels_of(r: dict[str, Any], names: list[str]) -> list[list[str]]:
    """Label columns as text."""
    return [[str(v) for v in (r[n] if isinstance(r[n], list) else [r[n]])] for n in names]


def tolerance(name: str) -> float:
    """lme4's optimum is known to about six digits, least squares to all."""
    lmer = R["means"][name]["model"] in R["lmer"]
    return 2e-5 if lmer else 1e-9


@pytest.mark.parametrize("name", R["means"])
def test_means(name: str) -> None:
    r, ours = R["means"][name], means(name).table
    n_labels = list(r["table"]).index("SE") - 1
    assert_same(ours, r["table"], tolerance(name), n_labels)
    assert list(ours)[n_labels + 1 :] == ["se", "df", "lower", "upper"]
    theirs = labels_of(r["table"], list(r["table"])[:n_labels])
    numeric = [pd.api.types.is_numeric_dtype(ours[c]) for c in list(ours)[:n_labels]]
    for column, expected, number in zip(ours, theirs, numeric, strict=False):
        got = ours[column].tolist()
        assert got == ([float(v) for v in expected] if number else expected)


@pytest.mark.parametrize("name", R["contrasts"])
def test_contrasts(name: str) -> None:
    r = R["contrasts"][name]
    ours = means(r["mean"]).contrast(**r["call"])
    assert ours["contrast"].tolist() == labels_of(r["table"], ["contrast"])[0]
    labels = list(r["table"]).index("SE") - 1
    found = ours.table
    if ".mvt" in name or r["call"].get("adjust") == "mvt":
        # R's multivariate t is random in the fourth digit.
        expected = [float(p) for p in r["table"]["p.value"]]
        np.testing.assert_allclose(found["p_value"], expected, atol=3e-4)
        found = found.drop(columns="p_value")
        table = {k: v for k, v in r["table"].items() if k != "p.value"}
        assert_same(found, table, tolerance(r["mean"]), labels)
        return
    assert_same(found, r["table"], tolerance(r["mean"]), labels)
    p = np.array([np.nan if v in (None, "NA") else float(v) for v in r["table"]["p.value"]])
    known = np.isfinite(p) & (p > 1e-8)  # R's ptukey has no more digits
    rtol = 1e-3 if tolerance(r["mean"]) > 1e-6 else 1e-5
    np.testing.assert_allclose(found["p_value"].to_numpy()[known], p[known], rtol=rtol)


@pytest.mark.parametrize("name", R["intervals"])
def test_simultaneous_intervals(name: str) -> None:
    r = R["intervals"][name]
    ours = means(r["mean"]).contrast(**r["call"]).confint()
    close = 2e-3 if name.endswith("mvt") else 1e-5 if name.startswith("oats") else 1e-7
    assert_same(ours, r["table"], 10 * close, 1)


@pytest.mark.parametrize("name", R["trends"])
def test_trends(name: str) -> None:
    r = R["trends"][name]
    ours = model(r["model"]).emtrends(r["specs"], r["var"])
    close = 2e-5 if r["model"] in R["lmer"] else 1e-7
    assert_same(ours.table, r["table"], close, 1)
    assert list(ours)[1] == f"{r['var']}_trend"
    assert_same(ours.pairs().table, r["pairs"], close, 1)


@pytest.mark.parametrize("name", R["means"])
def test_means_print_as_in_r(name: str) -> None:
    ours = [line.rstrip() for line in str(means(name)).splitlines()]
    assert [line for line in ours if not line.startswith("NOTE")] == PRINTED[name]


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in R["contrasts"]
        # R says another sentence about scales below identity contrasts.
        if R["contrasts"][n]["call"].get("adjust") != "mvt" and n != "pigs_percent.identity"
    ],
)
def test_contrasts_print_as_in_r(name: str) -> None:
    r = R["contrasts"][name]
    ours = str(means(r["mean"]).contrast(**r["call"])).splitlines()
    assert [line.rstrip() for line in ours if not line.startswith("NOTE")] == PRINTED[name]


@pytest.mark.parametrize("name", R["trends"])
def test_trends_print_as_in_r(name: str) -> None:
    r = R["trends"][name]
    ours = str(model(r["model"]).emtrends(r["specs"], r["var"])).splitlines()
    assert [line.rstrip() for line in ours if not line.startswith("NOTE")] == PRINTED[name]


def test_a_note_tells_of_interactions() -> None:
    assert "NOTE: Results may be misleading" in str(means("warp_wool"))
    assert "NOTE" not in str(means("warp_both"))


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_tables_come_back_in_kind(kind: str) -> None:
    native = nw.load_dataset("cake")
    if kind == "polars":
        pl = pytest.importorskip("polars")
        data = pl.from_pandas(native)
    else:
        pa = pytest.importorskip("pyarrow")
        data = pa.Table.from_pandas(native)
    m = nw.lmer("angle ~ recipe + temp + (1 | recipe:replicate)", data)
    assert type(m.emmeans("recipe").table) is type(data)
    assert type(m.emmeans("recipe").pairs().table) is type(data)


def test_kenward_roger() -> None:
    m = mixed("machines")
    a = m.emmeans("Machine", ddf="kenward-roger").table
    b = m.emmeans("Machine").table
    np.testing.assert_allclose(a["emmean"], b["emmean"])
    assert np.isfinite(a["df"]).all()


def test_random_slope_of_something_not_fixed() -> None:
    """The grid needs no values for what only the random part uses."""
    m = nw.lmer("angle ~ recipe + (temp | recipe:replicate)", nw.load_dataset("cake"))
    assert len(m.emmeans("recipe")) == 3


def test_offset_is_added() -> None:
    data = nw.load_dataset("sleepstudy").assign(off=10.0)
    a = nw.lmer("Reaction ~ Days + offset(off) + (1 | Subject)", data).emmeans("1").table
    b = nw.lmer("Reaction ~ Days + (1 | Subject)", data).emmeans("1").table
    np.testing.assert_allclose(a["emmean"], b["emmean"], rtol=1e-8)


def test_curves_have_exact_slopes() -> None:
    m = nw.lm("Reaction ~ poly(Days, 2)", nw.load_dataset("sleepstudy"))
    b = nw.lm("Reaction ~ Days + I(Days^2)", nw.load_dataset("sleepstudy")).params
    t = m.emtrends("Days", "Days", at={"Days": [0, 4]}).table
    np.testing.assert_allclose(t["Days_trend"], [b["Days"], b["Days"] + 8 * b.iloc[2]], rtol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"specs": "recipes"}, "did you mean 'recipe'"),
        ({"specs": "recipe", "by": "tmep"}, "did you mean 'temp'"),
        ({"specs": "recipe", "at": {"recipe": ["D"]}}, "no level 'D'"),
        ({"specs": "recipe", "at": {"tempo": 1}}, "did you mean 'temp'"),
        ({"specs": "recipe", "at": {"temp": ["warm"]}}, "must be numbers"),
        ({"specs": "recipe", "by": "recipe"}, "both in specs and in by"),
        ({"specs": "pairwise ~ recipe"}, "pairs"),
        ({"specs": "recipe", "weights": "equals"}, "did you mean 'equal'"),
        ({"specs": "recipe", "level": 95}, "level=95"),
        ({"specs": "recipe", "ddf": "kr"}, "ddf='kr'"),
        ({"specs": "recipe", "type": "resp"}, "type='resp'"),
        ({"specs": [1]}, "specs must be a name or several names"),
    ],
)
def test_bad_calls(call: dict[str, Any], message: str) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        model("cake").emmeans(**call)


@pytest.mark.parametrize(
    ("method", "adjust", "message"),
    [
        ("pairwize", None, "did you mean 'pairwise'"),
        ("pairwise", "tuckey", "did you mean 'tukey'"),
        ("eff", "tukey", "pairwise differences"),
        ({"a": [1, -1]}, None, "2 weights, but there are 3"),
        ({"a": [1, "x", 0]}, None, "not made of numbers"),
        ({"a": [1, np.nan, 0]}, None, "missing or infinite"),
        ({}, None, "at least one"),
    ],
)
def test_bad_contrasts(method: Any, adjust: str | None, message: str) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        model("cake").emmeans("recipe").contrast(method, adjust=adjust)


def test_trends_need_a_number() -> None:
    with pytest.raises(nw.NestwiseError, match="not a number"):
        model("cake").emtrends("temp", "recipe")
    with pytest.raises(nw.NestwiseError, match="did you mean 'temp'"):
        model("cake").emtrends("recipe", "tmep")


def test_a_response_that_cannot_be_undone() -> None:
    m = nw.lm("I(Reaction^2) ~ Days", nw.load_dataset("sleepstudy"))
    with pytest.raises(nw.NestwiseError, match="cannot be transformed back"):
        m.emmeans("1", type="response")
