"""Small generalised models with several optima, or with poles of Laplace's approximation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nestwise.core.families.registry import FAMILIES
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm


def test_a_better_optimum_is_looked_from_again() -> None:
    table = pd.DataFrame(
        {
            "y": [1, 0, 140, 17, 20, 144, 13, 0, 3, 52, 1, 2, 0, 0, 4, 3],
            "x": [
                *(1.2289, -1.375, 0.5792, 0.9232, 0.7875, 1.3981, -0.164, 0.5527),
                *(-1.209, 0.569, -0.2659, 0.9865, -0.2717, -1.625, 0.6511, -0.8796),
            ],
            "c": list("accacbacacbbccaa"),
            "g": [0, 0, 1, 2, 3, 3, 3, 4, 5, 5, 6, 6, 6, 6, 7, 7],
            "h": [0, 1, 2, 1, 1, 0, 0, 0, 2, 2, 2, 1, 1, 1, 2, 1],
        }
    )
    design = build("y ~ c + (x | g) + (1 | h)", table)
    fit = fit_glmm(design, FAMILIES["poisson"], link_named("log"))
    assert fit.verdict.converged
    # L-BFGS-B from dozens of random places; one round of further starts ends at 103.147.
    assert fit.criterion < 98.24


def test_a_pole_of_the_approximation_is_no_optimum() -> None:
    none = [6, 19, 25, 37, 39]
    table = pd.DataFrame(
        {
            "y": [0.0 if i in none else 1.0 for i in range(40)],
            "c": list("bcccaccabaacacaaaabccaabacacbbbbcccbaaab"),
            "g": [*range(20), 18, 17, 9, 4, 7, 15, 13, 6, 17, 8, 1, 5, 3, 5, 6, 3, 1, 0, 18, 17],
        }
    )
    design = build("y ~ c + (1 | g)", table)
    fit = fit_glmm(design, FAMILIES["binomial"], link_named("cauchit"))
    # Without further starts the criterion falls towards minus infinity, with a gradient of 1e11.
    assert fit.verdict.converged
    assert np.isfinite(fit.vcov).all()
    assert abs(fit.criterion - 28.5312) < 1e-3


@pytest.mark.parametrize("tilted", [0, 2])
def test_means_far_from_most_responses_are_tried(tilted: int) -> None:
    """With a log link, effects of all means that are nearly zero are nearly as good."""
    y = [1.08, -1.0, 110.89, 10.87, 16.64, -1.62, 1.21, 1.82]
    y += [1.92, -0.44, -0.52, -0.88, 3.09, 14.92, 147.25, 147.77]
    x = [-0.614, -1.65, -0.297, -2.548, -0.011, -0.458, -0.07, 0.357]
    x += [-0.196, -0.2, -0.311, 0.636, -0.593, 1.831, 0.183, 1.924]
    table = pd.DataFrame({"y": y, "x": x, "g": [0, 0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 7, 7]})
    table["x"] += 0.02 * tilted * np.cos(np.arange(16.0) * tilted)
    design = build("y ~ 1 + (x | g)", table)
    fit = fit_glmm(design, FAMILIES["gaussian"], link_named("log"), 5)
    # The first optimum has an intercept of -0.1 and a criterion between 111.5 and 112.5.
    assert fit.verdict.status == "singular"
    assert fit.beta[0] > 4.0
    assert fit.criterion < 110.5


def test_perfect_correlations_are_tried_where_rows_are_few() -> None:
    y = [4.272, 3.71, 3.074, 2.457, 2.352, 0.429, 1.805, 2.267]
    y += [2.215, 1.549, 2.188, 4.094, 2.029, 2.802, 1.742, 2.607]
    x = [1.651, 0.659, 0.954, 0.925, -0.642, -1.663, 0.224, 0.295]
    x += [0.742, -0.366, -0.451, -0.115, -1.573, -0.195, 0.701, 0.832]
    table = pd.DataFrame({"y": y, "x": x, "g": [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 7, 7, 7]})
    table["c"] = list("aabaabbbcbcbbcba")
    design = build("y ~ c + (x | g)", table)
    fit = fit_glmm(design, FAMILIES["gaussian"], link_named("identity"), 5)
    assert fit.verdict.status == "singular"
    assert fit.criterion < 36.42  # the first optimum: 36.446


def test_large_variances_are_looked_at_again() -> None:
    """Laplace's approximation of binary responses can be higher there than a little farther."""
    table = pd.DataFrame(
        {
            "won": [
                *(7, 2, 1, 3, 11, 10, 18, 32, 7, 38, 35, 11, 18, 8, 20),
                *(1, 3, 7, 40, 6, 19, 32, 2, 16, 17, 22, 19, 14, 31, 8),
            ],
            "lost": [
                *(16, 11, 17, 14, 11, 13, 0, 0, 0, 0, 0, 0, 4, 19, 7),
                *(1, 7, 3, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 1, 0),
            ],
            "g": np.repeat(np.arange(5), 6),
            "h": np.tile(np.arange(6), 5),
        }
    )
    design = build("cbind(won, lost) ~ 1 + (1 | g) + (1 | h)", table, response="proportion")
    fit = fit_glmm(design, FAMILIES["binomial"], link_named("cloglog"))
    assert fit.verdict.converged
    assert fit.theta.max() > 2.9
    assert fit.criterion < 98.75  # with a standard deviation of 1.7: 99.38
