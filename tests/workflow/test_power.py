"""Power by simulation: against theory, against whole refits, sample sizes, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct
from scipy.stats import t as student

import nestwise as nw
from nestwise._base.errors import OptionError
from nestwise.design import build
from nestwise.inference.refit_tests import coefficient_tester
from nestwise.workflow.extend import extend
from nestwise.workflow.power import TESTS

SLEEP = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def sleep() -> nw.MixedModel:
    return nw.lmer(SLEEP, nw.load_dataset("sleepstudy"))


def test_a_cluster_trial_has_the_power_of_theory() -> None:
    """Treatment of whole groups, equal sizes: a t test on group means, with a known power."""
    groups, size, effect, between, within = 16, 8, 2.0, 1.5, 2.0
    data = pd.DataFrame({"g": np.repeat(np.arange(groups), size)})
    data["treated"] = data["g"] % 2
    params = {"fixef": {"treated": effect}, "sd": {"g": between}, "sigma": within}
    found = nw.power(
        "y ~ treated + (1 | g)", data, term="treated", params=params, effect=[0.0, effect],
        n_sim=1500, seed=5,
    ).table  # fmt: skip
    se = np.sqrt((between**2 + within**2 / size) * 4 / groups)
    df = groups - 2
    limit = student.ppf(0.975, df)
    theory = nct.sf(limit, df, effect / se) + nct.cdf(-limit, df, effect / se)
    assert abs(found["power"][0] - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 1500)
    assert abs(found["power"][1] - theory) < 4 * found["std_error"][1]
    assert found["mean_estimate"][1] == pytest.approx(effect, abs=0.1)
    assert (found["conf_low"] < found["power"]).all()
    assert (found["conf_high"] > found["power"]).all()


@pytest.mark.parametrize("test", TESTS)
def test_the_fast_refit_tests_as_a_whole_one(test: str, sleep: nw.MixedModel) -> None:
    model = sleep if test != "lrt" else sleep.update(REML=False)
    one = coefficient_tester(model.fit, 1, test)
    for seed in (1, 2, 3):
        y = model.simulate(1, seed=seed)
        again = model.refit(y)
        if test == "lrt":
            null = again.update(". ~ . - Days", data=again.source.data).refit(y)
            expected = nw.anova(null, again)["p_value"].iloc[1]
        else:
            expected = again.tidy(ddf=test)["p_value"][1]
        assert one(y[:, 0]).p_value == pytest.approx(expected, rel=2e-3)
        assert one(y[:, 0]).estimate == pytest.approx(again.params["Days"], rel=1e-5)


def test_slopes_far_from_zero_and_crossed_groups() -> None:
    data = nw.load_dataset("sleepstudy").assign(year=lambda d: d["Days"] + 2000.0)
    far = nw.lmer("Reaction ~ year + (year | Subject)", data)
    crossed = nw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", nw.load_dataset("Penicillin"))
    for model, column in ((far, 1), (crossed, 0)):
        y = model.simulate(1, seed=4)
        expected = model.refit(y).pvalues.iloc[column]
        found = coefficient_tester(model.fit, column, "satterthwaite")(y[:, 0])
        assert found.p_value == pytest.approx(expected, rel=2e-3)


def test_more_groups_and_more_rows(sleep: nw.MixedModel) -> None:
    found = nw.power(
        sleep, term="Days", effect=4.0, n_groups=[6, 18, 40], group_size=[4, 10], n_sim=100, seed=1
    ).table
    assert found["n_groups"].tolist() == [6, 6, 18, 18, 40, 40]
    assert found["n_rows"].tolist() == [24, 60, 72, 180, 160, 400]
    assert found["power"].iloc[[1, 3, 5]].is_monotonic_increasing


def test_the_answer_depends_on_the_seed_alone(sleep: nw.MixedModel) -> None:
    one = nw.power(sleep, term="Days", effect=[3, 5], n_sim=20, seed=9).table
    two = nw.power(sleep, term="Days", effect=[3, 5], n_sim=20, seed=9, n_jobs=2).table
    pd.testing.assert_frame_equal(one, two)
    other = nw.power(sleep, term="Days", effect=[3, 5], n_sim=20, seed=10).table
    assert not one["mean_estimate"].equals(other["mean_estimate"])
    # Settings share their random numbers, so that a larger effect never has less power.
    assert one["mean_estimate"].diff()[1] == pytest.approx(2.0, abs=1e-3)


def test_extended_designs() -> None:
    pastes = build("strength ~ 1 + (1 | batch/cask)", nw.load_dataset("Pastes"))
    twice = extend(pastes, "batch", 20, None)
    assert {f.name: f.n_levels for f in twice.factors} == {"cask:batch": 60, "batch": 20}
    inner = extend(pastes, "cask:batch", 60, 4)
    assert {f.name: f.n_levels for f in inner.factors} == {"cask:batch": 60, "batch": 10}
    assert inner.y.size == 240
    crossed = build("diameter ~ 1 + (1 | plate) + (1 | sample)", nw.load_dataset("Penicillin"))
    more = extend(crossed, "plate", 48, None)
    assert {f.name: f.n_levels for f in more.factors} == {"plate": 48, "sample": 6}
    half = extend(crossed, "plate", 12, None)
    np.testing.assert_array_equal(np.bincount(half.factors[0].codes), np.full(12, 6))


def test_it_prints(sleep: nw.MixedModel) -> None:
    text = str(nw.power(sleep, term="Days", n_sim=10, seed=1, test="lrt"))
    assert text.startswith("Power to find Days at the 5 % level (likelihood-ratio test)")
    html = nw.power(sleep, term="Days", n_sim=10, seed=1)._repr_html_()
    assert "<caption>Power</caption>" in html


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"term": "days"}, "term='days' is no coefficient; did you mean 'Days'"),
        ({"term": "Days", "alpha": 5}, "alpha=5 is not between 0 and 1"),
        ({"term": "Days", "test": "wald"}, "test='wald' is not known"),
        ({"term": "Days", "n_groups": 1}, "n_groups=1 is not a whole number of 2 or more"),
        ({"term": "Days", "group": "subject"}, "group='subject' is no group of the model"),
        ({"term": "Days", "group_size": 1}, "do not determine Days"),
        ({"term": "Days", "n_sim": 0}, "n_sim=0"),
        ({"term": "Days", "effect": float("nan")}, "effect=nan is not finite"),
        ({"term": "Days", "params": {}}, "a fit brings its data and parameters"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    arguments: dict[str, Any], message: str, sleep: nw.MixedModel
) -> None:
    with pytest.raises(OptionError, match=message):
        nw.power(sleep, **arguments)
    with pytest.raises(OptionError, match="a formula needs data and params"):
        nw.power(SLEEP, term="Days")


def test_generalised_models() -> None:
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 15)})
    data["x"] = np.tile(np.linspace(-1, 1, 15), 20)
    truth = {"fixef": {"(Intercept)": -0.5, "x": 0.8}, "sd": {"g": 0.7}}
    how: dict[str, Any] = {"params": truth, "family": "binomial", "n_sim": 60, "seed": 3}
    wald = nw.power("y ~ x + (1 | g)", data, term="x", effect=[0.0, 0.8], **how)
    assert "z test" in str(wald)
    assert wald.table["power"][0] < 0.2 < 0.75 < wald.table["power"][1]
    assert wald.table["mean_estimate"][1] == pytest.approx(0.8, abs=0.15)
    lrt = nw.power("y ~ x + (1 | g)", data, term="x", effect=[0.0, 0.8], test="lrt", **how)
    assert (lrt.table["power"] - wald.table["power"]).abs().max() < 0.1
    made = nw.simulate_from("y ~ x + (1 | g)", data, params=truth, family="binomial", seed=1)
    fit = nw.glmer("y ~ x + (1 | g)", made)
    assert nw.power(fit, term="x", n_sim=20, seed=1).table["power"][0] > 0.5
    with pytest.raises(OptionError, match="test='satterthwaite' is not known"):
        nw.power(fit, term="x", test="satterthwaite")


def test_groups_that_are_treated_in_turn_stay_balanced() -> None:
    group = np.repeat(np.arange(12), 6)
    table = {"y": np.arange(72.0) % 7, "t": (group % 2).astype(float), "g": group}
    smaller = extend(build("y ~ t + (1 | g)", table), "g", 6, None)
    assert smaller.fixed.X[:, 1].mean() == 0.5
    within = {"y": np.arange(72.0) % 7, "t": np.arange(72.0) % 2, "g": group}
    fewer = extend(build("y ~ t + (1 | g)", within), "g", None, 4)
    assert fewer.fixed.X[:, 1].mean() == 0.5
