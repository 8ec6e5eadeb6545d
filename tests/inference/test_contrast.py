"""Contrasts as users write them, and what is refused."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nestwise as nw
from inference.r_models import table

METHODS = ["satterthwaite", "kenward-roger", "between-within", "residual", "normal"]


@functools.cache
def sleepstudy() -> nw.MixedModel:
    return nw.lmer("Reaction ~ Days + (Days | Subject)", table("sleepstudy"))


@functools.cache
def machines() -> nw.MixedModel:
    return nw.lmer("score ~ Machine + (1 | Worker/Machine)", table("Machines"))


@pytest.mark.parametrize(
    "L",
    [
        {"MachineB": 1, "MachineC": -1},
        [0, 1, -1],
        [[0, 1, -1]],
        np.array([0, 1, -1]),
        [{"MachineB": 1, "MachineC": -1}],
        {"B against C": {"MachineB": 1.0, "MachineC": -1.0}},
    ],
)
def test_ways_to_write_it(L: Any) -> None:
    t = machines().contrast(L)
    assert t["estimate"][0] == pytest.approx(-5.95, abs=1e-6)
    assert t["df"][0] == pytest.approx(10.0, rel=1e-4)
    assert t["term"][0] in ("MachineB - MachineC", "B against C")


def test_names_and_labels() -> None:
    t = machines().contrast(["MachineB", "MachineC"])
    assert t["term"].tolist() == ["MachineB", "MachineC"]
    assert machines().contrast("MachineC")["estimate"][0] == t["estimate"][1]
    t = sleepstudy().contrast({"(Intercept)": -1, "Days": 0.5})
    assert t["term"].tolist() == ["-(Intercept) + 0.5 Days"]


@pytest.mark.parametrize("ddf", METHODS)
def test_right_hand_side(ddf: str) -> None:
    estimate = sleepstudy().params["Days"]
    at = sleepstudy().contrast("Days", rhs=estimate, ddf=ddf)
    assert at["statistic"][0] == pytest.approx(0.0, abs=1e-12)
    assert at["p_value"][0] == pytest.approx(1.0)
    both = sleepstudy().contrast(np.eye(2), rhs=sleepstudy().params, joint=True, ddf=ddf)
    assert both["f_value"][0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("ddf", METHODS)
def test_dependent_rows_do_not_count_twice(ddf: str) -> None:
    rows = np.array([[0.0, 1, 0], [0, 0, 1], [0, 1, -1], [0, 2, 0]])
    once = machines().contrast(rows[:2], joint=True, ddf=ddf)
    again = machines().contrast(rows, joint=True, ddf=ddf)
    assert again["num_df"][0] == 2
    for column in ("f_value", "den_df"):
        assert again[column][0] == pytest.approx(once[column][0], rel=1e-6)


@given(st.floats(0.01, 100), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_scale_and_rotation_do_not_matter(scale: float, seed: int) -> None:
    """Kenward-Roger's joint test depends on the hypothesis only, not on how it is written."""
    mix = np.random.default_rng(seed).normal(size=(2, 2)) + 3 * np.eye(2)
    rows = np.array([[0.0, 1, 0], [0, 0, 1]])
    one = machines().contrast(rows, joint=True, ddf="kenward-roger")
    other = machines().contrast(scale * mix @ rows, joint=True, ddf="kenward-roger")
    for column in ("f_value", "den_df", "p_value"):
        assert other[column][0] == pytest.approx(one[column][0], rel=1e-6)
    t = machines().contrast(rows[:1]), machines().contrast(scale * rows[:1])
    assert t[1]["df"][0] == pytest.approx(t[0]["df"][0], rel=1e-9)


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_units_of_a_covariate_do_not_matter(ddf: str) -> None:
    data = table("sleepstudy")
    seconds = data.assign(Days=86400.0 * data["Days"])
    far = data.assign(Days=data["Days"] + 1000.0)
    plain = sleepstudy().contrast("Days", ddf=ddf)
    for other in (seconds, far):
        m = nw.lmer("Reaction ~ Days + (Days | Subject)", other)
        assert m.contrast("Days", ddf=ddf)["df"][0] == pytest.approx(plain["df"][0], rel=1e-4)


