"""Simulated students in classrooms in schools, with known effects and variances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.options import flag
from nestwise.workflow.r_random import RState, rnorm, runif, sample, set_seed

_LEVELS = ("student", "classroom", "school")
_MEASURED = ("prior_math", "ses", "sex", "math_gain")


@dataclass(frozen=True, slots=True)
class _Truth:
    """What `simulate_schools` was asked for."""

    sizes: tuple[int, int, int]
    effects: tuple[float, float, float, float, float]
    sds: tuple[float, float, float]
    sd_slope: float
    clustering: float
    ses_context: float
    intervention_level: str
    balanced: bool


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
    sd_slope: float = 0.0,
    clustering: float = 0.0,
    ses_context: float = 0.0,
    missing: float | Mapping[str, float] = 0.0,
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
    sd_slope : float
        Standard deviation between classrooms of the effect of prior knowledge.
    clustering : float
        Share of the variance of prior knowledge and of SES that lies between classrooms.
    ses_context : float
        Effect of the mean SES of the classroom beyond that of the student's own.
    missing : float or mapping of str to float
        Share of values that are missing completely at random: of `prior_math`, `ses`, `sex` and
        `math_gain` alike, or by column.
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
        When there are fewer classrooms than schools or students than classrooms, a standard
        deviation is negative, or a share is not between 0 and 1.

    Examples
    --------
    >>> schools = simulate_schools(seed=1)
    >>> len(schools), schools["classroom"].nunique(), schools["school"].nunique()
    (600, 40, 5)
    """
    sizes, sds = (n_schools, n_classrooms, n_students), (sd_school, sd_classroom, sd_student)
    effects = (intercept, prior_math, ses, male, intervention)
    truth = _Truth(
        sizes, effects, sds, sd_slope, clustering, ses_context, intervention_level, balanced
    )
    _check(truth)
    shares = _shares(missing)
    data, state = _drawn(truth, set_seed(seed))
    return _with_holes(data, shares, state)


def _check(truth: _Truth) -> None:
    _check_sizes(*truth.sizes)
    sd_school, sd_classroom, sd_student = truth.sds
    _check_sds(
        sd_school=sd_school,
        sd_classroom=sd_classroom,
        sd_student=sd_student,
        sd_slope=truth.sd_slope,
    )
    _check_effects(truth)
    _check_share("clustering", truth.clustering)
    one_of("intervention_level", truth.intervention_level, _LEVELS)


def _drawn(truth: _Truth, state: RState) -> tuple[pd.DataFrame, RState]:
    """Draws in a fixed order; those of later versions come last, so that seeds keep their data."""
    n_schools, n_classrooms, n_students = truth.sizes
    intercept, prior_math, ses, male, intervention = truth.effects
    classroom, state = _spread_students(state, n_students, n_classrooms, truth.balanced)
    school = _spread(n_classrooms, n_schools)[classroom]
    student = np.arange(n_students, dtype=np.int32)
    units = {"student": student, "classroom": classroom, "school": school}
    treated, state = _treat_half(state, units[truth.intervention_level])
    prior, state = rnorm(state, n_students, mean=50.0, sd=10.0)
    status, state = rnorm(state, n_students)
    coin, state = runif(state, n_students)
    at_school, state = rnorm(state, n_schools, sd=truth.sds[0])
    at_classroom, state = rnorm(state, n_classrooms, sd=truth.sds[1])
    own, state = rnorm(state, n_students, sd=truth.sds[2])
    slope = np.zeros(n_classrooms)
    if truth.clustering:
        prior, state = _clustered(state, prior, 50.0, 10.0, truth.clustering, classroom)
        status, state = _clustered(state, status, 0.0, 1.0, truth.clustering, classroom)
    if truth.sd_slope:
        slope, state = rnorm(state, n_classrooms, sd=truth.sd_slope)
    is_male = (coin < 0.5).astype(np.intp)
    fixed = intercept + prior_math * (prior - 50.0) + ses * status
    fixed = fixed + male * is_male + intervention * treated
    if truth.sd_slope:
        fixed = fixed + slope[classroom] * (prior - 50.0)
    if truth.ses_context:
        mean = np.bincount(classroom, status) / np.bincount(classroom)
        fixed = fixed + truth.ses_context * mean[classroom]
    columns = {
        "school": _labels("S", school, n_schools),
        "classroom": _labels("C", classroom, n_classrooms),
        "student": student.astype(np.int64) + 1,
        "prior_math": prior,
        "ses": status,
        "sex": pd.Categorical.from_codes(is_male, categories=pd.Index(["Female", "Male"])),
        "intervention": treated.astype(np.int64),
        "math_gain": fixed + at_school[school] + at_classroom[classroom] + own,
    }
    return pd.DataFrame(columns), state


def _clustered(
    state: RState, x: FloatArray, mean: float, sd: float, share: float, classroom: IntArray
) -> tuple[FloatArray, RState]:
    """The same mean and variance, a share of the variance common to each classroom."""
    common, state = rnorm(state, int(classroom.max()) + 1, sd=sd * math.sqrt(share))
    return mean + math.sqrt(1.0 - share) * (x - mean) + common[classroom], state


def _shares(missing: float | Mapping[str, float]) -> dict[str, float]:
    if not isinstance(missing, Mapping):
        return {name: _check_share("missing", missing) for name in _MEASURED}
    for name in missing:
        one_of("missing", name, _MEASURED)
    return {name: _check_share(f"missing: {name}", share) for name, share in missing.items()}


def _check_share(name: str, share: float) -> float:
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 <= share < 1.0:
        raise OptionError(f"{name}={share!r} is no share; give 0 or more, and less than 1")
    return float(share)


def _with_holes(data: pd.DataFrame, shares: dict[str, float], state: RState) -> pd.DataFrame:
    """Values left out at random, column by column in the table's order."""
    for name in _MEASURED:
        if shares.get(name, 0.0):
            coin, state = runif(state, len(data))
            data[name] = data[name].mask(coin < shares[name])
    return data


def _check_sizes(n_schools: int, n_classrooms: int, n_students: int) -> None:
    counts = {"n_schools": n_schools, "n_classrooms": n_classrooms, "n_students": n_students}
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise OptionError(f"{name}={value!r} is not a number of units; give 1 or more")
    if n_classrooms < n_schools:
        raise OptionError(f"n_classrooms={n_classrooms} leaves some of {n_schools} schools empty")
    if n_students < n_classrooms:
        raise OptionError(f"n_students={n_students} leaves some of {n_classrooms} rooms empty")


def _check_effects(truth: _Truth) -> None:
    for value in (*truth.effects, truth.ses_context):
        if not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
            raise OptionError(f"{value!r} is no finite number; every effect is one")
    flag("balanced", truth.balanced)


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
