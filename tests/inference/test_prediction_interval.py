"""Standard errors and intervals of predictions: beside R's matrices, and their coverage."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import ORACLE, linear, mixed, table

R = json.loads((ORACLE / "prediction.json").read_text(encoding="utf-8"))
ROWS = [0, 1, 10, 16, 24, 29]


@pytest.mark.parametrize("name", [name for name in R if name != "lm"])
def test_standard_errors_given_theta(name: str) -> None:
    m = mixed(name)
    new = m.source.data.iloc[ROWS]
    t = m.predict(new, se=True, theta_uncertainty=False)
    np.testing.assert_allclose(t["se"], R[name]["se"], rtol=2e-5)
    np.testing.assert_allclose(t["fit"], m.predict(new), rtol=1e-12)
    own = m.predict(se=True, theta_uncertainty=False)
    np.testing.assert_allclose(own["se"].iloc[ROWS], t["se"], rtol=1e-9)
    t = m.predict(new, re_form=None, se=True)
    np.testing.assert_allclose(t["se"], R[name]["se_population"], rtol=2e-5)
    assert list(t) == ["fit", "se"]


def test_linear_model() -> None:
    m, new = nw.lm("Reaction ~ Days", table("sleepstudy")), {"Days": [0, 4.5, 12]}
    np.testing.assert_allclose(m.predict(new, se=True)["se"], R["lm"]["se"], rtol=1e-10)
    for kind in ("confidence", "prediction"):
        t = m.predict(new, interval=kind, level=0.9)
        np.testing.assert_allclose(t[["fit", "lower", "upper"]], R["lm"][kind], rtol=1e-10)


def test_weights_of_the_rows_of_a_linear_model() -> None:
    m = linear("weights")
    t = m.predict(interval="prediction")
    w = np.asarray(m.fit.design.weights)
    half = (t["upper"] - t["lower"]) / 2
    spread = np.sqrt(t["se"] ** 2 + m.sigma**2 / w)
    np.testing.assert_allclose(half / spread, (half / spread)[0], rtol=1e-10)


def test_unseen_groups_count_their_whole_variance() -> None:
    m = mixed("sleepstudy")
    new = {"Days": [4.0, 4.0], "Subject": ["308", "999"]}
    t = m.predict(new, allow_new_levels=True, interval="confidence", ddf="normal")
    population = m.predict(new, re_form=None, se=True)
    v = m.varcorr().set_index(["var1", "var2"])["vcov"]
    x = np.array([1.0, 4.0])
    D = m.fit.sigma**2 * m.fit.lambdas[0] @ m.fit.lambdas[0].T
    assert D[0, 0] == pytest.approx(v.iloc[0])
    assert t["se"][1] ** 2 == pytest.approx(population["se"][1] ** 2 + x @ D @ x, rel=1e-6)
    assert t["se"][0] < t["se"][1]
    half = (t["upper"] - t["lower"]) / 2
    np.testing.assert_allclose(half / t["se"], 1.959964, rtol=1e-6)


def test_prediction_interval_of_the_population_counts_groups_and_residual() -> None:
    m = mixed("sleepstudy")
    t = m.predict({"Days": [0.0]}, re_form=None, interval="prediction", ddf="normal")
    D = m.fit.sigma**2 * m.fit.lambdas[0] @ m.fit.lambdas[0].T
    total = t["se"][0] ** 2 + D[0, 0] + m.sigma**2
    assert (t["upper"][0] - t["fit"][0]) / 1.959964 == pytest.approx(np.sqrt(total), rel=1e-6)


def test_estimation_of_theta_adds() -> None:
    m = mixed("penicillin")
    with_theta, without = (m.predict(se=True, theta_uncertainty=t)["se"] for t in (True, False))
    assert np.all(with_theta > without)
    assert np.all(with_theta < 1.2 * without)


def test_degrees_of_freedom_of_the_population_are_those_of_the_coefficient() -> None:
    m = mixed("sleepstudy")
    t = m.predict({"Days": [0.0]}, re_form=None, interval="confidence")
    expected = m.tidy(conf_int=True)
    assert t["lower"][0] == pytest.approx(expected["conf_low"][0], rel=1e-7)


def test_singular_fit_has_finite_intervals() -> None:
    t = mixed("dyestuff2").predict(interval="prediction")
    assert np.isfinite(t.to_numpy()).all()


def test_missing_values_give_nan() -> None:
    rows = table("sleepstudy").head(3).assign(Days=[0.0, np.nan, 2.0])
    t = mixed("sleepstudy").predict(rows, interval="prediction")
    assert np.isnan(t).all(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interval": "predicton"}, "did you mean 'prediction'"),
        ({"interval": "confidence", "level": 95}, "level=95"),
        ({"se": True, "ddf": "kr"}, "ddf='kr'"),
        ({"se": True, "theta_uncertainty": 1}, "theta_uncertainty"),
        ({"type": "respons"}, "did you mean 'response'"),
    ],
)
def test_options_that_do_not_exist(options: dict[str, object], message: str) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        mixed("sleepstudy").predict(**options)


def test_coverage_for_known_and_unseen_groups() -> None:
    """95 % intervals of new rows in 60 simulated data sets: 25 groups, random slope."""
    rng = np.random.default_rng(20240501)
    groups, x = np.repeat(np.arange(25), 5), np.tile(np.arange(5.0), 25)
    hit = {kind: [] for kind in ("known", "unseen", "observation")}
    model = None
    for _ in range(60):
        b = rng.normal(size=(26, 2)) @ np.array([[2.0, 0.3], [0.0, 0.8]])
        y = 5 + x + b[groups, 0] + b[groups, 1] * x + rng.normal(size=x.size)
        data = {"y": y, "x": x, "g": groups}
        model = nw.lmer("y ~ x + (x | g)", data) if model is None else model.refit(y)
        new = {"x": np.full(26, 2.5), "g": np.arange(26)}
        truth = 5 + 2.5 + b[:, 0] + 2.5 * b[:, 1]
        mean = model.predict(new, interval="confidence", allow_new_levels=True)
        inside = (mean["lower"] <= truth) & (truth <= mean["upper"])
        hit["known"].append(inside[:25].mean())
        hit["unseen"].append(inside.iloc[25])
        seen = truth + rng.normal(size=26)
        both = model.predict(new, interval="prediction", allow_new_levels=True)
        hit["observation"].append(((both["lower"] <= seen) & (seen <= both["upper"])).mean())
    assert 0.93 < np.mean(hit["known"]) < 0.97
    assert 0.93 < np.mean(hit["observation"]) < 0.97
    assert 0.85 < np.mean(hit["unseen"]) <= 1.0
