"""Simulated schools have the structure, effects and variances that were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

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
    ],
)
def test_impossible_schools_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        simulate_schools(**arguments)
