"""Paired t tests and repeated-measures ANOVA against R, and against the mixed models they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw

Oracle = Callable[[str], Any]


def test_paired_t(oracle: Oracle) -> None:
    known, data = oracle("rm_anova")["paired"], nw.load_dataset("sleepstudy")
    days = data[data["Days"].isin([0, 9])]
    found = nw.paired("Reaction ~ Days | Subject", days, level=0.9)
    for table in (found.classical, found.multilevel):
        assert table["estimate"][0] == pytest.approx(known["estimate"], rel=1e-8)
        assert table["statistic"][0] == pytest.approx(known["statistic"], rel=1e-6)
        assert table["df"][0] == pytest.approx(known["df"], rel=1e-4)
        assert table["p_value"][0] == pytest.approx(known["p"], rel=1e-4)
        np.testing.assert_allclose(
            [table["conf_low"][0], table["conf_high"][0]], known["ci"], rtol=1e-5
        )
    assert "agree" in str(found)


def test_wide_and_long_agree() -> None:
    wide = pd.DataFrame({"pre": [3.0, 4.0, 6.0, 5.0, 9.0], "post": [4.0, 4.5, 8.0, 6.5, 9.5]})
    long = wide.melt(ignore_index=False).reset_index()
    long["variable"] = pd.Categorical(long["variable"], ["pre", "post"])
    a = nw.paired(data=wide, first="pre", second="post")
    b = nw.paired("value ~ variable | index", long)
    assert a.classical["estimate"][0] == pytest.approx(1.1)
    assert a.classical["statistic"][0] == b.classical["statistic"][0]
    assert isinstance(
        nw.paired(data=pl.from_pandas(wide), first="pre", second="post").tidy(), pl.DataFrame
    )


def test_negative_correlation_is_told() -> None:
    wide = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [6.0, 4.5, 4, 2, 1]})
    found = nw.paired(data=wide, first="a", second="b")
    assert "not positively correlated" in found.note
    assert abs(found.classical["statistic"][0]) < abs(found.multilevel["statistic"][0])


def test_incomplete_pairs_are_used_by_the_model() -> None:
    wide = pd.DataFrame({"a": [1.0, 2, 3, 4, np.nan], "b": [2.0, 2.5, 4, 6, 8]})
    found = nw.paired(data=wide, first="a", second="b")
    assert "1 of 5 subjects" in found.note
    assert found.classical["df"][0] == 3
    assert found.model.nobs == 9


def test_one_factor_within(oracle: Oracle) -> None:
    known, aov = oracle("rm_anova")["sleep_spherical"], oracle("rm_anova")["sleep_aov"]
    found = nw.rm_anova("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    t, m = found.classical, found.multilevel
    assert t["f_value"][0] == pytest.approx(aov["f"][1], rel=1e-9)
    assert m["f_value"][0] == pytest.approx(aov["f"][1], rel=1e-6)
    assert (t["num_df"][0], t["den_df"][0]) == (9, 153)
    assert m["den_df"][0] == pytest.approx(153, rel=1e-4)
    assert t["sum_sq"][0] == pytest.approx(aov["ss"][1])
    assert t["error_sum_sq"][0] == pytest.approx(aov["ss"][2])
    assert t["p_value"][0] == pytest.approx(known["p"][0], rel=1e-6)
    assert t["p_gg"][0] == pytest.approx(known["pgg"][0], rel=1e-6)
    assert t["p_hf"][0] == pytest.approx(known["phf"][0], rel=1e-6)
    assert t["gg_epsilon"][0] == pytest.approx(0.3690, abs=5e-5)
    assert t["hf_epsilon"][0] == pytest.approx(0.4694, abs=5e-5)
    assert t["mauchly_w"][0] == pytest.approx(known["w"], rel=1e-6)
    assert t["mauchly_p"][0] == pytest.approx(known["wp"], rel=2e-3)


def test_unequal_groups(oracle: Oracle, shared_file: Callable[[str], Path]) -> None:
    known = oracle("rm_anova")["ortho_spherical"]
    found = nw.rm_anova("distance ~ Sex * age | Subject", pd.read_csv(shared_file("Orthodont.csv")))
    t = found.tidy().set_index("term")
    row = t.loc["Sex:age"]
    assert row["f_value"] == pytest.approx(known["f"][1], rel=1e-8)
    assert row["p_gg"] == pytest.approx(known["pgg"][1], rel=1e-6)
    assert row["p_hf"] == pytest.approx(known["phf"][1], rel=1e-6)
    assert row["mauchly_w"] == pytest.approx(known["w"], rel=1e-8)
    assert row["mauchly_p"] == pytest.approx(known["wp"], rel=2e-3)
    np.testing.assert_allclose(t["mixed_f_value"], t["f_value"], rtol=1e-6)


def test_split_plot_with_two_factors_within(oracle: Oracle) -> None:
    known = oracle("rm_anova")["split_aov"]
    data = pd.DataFrame(oracle("rm_anova")["split_data"])
    found = nw.rm_anova("y ~ g * a * b | id", data)
    rows = found.tidy().set_index("term")
    for term, f, p in zip(known["term"], known["f"], known["p"], strict=True):
        if term != "Residuals":
            assert rows.loc[term, "f_value"] == pytest.approx(f, rel=1e-8)
            assert rows.loc[term, "p_value"] == pytest.approx(p, rel=1e-8)
            assert rows.loc[term, "mixed_f_value"] == pytest.approx(f, rel=1e-4)
    assert "(1 | id:a) + (1 | id:b)" in found.model.formula
    assert 0 < rows.loc["b", "gg_epsilon"] <= rows.loc["b", "hf_epsilon"] <= 1


def test_replicates_and_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    base = pd.DataFrame(
        [(s, c) for s in range(12) for c in "xyz" for _ in range(2)], columns=["s", "c"]
    )
    effects = rng.normal(size=(12, 4))
    base["y"] = [
        effects[s, 3] * 2 + effects[s, "xyz".index(c)] + 0.5 * "xyz".index(c)
        for s, c in zip(base["s"], base["c"], strict=True)
    ] + rng.normal(size=len(base)) * 0.5
    a = nw.rm_anova("y ~ c | s", base)
    b = nw.rm_anova("y ~ c | s", base.sample(frac=1.0, random_state=1))
    assert a.classical["f_value"][0] == pytest.approx(b.classical["f_value"][0], rel=1e-12)
    assert a.multilevel["f_value"][0] == pytest.approx(a.classical["f_value"][0], rel=1e-5)
    assert a.read.replicated


def test_bad_questions() -> None:
    data = nw.load_dataset("sleepstudy")
    with pytest.raises(nw.FormulaError, match="such as"):
        nw.rm_anova("Reaction ~ Days", data)
    with pytest.raises(nw.FormulaError, match="plain column"):
        nw.rm_anova("log(Reaction) ~ Days | Subject", data)
    with pytest.raises(nw.DataError, match="two levels"):
        nw.paired("Reaction ~ Days | Subject", data)
    with pytest.raises(nw.OptionError, match="first="):
        nw.paired(data=data, first="Reaction")
    one = pd.DataFrame({"y": [1.0, 2, 3, 4], "g": list("aabb"), "s": [1, 2, 3, 4]})
    with pytest.raises(nw.DataError, match="one condition only"):
        nw.rm_anova("y ~ g | s", one)
    with pytest.raises(nw.FormulaError, match="all interactions"):
        nw.rm_anova("y ~ a + b | s", one.assign(a=1, b=2))
