"""Five ways to model students in classrooms in schools, naive and multilevel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

import nestwise as nw

PREDICTORS = "prior_math + ses + sex + intervention"


@dataclass(frozen=True, slots=True, eq=False)
class Approach:
    """One model and what it does with the groups.

    Parameters
    ----------
    name : str
        Short name for tables.
    words : str
        What it does with classrooms and schools, in one sentence.
    model : object
        The fitted model.
    """

    name: str
    words: str
    model: Any


def classroom_means(schools: pd.DataFrame) -> pd.DataFrame:
    """One row a classroom: the means of its students, `sex` as the share of boys.

    Examples
    --------
    >>> len(classroom_means(nw.load_dataset("schools")))
    40
    """
    numbers = schools.assign(sex=(schools["sex"] == "Male").astype(float))
    columns = ["math_gain", "prior_math", "ses", "sex", "intervention"]
    return numbers.groupby(["school", "classroom"], observed=True)[columns].mean().reset_index()


def fit_approaches(schools: pd.DataFrame) -> tuple[Approach, ...]:
    """Fit all five.

    Parameters
    ----------
    schools : DataFrame
        As `nestwise.simulate_schools` makes it.

    Returns
    -------
    tuple of Approach
        Pooled, aggregated, classroom as a factor, random intercept, nested.

    Examples
    --------
    >>> [a.name for a in fit_approaches(nw.load_dataset("schools"))]
    ['pooled', 'aggregated', 'factor', 'random intercept', 'nested']
    """
    formula = f"math_gain ~ {PREDICTORS}"
    return (
        Approach("pooled", "ignores the groups", nw.lm(formula, schools)),
        Approach(
            "aggregated",
            "one row a classroom, the means of its students",
            nw.lm(formula, classroom_means(schools)),
        ),
        Approach(
            "factor",
            "a coefficient for every classroom",
            nw.lm(f"{formula} + classroom", schools),
        ),
        Approach(
            "random intercept",
            "classrooms vary with a variance",
            nw.lmer(f"{formula} + (1 | classroom)", schools),
        ),
        Approach(
            "nested",
            "schools vary, and classrooms within schools",
            nw.lmer(f"{formula} + (1 | school/classroom)", schools),
        ),
    )


def compare(approaches: tuple[Approach, ...]) -> pd.DataFrame:
    """One row an approach: rows, coefficients, and two effects with their standard errors.

    Examples
    --------
    >>> table = compare(fit_approaches(nw.load_dataset("schools")))
    >>> table["rows"].tolist(), table["coefficients"].tolist()
    ([600, 40, 600, 600, 600], [5, 5, 44, 5, 5])
    """
    rows = []
    for approach in approaches:
        model = approach.model
        row = {"approach": approach.name, "rows": model.nobs, "coefficients": len(model.params)}
        for term, short in (("intervention", "intervention"), ("prior_math", "prior_math")):
            row |= {short: model.params[term], f"se_{short}": model.bse[term]}
        rows.append(row | {"residual_sd": model.sigma})
    return pd.DataFrame(rows)
