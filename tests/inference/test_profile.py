"""Profile likelihood: beside lme4, beside refits with the parameter held, at boundaries."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

import nestwise as nw
from inference.r_models import ORACLE, table
from nestwise.core.lmm import evaluate, term_lambdas
from nestwise.inference.parameters import parameter_values, parameters

R: dict[str, Any] = json.loads((ORACLE / "profile.json").read_text(encoding="utf-8"))

# Where lme4 1.1-31 does not profile at all: with prior weights it moves the fixed effects without
# them, and with a variance of zero its profile of sigma fails.
WRONG_IN_R = {
    ("sleepstudy_weights", "(Intercept)"),
    ("sleepstudy_weights", "Days"),
    ("dyestuff2", "sigma"),
}


def model(name: str) -> nw.MixedModel:
    r = R[name]
    return nw.lmer(r["formula"], table(r["data"]), weights=r.get("weights"))


@pytest.mark.parametrize("name", R)
def test_intervals_agree_with_lme4(name: str) -> None:
    r = R[name]
    m = model(name)
    assert m.profile(["sigma"]).found.deviance == pytest.approx(r["deviance"], abs=1e-6)
    for level, low, high in ((0.95, "low", "high"), (0.9, "low90", "high90")):
        found = m.confint("profile", level=level).set_index("term")
        assert found.index.tolist() == r["term"]
        for i, term in enumerate(r["term"]):
            if (name, term) in WRONG_IN_R:
                continue
            ours = found.loc[term].to_numpy()
            width = ours[1] - ours[0]
            np.testing.assert_allclose(ours, [r[low][i], r[high][i]], atol=5e-4 * width)


@pytest.mark.parametrize("name", R)
def test_one_profile_serves_all_levels(name: str) -> None:
    m = model(name)
    profile = m.profile()
    for level in (0.5, 0.8, 0.95):
        a, b = profile.confint(level), m.confint("profile", level=level)
        width = (b["conf_high"] - b["conf_low"]).to_numpy()
        for end in ("conf_low", "conf_high"):
            assert (np.abs(a[end] - b[end]) < 1e-3 * width).all()


def test_published_intervals_of_sleepstudy() -> None:
    found = model("sleepstudy_uncorrelated").confint("profile")
    np.testing.assert_allclose(
        found[["conf_low", "conf_high"]],
        [[15.258, 37.782], [3.964, 8.768], [22.881, 28.788], [237.573, 265.238], [7.334, 13.601]],
        rtol=2e-4,
    )


@pytest.mark.parametrize("name", ["sleepstudy_weights", "dyestuff2", "cake"])
def test_deviance_at_the_ends_for_coefficients(name: str) -> None:
    # The coefficient is held at an end by an offset; the rest is fitted anew.
    r, data = R[name], table(R[name]["data"])
    m = nw.lmer(r["formula"], data, weights=r.get("weights"), REML=False)
    found = m.confint("profile").set_index("term")
    for j, term in enumerate(m.params.index):
        for end in found.loc[term]:
            held = data.assign(held=m.fit.design.fixed.X[:, j] * end)
            held[[f"x{i}" for i in range(len(m.params))]] = m.fit.design.fixed.X
            left, random = r["formula"].split("(", 1)
            rest = [f"x{i}" for i in range(len(m.params)) if i != j] or ["0"]
            right = f"0 + {' + '.join(rest)} + offset(held) + ({random}"
            response = left.split("~")[0]
            again = nw.lmer(f"{response} ~ {right}", held, weights=r.get("weights"), REML=False)
            assert again.criterion - m.criterion == pytest.approx(3.841459, abs=2e-3)


@pytest.mark.parametrize(
    ("formula", "data"),
    [
        ("score ~ Machine + (Machine | Worker)", "Machines"),
        ("pixel ~ day + I(day^2) + (day | Dog) + (1 | Side:Dog)", "Pixel"),
        ("Yield ~ 1 + (1 | Batch)", "Dyestuff2"),
    ],
)
def test_deviance_at_the_ends_for_variances(formula: str, data: str) -> None:
    # Beside a general constrained optimiser.
    fit = nw.lmer(formula, table(data), REML=False).fit
    problem = fit.problem
    found = nw.lmer(formula, table(data)).confint("profile").set_index("term")

    def value(x: Any) -> float:
        e, s2 = evaluate(problem, x[:-1], False), np.exp(2.0 * x[-1])
        return float(e.ldL2 + problem.n * np.log(2.0 * np.pi * s2) + e.pwrss / s2)

    def gradient(x: Any) -> Any:
        e, s2 = evaluate(problem, x[:-1], False), np.exp(2.0 * x[-1])
        score = e.gradient_logdet + e.gradient_pwrss / s2
        return np.append(score, 2.0 * (problem.n - e.pwrss / s2))

    for one in parameters(fit.design):
        if one.kind == "beta" or (one.kind == "sd" and found["conf_low"][one.name] == 0.0):
            continue
        for end in found.loc[one.name]:

            def gap(x: Any, one: Any = one, end: float = end) -> float:
                lambdas = term_lambdas(problem, x[:-1])
                return float(parameter_values((one,), lambdas, np.exp(x[-1]), np.empty(0))[0] - end)

            runs = [
                minimize(
                    value,
                    np.append(fit.theta * size + 0.02, np.log(fit.sigma)),
                    jac=gradient,
                    constraints=[{"type": "eq", "fun": gap}],
                    method="SLSQP",
                    options={"maxiter": 500, "ftol": 1e-12},
                )
                for size in (1.0, 0.7, 1.4)
            ]
            best = min(run.fun for run in runs if run.success)
            assert best - fit.criterion == pytest.approx(3.841459, abs=4e-3), one.name


def test_a_variance_of_zero_is_said() -> None:
    m = model("dyestuff2")
    found = m.confint("profile", params=["sd_(Intercept)|Batch"])
    assert found["conf_low"].tolist() == [0.0]
    assert "the estimate is at the boundary 0" in found.attrs["note"]
    assert "boundary 0" in repr(m.profile())


def test_a_boundary_beyond_the_interval_is_not_said_of_it() -> None:
    m = model("sleepstudy_weights")
    found = m.profile(["cor_Days.(Intercept)|Subject"])
    assert "above 96.8 % end there" in found.notes[0]
    assert "note" not in found.confint(0.95).attrs
    high = found.confint(0.99)
    assert high["conf_high"].tolist() == [1.0]
    assert "boundary 1" in high.attrs["note"]


def test_a_correlation_with_an_effect_that_does_not_vary() -> None:
    rng = np.random.default_rng(3)
    x = np.tile(np.arange(6.0) - 2.5, 20)
    g = np.repeat(np.arange(20), 6)
    # Residuals whose slopes vary less than chance: their variance is estimated as zero.
    e = rng.normal(size=(20, 6))
    centred = np.arange(6.0) - 2.5
    e -= np.outer(e @ centred, centred) / (centred @ centred)
    data = pd.DataFrame({"y": (e + rng.normal(size=(20, 1))).ravel() + x, "x": x, "g": g})
    m = nw.lmer("y ~ x + (x | g)", data)
    assert m.is_singular
    found = m.profile().confint().set_index("term")
    assert found.loc["sd_x|g", "conf_low"] == 0.0
    assert found.loc["cor_x.(Intercept)|g"].tolist() == [-1.0, 1.0]
    assert np.isfinite(found.to_numpy()).all()


def test_order_of_rows_does_not_matter() -> None:
    data = table("sleepstudy")
    shuffled = data.sample(frac=1.0, random_state=5)
    a, b = (
        nw.lmer("Reaction ~ Days + (Days | Subject)", d).confint("profile")
        for d in (data, shuffled)
    )
    np.testing.assert_allclose(
        a[["conf_low", "conf_high"]], b[["conf_low", "conf_high"]], rtol=1e-5
    )


def test_units_of_the_response_do_not_matter() -> None:
    data = table("sleepstudy").assign(big=lambda d: 1e6 * d["Reaction"])
    a = nw.lmer("Reaction ~ Days + (Days | Subject)", data).confint("profile")
    b = nw.lmer("big ~ Days + (Days | Subject)", data).confint("profile")
    scale = np.where(a["term"].str.startswith("cor"), 1.0, 1e6)
    for end in ("conf_low", "conf_high"):
        np.testing.assert_allclose(a[end] * scale, b[end], rtol=1e-5)


PROFILE = model("penicillin").profile()


@given(st.floats(0.05, 0.98), st.floats(0.0, 0.01))
def test_higher_levels_give_wider_intervals(level: float, more: float) -> None:
    inner, outer = PROFILE.confint(level), PROFILE.confint(level + more)
    assert (outer["conf_low"] <= inner["conf_low"] + 1e-12).all()
    assert (outer["conf_high"] >= inner["conf_high"] - 1e-12).all()


def test_table_of_points() -> None:
    t = PROFILE.tidy()
    assert list(t.columns) == ["term", "value", "zeta"]
    for _, one in t.groupby("term"):
        assert (np.diff(one["value"]) > 0).all()
        assert (np.diff(one["zeta"]) > 0).all()
        assert (one["zeta"] == 0.0).sum() == 1


def test_bad_arguments() -> None:
    m = model("dyestuff")
    for level in (0, 1, 1.5, "x"):
        with pytest.raises(nw.OptionError, match="between 0 and 1"):
            m.confint("profile", level=level)  # type: ignore[arg-type]
    with pytest.raises(nw.OptionError, match="no parameter 'sigmo'; did you mean 'sigma'"):
        m.confint("profile", params=["sigmo"])
    with pytest.raises(nw.OptionError, match="profile again"):
        m.profile(["sigma"], level=0.9).confint(0.95)
    with pytest.raises(nw.OptionError, match="use one of 'wald', 'profile', 'boot'"):
        m.confint("profil")


def test_answers_in_the_kind_of_the_data() -> None:
    import polars as pl

    m = nw.lmer("Yield ~ 1 + (1 | Batch)", pl.from_pandas(table("Dyestuff")[["Yield", "Batch"]]))
    assert isinstance(m.confint("profile"), pl.DataFrame)
    assert isinstance(m.profile(["sigma"]).tidy(), pl.DataFrame)


def test_plot_marks_the_interval() -> None:
    axes = model("pastes").plot.profile()
    every = axes.figure.axes
    assert len(every) == 4
    assert [a.get_title(loc="left") for a in every][2] == "sigma"
    found = model("pastes").confint("profile", params=["sigma"])
    drawn = {round(float(x), 4) for line in every[2].get_lines() for x in line.get_xdata()}
    assert round(float(found["conf_low"][0]), 4) in drawn
