"""Small generalised models with several optima, or with poles of Laplace's approximation."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
