"""The data of lmerTest, pbkrtest and mlmRev (tests/data) against R (tests/oracle/sensory.json)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from inference.r_models import ORACLE, listed

DATA = Path(__file__).parents[1] / "data"
R: dict[str, Any] = json.loads((ORACLE / "sensory.json").read_text(encoding="utf-8"))
SCOTS_KR: dict[str, Any] = json.loads((ORACLE / "sensory_kr.json").read_text(encoding="utf-8"))
METHODS = {"satterthwaite": "satterthwaite", "kenward-roger": "kenward_roger"}
CASES = [(name, ddf) for name in R for ddf, key in METHODS.items() if key in R[name]]


@functools.cache
def table(name: str) -> pd.DataFrame:
    """A data set of tests/data with R's factor levels."""
    spec = json.loads((DATA / "schema.json").read_text(encoding="utf-8"))[name]
    kinds = spec["columns"]
    factors = [c for c, k in kinds.items() if k["type"] == "factor"]
    data = pd.read_csv(DATA / spec["file"], dtype=dict.fromkeys(factors, "str"))
    assert len(data) == spec["rows"]
    assert list(data.columns) == list(kinds)
    levels = {c: pd.Categorical(data[c], kinds[c]["levels"]) for c in factors}
    return data.assign(**levels)


@functools.cache
def fitted(name: str) -> nw.MixedModel:
    """The fit of one model of sensory.json."""
    return nw.lmer(R[name]["formula"], table(R[name]["data"]))


def same(got: Any, expected: Any, rtol: float, atol: float = 0.0) -> None:
    numbers = np.array(listed(expected), dtype=float)
    np.testing.assert_allclose(np.asarray(got, dtype=float), numbers, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", list(R))
def test_estimates(name: str) -> None:
    r, m = R[name], fitted(name)
    assert list(m.params.index) == r["names"]
    same(m.params, r["fixef"], 5e-6)
    same(-2 * m.loglik, r["criterion"], 1e-9)
    same(m.tidy()["std_error"], r["satterthwaite"]["std_error"], 5e-6)
    assert m.is_singular == r["singular"]


@pytest.mark.parametrize("name", list(R))
def test_random_effects(name: str) -> None:
    """Sds and correlations, at a tighter tolerance than the default.

    The default leaves 1e-9 of the criterion, which a flat direction turns into 1e-5 of a standard
    deviation (Assessor:TVset of tvbo_noise); fixed effects, tests and criterion do not feel it.
    beets_yield is singular, and lme4 stops at a standard deviation of 1e-7 beside its zero.
    """
    r, m = R[name], fitted(name)
    zero = 1e-6 if r["singular"] else 0.0
    same(m.varcorr()["sdcor"], r["sdcor"], 2e-5, atol=zero)
    tight = nw.lmer(r["formula"], table(r["data"]), control=nw.Control(tolerance=1e-12))
    same(tight.varcorr()["sdcor"], r["sdcor"], 5e-6, atol=zero)


@pytest.mark.parametrize(("name", "ddf"), CASES)
def test_coefficients(name: str, ddf: str) -> None:
    r, t = R[name][METHODS[ddf]], fitted(name).tidy(ddf=ddf)
    same(t["std_error"], r["std_error"], 5e-6)
    same(t["df"], r["df"], 1e-3)
    same(t["statistic"], r["statistic"], 1e-4)
    same(t["p_value"], r["p_value"], 2e-3)


@pytest.mark.parametrize("type_", [1, 2, 3])
@pytest.mark.parametrize(("name", "ddf"), CASES)
def test_anova(name: str, ddf: str, type_: int) -> None:
    r, t = R[name][METHODS[ddf]]["anova"][str(type_)], fitted(name).anova(type=type_, ddf=ddf)
    assert t["term"].tolist() == listed(r["term"])
    assert t["num_df"].tolist() == listed(r["num_df"])
    same(t["den_df"], r["den_df"], 1e-3)
    same(t["f_value"], r["f_value"], 1e-4)
    same(t["sum_sq"], r["sum_sq"], 1e-4)
    same(t["p_value"], r["p_value"], 2e-3)


@pytest.mark.parametrize("name", list(R))
def test_ranova(name: str) -> None:
    r, t = R[name]["ranova"], fitted(name).ranova()
    assert t["term"].tolist() == r["term"]
    assert t["n_par"].tolist() == r["n_par"]
    for column in ("loglik", "aic", "chisq", "df"):
        same(t[column], r[column], 1e-6, atol=1e-6)
    same(t["p_value"], r["p_value"], 2e-3)


@pytest.mark.parametrize("term", ["sow", "harvest"])
@pytest.mark.parametrize("name", ["beets_sugpct", "beets_yield"])
def test_kr_model_comparison(name: str, term: str) -> None:
    """Leaving a term out, as KRmodcomp compares: the joint test of its coefficients."""
    r, m = R[name]["krmodcomp"][term], fitted(name)
    t = m.contrast(
        [n for n in m.params.index if n.startswith(term)], joint=True, ddf="kenward-roger"
    )
    same(t["num_df"], r["num_df"], 0.0)
    same(t["den_df"], r["den_df"], 1e-3)
    same(t["f_value"], r["f_value"], 1e-4)
    same(t["p_value"], r["p_value"], 2e-3)


def test_kenward_roger_on_crossed_schools() -> None:
    """3,435 rows crossed by 148 and 19 schools: minutes of vcovAdj in R (sensory_kr.R)."""
    m = fitted("scots")
    t, r = m.tidy(ddf="kenward-roger"), SCOTS_KR["coefficients"]
    assert t["term"].tolist() == SCOTS_KR["names"]
    same(t["estimate"], r["estimate"], 5e-6)
    same(t["std_error"], r["std_error"], 5e-6)
    same(t["df"], r["df"], 1e-3)
    same(t["p_value"], r["p_value"], 2e-3)
    scale = np.abs(SCOTS_KR["vcov_kr"]).max()
    same(m.vcov(ddf="kenward-roger"), SCOTS_KR["vcov_kr"], 1e-4, atol=1e-7 * scale)
    a, r = m.anova(type=3, ddf="kenward-roger"), SCOTS_KR["type3"]
    assert a["term"].tolist() == SCOTS_KR["terms"]
    same(a["den_df"], r["df"], 1e-3)
    same(a["f_value"], np.square(r["statistic"]).tolist(), 1e-4)
    same(a["p_value"], r["p_value"], 2e-3)
