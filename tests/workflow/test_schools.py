"""Simulated schools have the structure, effects and variances that were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise._base.errors import OptionError
from nestwise.workflow.schools import simulate_schools


def test_structure() -> None:
    data = simulate_schools(4, 10, 103, seed=3)
    assert len(data) == 103
    assert data.groupby("classroom", observed=True)["school"].nunique().eq(1).all()
    sizes = data["classroom"].value_counts()
    assert (sizes.min(), sizes.max()) == (10, 11)
    assert data["school"].cat.categories.tolist() == ["S1", "S2", "S3", "S4"]


def test_effects_without_noise_are_exact() -> None:
    quiet = {"sd_school": 0.0, "sd_classroom": 0.0, "sd_student": 0.0}
    data = simulate_schools(
        2, 4, 50, intercept=10, prior_math=0.25, ses=2, male=3, intervention=4, seed=1, **quiet
    )
    expected = (
        10
        + 0.25 * (data["prior_math"] - 50)
        + 2 * data["ses"]
        + 3 * (data["sex"] == "Male")
        + 4 * data["intervention"]
    )
    np.testing.assert_allclose(data["math_gain"], expected, rtol=1e-13)


def test_variances_of_the_levels() -> None:
    data = simulate_schools(400, 4000, 40_000, prior_math=0, ses=0, male=0, intervention=0, seed=5)
    room = data.groupby("classroom", observed=True)["math_gain"]
    within = room.var().mean()
    rooms = room.mean()
    school = data.groupby("classroom", observed=True)["school"].first()
    per_school = rooms.groupby(school, observed=True)
    between_rooms = per_school.var().mean() - within / 10
    between_schools = per_school.mean().var() - (between_rooms + within / 10) / 10
    assert within == pytest.approx(36.0, rel=0.02)
    assert between_rooms == pytest.approx(6.25, rel=0.1)
    assert between_schools == pytest.approx(16.0, rel=0.2)


@pytest.mark.parametrize("level", ["student", "classroom", "school"])
def test_half_of_the_units_get_the_intervention(level: str) -> None:
    data = simulate_schools(6, 30, 300, intervention_level=level, seed=2)
    per_unit = data.groupby(level, observed=True)["intervention"]
    assert per_unit.nunique().eq(1).all()
    assert per_unit.first().sum() == per_unit.ngroups // 2


def test_unbalanced_classrooms_differ_and_none_is_empty() -> None:
    sizes = simulate_schools(balanced=False, seed=9)["classroom"].value_counts()
    assert len(sizes) == 40
    assert sizes.sum() == 600
    assert sizes.min() >= 1
    assert sizes.nunique() > 5


def test_the_seed_decides() -> None:
    pd.testing.assert_frame_equal(simulate_schools(seed=1), simulate_schools(seed=1))
    assert not simulate_schools(seed=1).equals(simulate_schools(seed=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_schools": 0}, "n_schools=0"),
        ({"n_students": 2.5}, "n_students=2.5"),
        ({"n_schools": 50}, "n_classrooms=40 leaves some of 50 schools empty"),
        ({"n_students": 30}, "n_students=30 leaves some of 40 rooms empty"),
        ({"sd_school": -1.0}, "sd_school=-1.0"),
        ({"sd_student": float("nan")}, "sd_student=nan"),
        ({"intervention_level": "pupil"}, "intervention_level='pupil'"),
        ({"clustering": 1.0}, "clustering=1.0 is no share"),
        ({"missing": -0.1}, "missing=-0.1 is no share"),
        ({"missing": {"sess": 0.1}}, "missing='sess' is not known.*did you mean 'ses'"),
        ({"sd_slope": -1.0}, "sd_slope=-1.0"),
    ],
)
def test_impossible_schools_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        simulate_schools(**arguments)


def test_missing_values_do_not_change_the_rest() -> None:
    whole, holed = simulate_schools(seed=4), simulate_schools(seed=4, missing=0.2)
    for name in ("prior_math", "ses", "sex", "math_gain"):
        lacking = holed[name].isna()
        assert 0.15 < lacking.mean() < 0.25
        pd.testing.assert_series_equal(holed.loc[~lacking, name], whole.loc[~lacking, name])
    pd.testing.assert_frame_equal(
        holed[["school", "classroom", "student", "intervention"]],
        whole[["school", "classroom", "student", "intervention"]],
    )
    some = simulate_schools(seed=4, missing={"ses": 0.5})
    assert some.drop(columns="ses").notna().all().all()
    assert 0.4 < some["ses"].isna().mean() < 0.6


def test_covariates_that_cluster_in_classrooms() -> None:
    data = simulate_schools(100, 1000, 20_000, clustering=0.4, seed=8)
    for name, sd in (("prior_math", 10.0), ("ses", 1.0)):
        within = data.groupby("classroom", observed=True)[name].var().mean()
        assert data[name].std() == pytest.approx(sd, rel=0.03)
        assert within == pytest.approx(0.6 * sd**2, rel=0.03)


def test_context_and_varying_slopes_are_recovered() -> None:
    data = simulate_schools(
        50, 400, 8000, ses=1.0, ses_context=3.0, clustering=0.3, sd_slope=0.2, seed=12
    )
    model = nw.lmer(
        "math_gain ~ prior_math + ses + group_mean(ses, classroom) + sex + intervention"
        " + (1 | school) + (1 + prior_math | classroom)",
        data,
    )
    b, se = model.params, model.bse
    assert abs(b["ses"] - 1.0) < 4 * se["ses"]
    assert abs(b["group_mean(ses, classroom)"] - 3.0) < 4 * se["group_mean(ses, classroom)"]
    sds = model.varcorr().query("var1 == 'prior_math' and var2.isna()")["sdcor"]
    assert sds.item() == pytest.approx(0.2, rel=0.15)
