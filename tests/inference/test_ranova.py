"""ranova, drop1 and step against lmerTest (tests/oracle/ranova.json)."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

import nestwise as nw
from inference.r_models import ORACLE, listed, table
from nestwise.inference.boundary import boundary_p

R: dict[str, Any] = json.loads((ORACLE / "ranova.json").read_text(encoding="utf-8"))
COLUMNS = ["term", "n_par", "loglik", "aic", "chisq", "df", "p_value"]


@functools.cache
def fitted(name: str) -> nw.MixedModel:
    r = R["models"][name]
    return nw.lmer(r["formula"], table(r["data"]), REML=r["reml"])


def numbers(values: Any) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in listed(values)], dtype=float)


@pytest.mark.parametrize("name", list(R["models"]))
def test_ranova(name: str) -> None:
    r, t = R["models"][name]["ranova"], fitted(name).ranova()
    assert list(t.columns) == [*COLUMNS, "p_boundary"]
    assert t["term"].tolist() == r["term"]
    assert t["n_par"].tolist() == r["n_par"]
    for column in ("loglik", "aic", "chisq", "df"):
        np.testing.assert_allclose(t[column], numbers(r[column]), rtol=1e-5, atol=2e-4)
    np.testing.assert_allclose(t["p_value"], numbers(r["p_value"]), rtol=2e-3)
    assert (t["p_boundary"][1:] < t["p_value"][1:]).all()


@pytest.mark.parametrize("name", list(R["models"]))
def test_drop1(name: str) -> None:
    r, t = R["models"][name]["drop1"], fitted(name).drop1()
    assert t["term"].tolist() == listed(r["term"])
    assert t["num_df"].tolist() == listed(r["num_df"])
    for column in ("sum_sq", "den_df", "f_value"):
        np.testing.assert_allclose(t[column], numbers(r[column]), rtol=1e-3)
    np.testing.assert_allclose(t["p_value"], numbers(r["p_value"]), rtol=5e-3)


@pytest.mark.parametrize("name", list(R["steps"]))
def test_step(name: str) -> None:
    r = R["steps"][name]
    m = nw.lmer(r["formula"], table(r["data"]))
    result = m.step()
    assert result.model.loglik == pytest.approx(r["loglik"], abs=1e-4)
    np.testing.assert_allclose(result.model.params, listed(r["fixef"]), rtol=1e-4)
    assert result.note == ""
    assert "Model found:" in str(result)
    gone = [*result.random["term"][result.random["eliminated"] > 0]]
    assert ("temp in (temp | recipe:replicate)" in gone) == (name == "cake")


def test_step_tells_of_a_singular_model() -> None:
    result = nw.lmer("Yield ~ 1 + (1 | Batch)", table("Dyestuff2")).step()
    assert result.model.is_singular
    assert "singular" in result.note
    assert "kept" in result.note


def test_covariate_without_intercept_goes_altogether() -> None:
    data = table("sleepstudy")
    t = nw.lmer("Reaction ~ Days + (0 + Days | Subject)", data, REML=False).ranova()
    assert t["n_par"].tolist() == [4, 3]
    assert t["loglik"][1] == pytest.approx(nw.lm("Reaction ~ Days", data).loglik, rel=1e-12)


def test_no_fixed_effects() -> None:
    data = table("sleepstudy")
    t = nw.lmer("Reaction ~ 0 + (1 | Subject)", data).ranova()
    y = data["Reaction"].to_numpy()
    loglik = -0.5 * y.size * (1 + np.log(2 * np.pi * np.mean(y**2)))
    assert t["loglik"][1] == pytest.approx(loglik, rel=1e-12)


def test_boundary_mixtures() -> None:
    assert boundary_p(3.0, 1, 1) == pytest.approx(0.5 * chi2.sf(3.0, 1))
    assert boundary_p(3.0, 2, 1) == pytest.approx(0.5 * chi2.sf(3.0, 1) + 0.5 * chi2.sf(3.0, 2))
    assert boundary_p(0.0, 1, 1) == 1.0
    assert np.isnan(boundary_p(3.0, 0, 0))


def test_boundary_p_is_right_under_the_null() -> None:
    """One-way layout without any effect: half of the statistics are zero."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(20), 5)
    p, naive = [], []
    for _ in range(200):
        t = nw.lmer("y ~ 1 + (1 | g)", {"y": rng.normal(size=100), "g": g}).ranova()
        p.append(t["p_boundary"][1])
        naive.append(t["p_value"][1])
    rate = np.mean(np.array(p) < 0.1)
    # Monte-Carlo error of a rate of 0.1 over 200 is 0.021.
    assert 0.04 < rate < 0.17
    assert np.mean(np.array(naive) < 0.1) < rate


@pytest.mark.parametrize(("name", "value"), [("alpha_random", 2), ("alpha_fixed", "x")])
def test_bad_levels(name: str, value: object) -> None:
    with pytest.raises(nw.NestwiseError, match="between 0 and 1"):
        fitted("slope").step(**{name: value})  # type: ignore[arg-type]
