"""Variance components, conditional modes and coefficients by group, beside lme4."""

from __future__ import annotations

import numpy as np
import pytest

from inference.r_models import LMM, MODELS, listed, mixed

IDENTIFIED = [m for m in MODELS if m != "tutorial_full"]
WITH_RANEF = [m for m in IDENTIFIED if LMM[m]["ranef"]]


@pytest.mark.parametrize("name", IDENTIFIED)
def test_varcorr(name: str) -> None:
    r, t = LMM[name]["varcorr"], mixed(name).varcorr()
    assert list(t.columns) == ["group", "var1", "var2", "vcov", "sdcor"]
    assert t["group"].tolist() == r["grp"]
    assert [None if isinstance(v, float) else v for v in t["var1"]] == r["var1"]
    assert [None if isinstance(v, float) else v for v in t["var2"]] == listed(r["var2"])
    np.testing.assert_allclose(t["vcov"], r["vcov"], rtol=5e-4, atol=1e-7)
    np.testing.assert_allclose(t["sdcor"], r["sdcor"], rtol=3e-4, atol=2e-5)


def test_flat_direction_keeps_what_is_estimable() -> None:
    m = mixed("tutorial_full")
    rows = m.varcorr()
    assert rows["sdcor"].iloc[-1] == pytest.approx(7.915, abs=5e-4)
    # What the data tell: the variance of class means without and with the intervention.
    V0 = np.array(LMM["tutorial_full"]["varcorr"]["vcov"])
    assert rows["vcov"].iloc[0] == pytest.approx(V0[0], rel=1e-3)
    total = rows["vcov"][0] + 2 * rows["vcov"][2] + rows["vcov"][1]
    assert total == pytest.approx(V0[0] + 2 * V0[2] + V0[1], rel=1e-3)
    assert any("identif" in d.code for d in m.diagnostics)


@pytest.mark.parametrize("name", WITH_RANEF)
def test_conditional_modes_and_variances(name: str) -> None:
    m = mixed(name)
    t = m.ranef(cond_var=True)
    for group, r in LMM[name]["ranef"].items():
        levels = listed(r["levels"])
        for j, column in enumerate(listed(r["columns"])):
            rows = t[(t["group"] == group) & (t["term"] == column)]
            assert rows["level"].tolist()[: len(levels)] == levels
            np.testing.assert_allclose(
                rows["estimate"].to_numpy()[: len(levels)],
                np.array(r["modes"])[:, j],
                rtol=1e-3,
                atol=1e-4 * m.sigma,
            )
            if r["cond_var"] is not None:
                expected = np.array(r["cond_var"])[:, j, j]
                found = rows["cond_var"].to_numpy()[: len(levels)]
                np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("name", [m for m in WITH_RANEF if m != "cake"])
def test_coefficients_by_group(name: str) -> None:
    m = mixed(name)
    t = m.coef()
    for group, rows in LMM[name]["coef"].items():
        expected = np.array(rows)
        mine = t[t["group"] == group]
        wide = mine.pivot(index="level", columns="term", values="estimate")
        wide = wide.loc[list(dict.fromkeys(mine["level"])), list(dict.fromkeys(mine["term"]))]
        found = wide.to_numpy()[: len(expected), : len(m.params)]
        np.testing.assert_allclose(
            found, expected[:, -len(m.params) :], rtol=1e-3, atol=1e-3 * m.sigma
        )
