"""Simulated students in classrooms in schools, with known effects and variances."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from nestwise._base.arrays import IntArray
from nestwise._base.errors import OptionError, one_of
from nestwise.workflow.r_random import RState, rnorm, runif, sample, set_seed

_LEVELS = ("student", "classroom", "school")


def simulate_schools(
    n_schools: int = 5,
    n_classrooms: int = 40,
    n_students: int = 600,
    *,
    intercept: float = 40.0,
    prior_math: float = 0.5,
    ses: float = 1.5,
    male: float = 1.0,
    intervention: float = 5.0,
    sd_school: float = 4.0,
    sd_classroom: float = 2.5,
    sd_student: float = 6.0,
    intervention_level: str = "student",
    balanced: bool = True,
    seed: int = 2024,
) -> pd.DataFrame:
    """What data from schools look like when the truth is known.

    Parameters
    ----------
    n_schools, n_classrooms, n_students : int
        Totals: classrooms are spread over schools, and students over classrooms.
    intercept : float
        Expected gain of a girl with prior knowledge 50 and SES 0, without the intervention.
    prior_math, ses, male, intervention : float
        Effects on the gain: of one point of prior knowledge, of one standard deviation of SES,
        of being a boy, of the intervention.
    sd_school, sd_classroom, sd_student : float
        Standard deviations of the gain between schools, between classrooms of a school, and
        between students of a classroom.
    intervention_level : {"student", "classroom", "school"}
        Whether half of the students, of the classrooms or of the schools get the intervention.
    balanced : bool
        Classrooms of equal size (as far as the numbers divide), else of random size.
    seed : int
        The same seed gives the same data, on every machine and in every version.

    Returns
    -------
    DataFrame
        One row a student: `school`, `classroom` (its label is unique across schools), `student`,
        `prior_math` (mean 50, sd 10), `ses` (mean 0, sd 1), `sex` (Female, Male),
        `intervention` (0, 1), `math_gain`.

    Raises
    ------
    OptionError
        When there are fewer classrooms than schools or students than classrooms, or a standard
        deviation is negative.

    Examples
    --------
    >>> schools = simulate_schools(seed=1)
    >>> len(schools), schools["classroom"].nunique(), schools["school"].nunique()
    (600, 40, 5)
    """
    _check_sizes(n_schools, n_classrooms, n_students)
    _check_sds(sd_school=sd_school, sd_classroom=sd_classroom, sd_student=sd_student)
    one_of("intervention_level", intervention_level, _LEVELS)
    state = set_seed(seed)
    classroom, state = _spread_students(state, n_students, n_classrooms, balanced)
    school = _spread(n_classrooms, n_schools)[classroom]
    student = np.arange(n_students, dtype=np.int32)
    units = {"student": student, "classroom": classroom, "school": school}
    treated, state = _treat_half(state, units[intervention_level])
    prior, state = rnorm(state, n_students, mean=50.0, sd=10.0)
    status, state = rnorm(state, n_students)
    coin, state = runif(state, n_students)
    at_school, state = rnorm(state, n_schools, sd=sd_school)
    at_classroom, state = rnorm(state, n_classrooms, sd=sd_classroom)
    own, _ = rnorm(state, n_students, sd=sd_student)
    is_male = (coin < 0.5).astype(np.intp)
    fixed = intercept + prior_math * (prior - 50.0) + ses * status
    fixed = fixed + male * is_male + intervention * treated
    return pd.DataFrame(
        {
            "school": _labels("S", school, n_schools),
            "classroom": _labels("C", classroom, n_classrooms),
            "student": student.astype(np.int64) + 1,
            "prior_math": prior,
            "ses": status,
            "sex": pd.Categorical.from_codes(is_male, categories=pd.Index(["Female", "Male"])),
            "intervention": treated.astype(np.int64),
            "math_gain": fixed + at_school[school] + at_classroom[classroom] + own,
        }
    )


def _check_sizes(n_schools: int, n_classrooms: int, n_students: int) -> None:
    counts = {"n_schools": n_schools, "n_classrooms": n_classrooms, "n_students": n_students}
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise OptionError(f"{name}={value!r} is not a number of units; give 1 or more")
    if n_classrooms < n_schools:
        raise OptionError(f"n_classrooms={n_classrooms} leaves some of {n_schools} schools empty")
    if n_students < n_classrooms:
        raise OptionError(f"n_students={n_students} leaves some of {n_classrooms} rooms empty")


def _check_sds(**sds: float) -> None:
    for name, value in sds.items():
        if not (math.isfinite(value) and value >= 0.0):
            raise OptionError(f"{name}={value!r} is no standard deviation; give 0 or more")


def _spread(n_members: int, n_units: int) -> IntArray:
    """Unit of every member, sorted, the units as equal in size as can be."""
    return (np.arange(n_members, dtype=np.int64) * n_units // n_members).astype(np.int32)


def _spread_students(
    state: RState, n_students: int, n_classrooms: int, balanced: bool
) -> tuple[IntArray, RState]:
    """Classroom of every student, sorted; none stays empty."""
    if balanced:
        return _spread(n_students, n_classrooms), state
    rest, state = sample(state, n_classrooms, size=n_students - n_classrooms, replace=True)
    everyone = np.concatenate([np.arange(n_classrooms, dtype=np.int32), rest - 1])
    return np.sort(everyone).astype(np.int32), state


def _treat_half(state: RState, unit: IntArray) -> tuple[IntArray, RState]:
    """1 for the members of a random half of the units, else 0."""
    n_units = int(unit.max()) + 1
    order, state = runif(state, n_units)
    chosen = np.argsort(order, kind="stable")[: n_units // 2]
    return np.isin(unit, chosen).astype(np.int32), state


def _labels(letter: str, codes: IntArray, n: int) -> pd.Categorical[str]:
    width = len(str(n))
    names = [f"{letter}{i:0{width}d}" for i in range(1, n + 1)]
    return pd.Categorical.from_codes(codes, categories=pd.Index(names))