def test_table_is_of_the_callers_kind() -> None:
    data = pl.DataFrame(
        {"y": [1.0, 2, 4, 3, 5, 9, 7, 6], "x": list(range(8)), "g": list("aabbccdd")}
    )
    m = nw.lmer("y ~ x + (1 | g)", data)
    assert isinstance(m.contrast("x"), pl.DataFrame)
    assert isinstance(m.anova(), pl.DataFrame)
    assert isinstance(m.ranova(), pl.DataFrame)


@pytest.mark.parametrize(
    ("L", "message"),
    [
        ([1, 2, 3], r"3 weights a row, but the model has 2 coefficients: \(Intercept\), Days"),
        ([[1], [2]], "1 weight a row"),
        (np.zeros((2, 2, 2)), "2 coefficients"),
        ({"Dayz": 1}, "did you mean 'Days'"),
        ("Dayz", "did you mean 'Days'"),
        (["Days", "x"], "no coefficient 'x'"),
        ({"Days": "one"}, "'one', not a number"),
        ({"Days": True}, "not a number"),
        ([0, 0], "only zeros"),
        ({}, "only zeros"),
        ([], "0 weights"),
        ([np.nan, 1], "not finite"),
        ([[1, 2], [3]], "neither numbers"),
        (None, "neither numbers|not finite|1 weight"),
        (object(), "neither numbers"),
    ],
)
@pytest.mark.parametrize("joint", [False, True])
def test_bad_weights(L: Any, message: str, joint: bool) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        sleepstudy().contrast(L, joint=joint)


@pytest.mark.parametrize("rhs", [[1, 2, 3], "x", np.nan, [[1, 2]]])
def test_bad_right_hand_side(rhs: Any) -> None:
    with pytest.raises(nw.NestwiseError, match="rhs"):
        sleepstudy().contrast("Days", rhs=rhs)


def test_contradiction() -> None:
    with pytest.raises(nw.NestwiseError, match="contradict"):
        sleepstudy().contrast([[0, 1], [0, 2]], rhs=[1, 3], joint=True)
    assert sleepstudy().contrast([[0, 1], [0, 2]], rhs=[1, 2], joint=True)["num_df"][0] == 1


def test_large_crossed_design_is_quick() -> None:
    """The shape of ScotsSec: 3,435 rows, 148 by 19 crossed levels."""
    rng = np.random.default_rng(5)
    n = 3435
    primary, second = rng.integers(0, 148, n), rng.integers(0, 19, n)
    x, sex = rng.normal(size=n), rng.integers(0, 2, n)
    y = x + rng.normal(size=148)[primary] * 0.5 + rng.normal(size=19)[second] * 0.3
    data = {"y": y + rng.normal(size=n), "x": x, "s": sex, "p": primary, "h": second}
    m = nw.lmer("y ~ x * s + (1 | p) + (1 | h)", data)
    start = time.perf_counter()
    t = m.tidy(ddf="kenward-roger")
    assert time.perf_counter() - start < 1.0
    ours, theirs = t["df"].to_numpy(), m.tidy()["df"].to_numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0.1)


def test_linear_model() -> None:
    m = nw.lm("Reaction ~ Days", table("sleepstudy"))
    t = m.contrast("Days")
    assert t["df"][0] == 178
    assert t["p_value"][0] == pytest.approx(m.pvalues["Days"], rel=1e-12)
    with pytest.raises(nw.NestwiseError, match="ddf"):
        m.contrast("Days", ddf="kenward-roger")
    assert m.drop1()["f_value"][0] == pytest.approx(t["statistic"][0] ** 2)
