"""Intraclass correlation, R squared, variance parts, conditional AIC, design effect."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import ORACLE, mixed
from nestwise.inference.caic import theta_degrees

R = json.loads((ORACLE / "diagnostics.json").read_text(encoding="utf-8"))
MIXED = [name for name in R if name != "lm"]


@pytest.mark.parametrize("name", MIXED)
def test_shares_of_variance(name: str) -> None:
    r, m = R[name], mixed(name)
    fixed, random, residual = r["fixed"], r["random"], r["sigma"] ** 2
    if name == "dyestuff2":
        random = 0.0
    total = fixed + random + residual
    assert m.icc().adjusted == pytest.approx(random / (random + residual), rel=1e-5)
    assert m.icc().unadjusted == pytest.approx(random / total, rel=1e-5)
    assert m.r2().marginal == pytest.approx(fixed / total, rel=1e-5, abs=1e-12)
    assert m.r2().conditional == pytest.approx((fixed + random) / total, rel=1e-5)
    parts = m.variance_decomposition()
    assert parts["share"].sum() == pytest.approx(1.0)
    assert parts["variance"].sum() == pytest.approx(total, rel=1e-5)


def test_shares_of_each_level_add_up() -> None:
    i = mixed("pastes").icc()
    assert sum(i.by_group.values()) == pytest.approx(i.adjusted)
    assert list(i.by_group) == ["cask:batch", "batch"]
    assert "cask:batch" in str(i)
    assert i["batch"] == i.by_group["batch"]
    assert i["adjusted"] == i.adjusted
    assert mixed("pastes").r2()["marginal"] == mixed("pastes").r2().marginal
    with pytest.raises(nw.NestwiseError, match="did you mean 'batch'"):
        i["batsch"]


def test_a_singular_fit_has_no_share() -> None:
    m = mixed("dyestuff2")
    assert m.icc().adjusted == 0.0
    assert m.r2().conditional == pytest.approx(0.0, abs=1e-12)
    assert m.caic().df == pytest.approx(2.0)


def test_random_slopes_count_by_their_mean_variance() -> None:
    """Brute force: the mean over the rows of z' Sigma z."""
    m = mixed("sleepstudy")
    z = np.column_stack([np.ones(180), m.source.data["Days"]])
    Sigma = m.fit.sigma**2 * m.fit.lambdas[0] @ m.fit.lambdas[0].T
    expected = np.mean([row @ Sigma @ row for row in z])
    random = m.variance_decomposition()["variance"][1]
    assert random == pytest.approx(expected, rel=1e-12)


def test_design_effect() -> None:
    m = mixed("dyestuff")
    t = m.design_effect()
    assert t["design_effect"][0] == pytest.approx(1 + 4 * m.icc().adjusted)
    assert t["n_effective"][0] == pytest.approx(30 / t["design_effect"][0])
    nested = mixed("pastes").design_effect()
    i = mixed("pastes").icc()
    assert nested["icc"].tolist() == pytest.approx([i.adjusted, i.by_group["batch"]])


@pytest.mark.parametrize("name", MIXED)
def test_conditional_aic_of_vaida_and_blanchard(name: str) -> None:
    r, m = R[name], mixed(name)
    c = m.caic("vaida-blanchard")
    assert c.df == pytest.approx(r["trace"] + 1.0, rel=1e-4)
    w = 1.0 if m.fit.design.weights is None else m.fit.design.weights
    variance = m.sigma**2 / w
    density = -0.5 * (np.log(2 * np.pi * variance) + m.residuals() ** 2 / variance)
    assert c.loglik == pytest.approx(np.sum(density), rel=1e-10)
    assert c.caic == pytest.approx(-2 * c.loglik + 2 * c.df)


@pytest.mark.parametrize(
    ("formula", "data", "weights", "reml"),
    [
        ("Reaction ~ Days + (Days | Subject)", "sleepstudy", None, True),
        ("Reaction ~ Days + (1 | Subject)", "sleepstudy", "w", False),
        ("Yield ~ 1 + (1 | Batch)", "Dyestuff", None, False),
    ],
)
def test_degrees_of_freedom_are_the_derivative(
    formula: str, data: str, weights: str | None, reml: bool
) -> None:
    """tr(d yhat / d y) by refitting with each observation moved a little."""
    frame = nw.load_dataset(data).head(60)
    frame = frame.assign(w=1.0 + np.arange(len(frame)) % 3)
    m = nw.lmer(formula, frame, weights=weights, REML=reml)
    y, h = m.fit.design.y, 1e-2 * float(m.fit.design.y.std())
    trace = 0.0
    for i in range(len(y)):
        moved = np.zeros_like(y)
        moved[i] = h
        up, down = m.refit(y + moved).fitted()[i], m.refit(y - moved).fitted()[i]
        trace += (up - down) / (2 * h)
    assert m.hatvalues().sum() + theta_degrees(m.fit) == pytest.approx(trace, rel=2e-4)
    assert m.caic().df == pytest.approx(trace + 1.0, rel=2e-4)


def test_unknown_method() -> None:
    with pytest.raises(nw.NestwiseError, match="did you mean 'greven-kneib'"):
        mixed("sleepstudy").caic("greven")
