"""Leverage, Cook's distance and deletion statistics beside lme4 and beside refits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import ORACLE, mixed, table
from nestwise.core.lmm import evaluate

R = json.loads((ORACLE / "diagnostics.json").read_text(encoding="utf-8"))
MIXED = [name for name in R if name != "lm"]


def betas(refits: list[dict[str, Any]]) -> np.ndarray:
    """Fixed effects of R's refits, one a row; a single number stands for itself."""
    return np.array([np.atleast_1d(r["beta"]) for r in refits])


@pytest.mark.parametrize("name", MIXED)
def test_leverage(name: str) -> None:
    r, h = R[name], mixed(name).hatvalues()
    np.testing.assert_allclose(h[:40], r["hat"], rtol=1e-4)
    assert h.sum() == pytest.approx(r["trace"], rel=1e-4)


@pytest.mark.parametrize("name", MIXED)
def test_cooks_distance_of_rows(name: str) -> None:
    np.testing.assert_allclose(
        mixed(name).cooks_distance()[:40], R[name]["cooks"], rtol=5e-4, atol=1e-9
    )


@pytest.mark.parametrize("name", [n for n in MIXED if "deleted" in R[n]])
def test_groups_left_out(name: str) -> None:
    r, m = R[name], mixed(name)
    i = m.influence(r["group"]).influence
    assert i.levels.tolist() == r["levels"]
    assert i.n_failed == 0
    np.testing.assert_allclose(i.beta, betas(r["deleted"]), rtol=2e-5, atol=1e-4)
    se = np.array([np.atleast_1d(d["se"]) for d in r["deleted"]])
    np.testing.assert_allclose(i.std_error, se, rtol=2e-4)
    np.testing.assert_allclose(i.sigma, [d["sigma"] for d in r["deleted"]], rtol=2e-4)
    change = m.fit.beta - i.beta
    np.testing.assert_allclose(i.dfbetas, change / i.std_error)
    V = np.linalg.inv(m.vcov())
    expected = [c @ V @ c / len(c) for c in change]
    np.testing.assert_allclose(m.cooks_distance(by=r["group"]), expected, rtol=1e-9)


@pytest.mark.parametrize("name", [n for n in MIXED if "rows" in R[n]])
def test_rows_left_out(name: str) -> None:
    r, m = R[name], mixed(name)
    i = m.influence().influence
    np.testing.assert_allclose(i.beta[:12], betas(r["rows"]), rtol=2e-5, atol=1e-4)
    np.testing.assert_allclose(i.sigma[:12], [d["sigma"] for d in r["rows"]], rtol=2e-4)


def left_out_at_theta(m: nw.MixedModel, keep: np.ndarray) -> tuple[np.ndarray, float]:
    """beta and sigma without some rows, theta held: from a problem built anew."""
    from nestwise.core.problem import build_problem
    from nestwise.fit.assemble import model_arrays
    from nestwise.inference.refitting import take_rows

    problem = build_problem(model_arrays(take_rows(m.fit.design, np.flatnonzero(keep))))
    e = evaluate(problem, m.fit.theta, m.fit.reml, 0)
    return e.beta, e.sigma


@pytest.mark.parametrize("name", ["sleepstudy", "sleepstudy_weights", "penicillin", "pastes"])
def test_one_step_holds_theta(name: str) -> None:
    m = mixed(name)
    rows = m.influence(exact=False).influence
    for i in (0, 7, 33):
        beta, sigma = left_out_at_theta(m, np.arange(m.nobs) != i)
        np.testing.assert_allclose(rows.beta[i], beta, rtol=1e-7)
        assert rows.sigma[i] == pytest.approx(sigma, rel=1e-7)
    factor = m.fit.design.factors[-1]
    groups = m.influence(factor.name, exact=False).influence
    for g in (0, factor.n_levels - 1):
        beta, sigma = left_out_at_theta(m, factor.codes != g)
        np.testing.assert_allclose(groups.beta[g], beta, rtol=1e-7)
        assert groups.sigma[g] == pytest.approx(sigma, rel=1e-7)


def test_one_step_is_near_the_refit() -> None:
    m = mixed("sleepstudy")
    exact, step = (m.influence("Subject", exact=e).influence for e in (True, False))
    np.testing.assert_allclose(step.beta, exact.beta, rtol=2e-2)


def test_linear_model() -> None:
    r = R["lm"]
    m = nw.lm("Reaction ~ Days", table("sleepstudy"), weights="w")
    np.testing.assert_allclose(m.hatvalues()[:20], r["hat"], rtol=1e-10)
    np.testing.assert_allclose(m.cooks_distance()[:20], r["cooks"], rtol=1e-9)
    i = m.influence().influence
    np.testing.assert_allclose(i.dfbetas[:20], r["dfbetas"], rtol=1e-8)
    np.testing.assert_allclose(i.sigma[:20], r["sigma"], rtol=1e-9)


def test_table() -> None:
    t = mixed("dyestuff").influence("Batch").table
    assert list(t) == [
        "level", "term", "estimate", "std_error", "dfbeta", "dfbetas", "cooks_distance", "sigma",
    ]  # fmt: skip
    assert len(t) == 6
    assert next(iter(mixed("dyestuff").influence(exact=False).table)) == "row"


def test_a_level_that_cannot_be_left_out_is_counted() -> None:
    data = table("sleepstudy").assign(
        first=lambda d: (d["Subject"].astype(str) == "308").astype(float)
    )
    m = nw.lmer("Reaction ~ Days + first + (1 | Subject)", data)
    i = m.influence("Subject").influence
    assert i.n_failed == 1
    assert np.isnan(i.beta[0]).all()
    assert "1 of 18" in i.table.note


def test_unknown_groups() -> None:
    with pytest.raises(nw.NestwiseError, match="did you mean 'Subject'"):
        mixed("sleepstudy").influence("Sujet")
