"""The data of a well-known tutorial on hierarchical models in R, made as R makes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nestwise.workflow.r_random import rnorm, set_seed


def tutorial_data() -> pd.DataFrame:
    """240 students in 12 classrooms, as R draws them after ``set.seed(123)``.

    Returns
    -------
    DataFrame
        `math_score` (120 draws from N(50, 10), then 120 from N(55, 7)), `intervention` (0 or 1,
        constant within every classroom), `classroom_id` (1 .. 12), `student_id` (1 .. 20 within
        each classroom), `ses` (120 draws from N(50, 10), used twice).

    Examples
    --------
    >>> tutorial_data().loc[:1, ["math_score", "ses"]].round(5).values.tolist()
    [[44.39524, 42.11378], [47.69823, 44.97801]]
    """
    control, state = rnorm(set_seed(123), 120, mean=50, sd=10)
    treated, state = rnorm(state, 120, mean=55, sd=7)
    ses, _ = rnorm(state, 120, mean=50, sd=10)
    return pd.DataFrame(
        {
            "math_score": np.concatenate([control, treated]),
            "intervention": np.tile(np.repeat([0.0, 1.0], 60), 2),
            "classroom_id": np.repeat(np.arange(1, 13), 20),
            "student_id": np.tile(np.arange(1, 21), 12),
            "ses": np.tile(ses, 2),
        }
    )
