"""Families whose linear predictor has a unit: the unit of the response changes nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise.core.families.registry import FAMILIES
from nestwise.core.links.registry import LINKS
from nestwise.core.links.scaled import POWERS, scaled_link, unit_of_response

SLEEP = nw.load_dataset("sleepstudy")
PAIRS = [
    ("gamma", "inverse"),
    ("gamma", "identity"),
    ("inverse_gaussian", "1/mu^2"),
    ("inverse_gaussian", "identity"),
    ("gaussian", "inverse"),
    ("gaussian", "identity"),
]
POWER = {"identity": 1.0, "inverse": -1.0, "1/mu^2": -2.0}
"""Of the response's unit, that of the linear predictor."""


def fitted(family: str, link: str, by: float) -> nw.GeneralizedMixedModel:
    data = SLEEP.assign(Reaction=SLEEP["Reaction"] * by)
    return nw.glmer("Reaction ~ Days + (Days | Subject)", data, family=family, link=link)


@pytest.mark.parametrize(("family", "link"), PAIRS)
@pytest.mark.parametrize("by", [1e-7, 1e7])
def test_the_unit_of_the_response_does_not_matter(family: str, link: str, by: float) -> None:
    seconds = SLEEP.assign(Reaction=SLEEP["Reaction"] / 1000.0)
    one = nw.glmer("Reaction ~ Days + (Days | Subject)", seconds, family=family, link=link)
    other = fitted(family, link, by)
    unit = (1000.0 * by) ** POWER[link]
    assert one.converged
    assert other.converged
    assert one.diagnostics == other.diagnostics == ()
    shift = len(SLEEP) * np.log(1000.0 * by)
    assert other.loglik + shift == pytest.approx(one.loglik, abs=1e-6)
    np.testing.assert_allclose(other.params / unit, one.params, rtol=1e-4)
    np.testing.assert_allclose(other.bse / unit, one.bse, rtol=1e-4)
    np.testing.assert_allclose(other.fitted() / (1000.0 * by), one.fitted(), rtol=1e-4)
    a, b = (m.ranef(cond_var=True) for m in (one, other))
    np.testing.assert_allclose(
        b["estimate"] / unit, a["estimate"], rtol=1e-2, atol=1e-4 * a_size(a)
    )
    np.testing.assert_allclose(b["cond_var"] / unit**2, a["cond_var"], rtol=1e-3)
    sd = [m.varcorr()["sdcor"].to_numpy() for m in (one, other)]
    np.testing.assert_allclose(sd[1][:2] / unit, sd[0][:2], rtol=1e-3)
    assert sd[1][2] == pytest.approx(sd[0][2], abs=2e-3)


def a_size(table: pd.DataFrame) -> float:
    return float(table["estimate"].abs().max())


@pytest.mark.parametrize(("family", "link"), PAIRS[:3])
def test_questions_in_a_large_unit(family: str, link: str) -> None:
    one, other = fitted(family, link, 1e-3), fitted(family, link, 1e3)
    unit = 1e6 ** POWER[link]
    term = ["Days"]
    ends = [m.confint(method="profile", params=term).to_numpy()[:, 1:] for m in (one, other)]
    np.testing.assert_allclose(ends[1].astype(float) / unit, ends[0].astype(float), rtol=1e-4)
    noise = 1.0 + 0.03 * np.random.default_rng(1).normal(size=len(SLEEP))
    draws = 1e3 * SLEEP["Reaction"].to_numpy() * noise
    again = other.refit(draws)
    np.testing.assert_allclose(again.params / unit, one.refit(draws / 1e6).params, rtol=1e-4)


@pytest.mark.parametrize("link", POWERS)
def test_a_scaled_link_is_the_link(link: str) -> None:
    plain, scaled = LINKS[link], scaled_link(LINKS[link], 0.25)
    eta = np.array([0.5, 2.0, 8.0])
    np.testing.assert_allclose(scaled.link(plain.inverse(eta, 0)[0]), eta / 0.25)
    for f in ("inverse", "log_mean"):
        at = (eta / 0.25, 3) if f == "inverse" else (eta / 0.25,)
        found, want = getattr(scaled, f)(*at), getattr(plain, f)(eta, *at[1:])
        for order, (a, b) in enumerate(zip(found, want, strict=True)):
            np.testing.assert_allclose(a, b * 0.25**order)
    assert scaled_link(plain, 1.0) is plain


def test_links_without_a_unit_and_responses_that_do_not_tell() -> None:
    assert unit_of_response(LINKS["log"], np.array([1.0, 1e9])) == 1.0
    assert unit_of_response(LINKS["inverse"], np.array([-1.0, 1.0])) == 1.0
    assert unit_of_response(LINKS["sqrt"], np.array([3.0, 3.0])) == 1.0
    assert FAMILIES["binomial"].trials


@pytest.mark.parametrize(
    ("family", "link"), [("gamma", "log"), ("negative_binomial", "log"), ("binomial", "probit")]
)
def test_covariates_far_from_zero_cost_no_digits(family: str, link: str) -> None:
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(20), 15), np.round(1024 * rng.normal(size=300)) / 1024
    eta = 0.3 + 0.5 * x + 0.5 * rng.normal(size=20)[g]
    mu = LINKS[link].inverse(eta, 0)[0]
    y = FAMILIES[family].simulate(mu, np.ones(300), 0.5, rng)
    data = {"y": np.maximum(y, 1e-9) if family == "gamma" else y, "g": g}
    near, far = (
        nw.glmer("y ~ x + (1 | g)", {**data, "x": x + by}, family=family, link=link)
        for by in (0.0, 1e8)
    )
    assert far.loglik == pytest.approx(near.loglik, abs=1e-9)
    assert far.params["x"] == pytest.approx(near.params["x"], rel=1e-9)
    assert far.bse["x"] == pytest.approx(near.bse["x"], rel=1e-6)
