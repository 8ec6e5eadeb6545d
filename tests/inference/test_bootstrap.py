"""Bootstraps: the same from any number of workers, resumable, interruptible, beside lme4's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import nestwise as nw
from inference.r_models import ORACLE, mixed, table
from nestwise._base.arrays import FloatArray
from nestwise.inference import bootstrap as module
from nestwise.inference.bootstrap_interval import accelerations, bca_levels
from nestwise.inference.refitting import take_rows
from nestwise.inference.resampling import group_rows, transformed_residuals

R: dict[str, Any] = json.loads((ORACLE / "resample.json").read_text(encoding="utf-8"))["boot"]
METHODS = ("parametric", "residual", "cases")


@pytest.mark.parametrize("name", R)
def test_parametric_beside_bootmer(name: str) -> None:
    r, n = R[name], 1000
    t = mixed(name).bootstrap(n, seed=11).tidy()
    # R lists standard deviations before correlations.
    order = [0, 2, 1, 3, 4, 5] if len(t) == 6 else [0, 1, 2]
    sd, mean = t["std_error"].to_numpy()[order], (t["estimate"] + t["bias"]).to_numpy()[order]
    both = np.array(r["sd"]) * np.sqrt(1.0 / n + 1.0 / r["nsim"])
    assert (np.abs(mean - r["mean"]) < 4.5 * both).all()
    # The standard error of a standard deviation, allowing for tails heavier than the normal's.
    np.testing.assert_allclose(sd, r["sd"], rtol=4.5 * 1.5 * np.sqrt(1.0 / n))


@pytest.mark.parametrize("method", METHODS)
def test_workers_do_not_change_the_answer(method: str) -> None:
    m = mixed("sleepstudy_weights")
    one, two = (m.bootstrap(24, method, seed=3, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one.replicates, two.replicates)
    assert one.n_failed == two.n_failed == 0


@hypothesis_settings(max_examples=10)
@given(st.integers(0, 2**63), st.integers(1, 6), st.integers(1, 6))
def test_replicates_depend_on_seed_and_number_alone(seed: int, n: int, more: int) -> None:
    m = mixed("dyestuff")
    short, long = m.bootstrap(n, seed=seed), m.bootstrap(n + more, seed=seed)
    np.testing.assert_array_equal(short.replicates, long.replicates[:n])
    np.testing.assert_array_equal(m.bootstrap(n + more, resume=short).replicates, long.replicates)


def test_resumed_only_with_its_own_kind() -> None:
    b = mixed("dyestuff").bootstrap(5, seed=1)
    with pytest.raises(nw.OptionError, match="method='parametric', not 'residual'"):
        mixed("dyestuff").bootstrap(9, "residual", resume=b)
    with pytest.raises(nw.OptionError, match="seed=1, not 2"):
        mixed("dyestuff").bootstrap(9, seed=2, resume=b)
    with pytest.raises(nw.OptionError, match="another fit"):
        mixed("sleepstudy").bootstrap(9, resume=b)
    again = mixed("dyestuff").bootstrap(3, resume=b)
    assert again.n_done == 5


def _interrupting(after: int) -> Callable[..., Callable[[int], FloatArray]]:
    whole = module.row_maker

    def maker(*args: Any) -> Callable[[int], FloatArray]:
        one = whole(*args)

        def until(r: int) -> FloatArray:
            if r == after:
                raise KeyboardInterrupt
            return one(r)

        return until

    return maker


def test_interruption_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    m = mixed("dyestuff")
    whole = m.bootstrap(30, seed=5)
    with monkeypatch.context() as patch:
        patch.setattr(module, "row_maker", _interrupting(12))
        part = m.bootstrap(30, seed=5)
    assert part.interrupted
    assert part.n_done == 12
    assert "Interrupted after 12 of 30" in repr(part)
    resumed = m.bootstrap(30, resume=part)
    assert not resumed.interrupted
    np.testing.assert_array_equal(resumed.replicates, whole.replicates)


def test_failed_replicates_are_counted_and_left_out() -> None:
    # A coefficient that one group alone determines: samples without that group cannot be fitted.
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(8), 6)
    data = pd.DataFrame({"g": g, "x": rng.normal(size=48), "only": (g == 3) * 1.0})
    data["y"] = rng.normal(size=8)[g] + data["x"] + rng.normal(size=48)
    b = nw.lmer("y ~ x + only + (1 | g)", data).bootstrap(60, "cases", seed=2)
    assert 5 < b.n_failed < 40  # a group is missed with probability (7/8)^8 = 0.34
    assert f"{b.n_failed} of 60 replicates failed" in repr(b)
    assert (b.tidy()["n"] == 60 - b.n_failed).all()
    assert int(np.isnan(b.replicates["x"]).sum()) == b.n_failed
    assert np.isfinite(b.confint(0.8)[["conf_low", "conf_high"]].to_numpy()).all()


def test_singular_replicates_are_counted() -> None:
    b = mixed("dyestuff2").bootstrap(50, seed=1)
    assert b.n_singular > 20
    assert (b.replicates["sd_(Intercept)|Batch"] == 0.0).sum() == b.n_singular


def test_transformed_residuals_have_the_estimated_covariances() -> None:
    m = mixed("sleepstudy_weights")
    (b,), e = transformed_residuals(m.fit)
    L = m.sigma * m.fit.lambdas[0]
    np.testing.assert_allclose(b.T @ b / len(b), L @ L.T, rtol=1e-10)
    assert np.mean(e**2) == pytest.approx(m.sigma**2)
    np.testing.assert_allclose(b.mean(axis=0), 0.0, atol=1e-10)


@pytest.mark.parametrize("method", ["residual", "cases"])
def test_standard_errors_agree_with_the_model(method: str) -> None:
    m = mixed("sleepstudy")
    t = m.bootstrap(400, method, seed=8).tidy().set_index("term")
    # Balanced and nearly normal data: all bootstraps estimate the same; cases a little less.
    np.testing.assert_allclose(t.loc[m.params.index, "std_error"], m.bse, rtol=0.15)


def test_whole_groups_are_drawn_with_all_that_is_nested_in_them() -> None:
    design = mixed("pastes").fit.design
    inner, outer = design.factors
    rows = np.concatenate([group_rows(outer.codes, outer.n_levels)[g] for g in (2, 2, 5)])
    drawn = take_rows(design, rows, np.repeat([0, 1, 2], len(rows) // 3))
    assert [f.n_levels for f in drawn.factors] == [9, 3]
    np.testing.assert_array_equal(drawn.y, design.y[rows])
    assert len(drawn.factors[0].parts[0]) == 9
    assert inner.n_levels == 30


def test_crossed_factors_have_no_whole_groups() -> None:
    with pytest.raises(nw.OptionError, match="plate is not nested in sample"):
        mixed("penicillin").bootstrap(5, "cases")


@pytest.mark.parametrize("kind", ["percentile", "basic", "bca"])
def test_intervals(kind: str) -> None:
    m = mixed("sleepstudy")
    b = m.bootstrap(400, seed=1)
    t = b.confint(kind=kind).set_index("term")
    assert (t["conf_low"] < t["conf_high"]).all()
    wald = m.confint().set_index("term")
    for term in m.params.index:
        width = wald.loc[term, "conf_high"] - wald.loc[term, "conf_low"]
        assert np.abs(t.loc[term] - wald.loc[term]).max() < 0.15 * width
    narrow = b.confint(0.8, kind=kind).set_index("term")
    assert (narrow["conf_low"] >= t["conf_low"]).all()
    assert (narrow["conf_high"] <= t["conf_high"]).all()
    one = b.confint(kind=kind, params=["sigma"])
    np.testing.assert_allclose(one.iloc[0, 1:].astype(float), t.loc["sigma"])


def test_percentiles_by_hand() -> None:
    b = mixed("dyestuff").bootstrap(39, seed=1)
    t = b.confint(0.95, params=["sigma"])
    values = np.sort(b.replicates["sigma"])
    np.testing.assert_allclose([t["conf_low"][0], t["conf_high"][0]], [values[0], values[-1]])
    basic = b.confint(0.95, kind="basic", params=["sigma"])
    sigma = mixed("dyestuff").sigma
    assert basic["conf_low"][0] == pytest.approx(2.0 * sigma - values[-1])


def test_bca_without_bias_and_acceleration_is_the_percentile() -> None:
    values, at = np.arange(1.0, 100.0), np.array([0.025, 0.975])
    np.testing.assert_allclose(bca_levels(values, 50.0, 0.0, at), at)
    # Efron & Tibshirani (1993), eq. 14.10, by hand for z0 = 0 and a = 0.1.
    z = np.array([-1.959964, 1.959964])
    wanted = z / (1.0 - 0.1 * z)
    from scipy.special import ndtr

    np.testing.assert_allclose(bca_levels(values, 50.0, 0.1, at), ndtr(wanted), rtol=1e-6)


def test_acceleration_is_that_of_the_jackknife() -> None:
    m, data = mixed("dyestuff"), table("Dyestuff")
    each = np.array(
        [
            nw.lmer("Yield ~ 1 + (1 | Batch)", data[data["Batch"] != level]).sigma
            for level in data["Batch"].cat.categories
        ]
    )
    away = each.mean() - each
    wanted = (away**3).sum() / (6.0 * (away**2).sum() ** 1.5)
    assert accelerations(m.fit)[1] == pytest.approx(wanted, rel=1e-5)


def test_intervals_through_confint() -> None:
    m = mixed("dyestuff")
    t = m.confint("boot", n=99, seed=4, level=0.9)
    pd.testing.assert_frame_equal(t, m.bootstrap(99, seed=4).confint(0.9), check_like=True)


def test_bad_arguments() -> None:
    m = mixed("dyestuff")
    for n in (0, -3, 2.5):
        with pytest.raises(nw.OptionError, match="whole number above zero"):
            m.bootstrap(n)  # type: ignore[arg-type]
    with pytest.raises(nw.OptionError, match="method='parametrc' is not known"):
        m.bootstrap(5, "parametrc")
    for jobs in (0, -2, 1.5):
        with pytest.raises(nw.OptionError, match="n_jobs="):
            m.bootstrap(5, n_jobs=jobs)  # type: ignore[arg-type]
    b = m.bootstrap(20, seed=1)
    with pytest.raises(nw.OptionError, match="too few for level=0.95; take at least 39"):
        b.confint()
    with pytest.raises(nw.OptionError, match="between 0 and 1"):
        b.confint(1.0)
    with pytest.raises(nw.OptionError, match="kind='bc' is not known"):
        b.confint(0.5, kind="bc")
    for settings in ({"level": 2}, {"params": ["x"]}, {"kind": "x"}):
        with pytest.raises(nw.OptionError):
            m.confint("boot", n=10**9, **settings)  # type: ignore[arg-type]


def test_a_bar_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    mixed("dyestuff").bootstrap(5, seed=1, progress=True)
    assert "5/5" in capsys.readouterr().err
