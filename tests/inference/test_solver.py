"""A fit tells how its equations are solved, and takes the way that was asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nestwise as nw

PENICILLIN = nw.load_dataset("Penicillin")
CROSSED = "diameter ~ 1 + (1 | plate) + (1 | sample)"
DENSE = "by level, then a dense factor of order 6"


def test_linear_mixed_models() -> None:
    assert nw.lmer(CROSSED, PENICILLIN).solver == DENSE
    sparse = nw.lmer(CROSSED, PENICILLIN, control={"solver": "sparse"})
    assert sparse.solver.startswith("by level, then a sparse factor of order 6 with ")
    assert nw.lmer("diameter ~ 1 + (1 | plate)", PENICILLIN).solver == "by level"


def test_generalised_models() -> None:
    data = PENICILLIN.assign(high=PENICILLIN["diameter"] > 23)
    crossed = CROSSED.replace("diameter", "high")
    assert nw.glmer(crossed, data).solver == DENSE
    dense, sparse = (nw.glmer(crossed, data, control={"solver": s}) for s in ("dense", "sparse"))
    assert sparse.solver.startswith("by level, then a sparse factor of order 6 with ")
    a, b = (m.predict(se=True)["se"] for m in (dense, sparse))
    np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("formula", "residual", "said"),
    [
        ("Reaction ~ Days", "ar1(Days | Subject)", "by pairs of neighbours"),
        (
            "Reaction ~ Days",
            "us(Days | Subject)",
            "by independent blocks of up to 4 rows in 1 pattern",
        ),
        (
            "Reaction ~ Days + (1 | half)",
            "cs(Days | Subject)",
            "by independent blocks of up to 8 rows in 1 pattern, then a factor of order 2",
        ),
    ],
)
def test_residual_structures(formula: str, residual: str, said: str) -> None:
    data: pd.DataFrame = nw.load_dataset("sleepstudy")
    last = 7 if "half" in formula else 3  # groups of more than 64 rows stay out of the blocks
    data = data[data["Days"] <= last].copy()
    data["half"] = (data["Subject"].astype(str) < "335").astype(str)
    call = nw.lmer if "half" in formula else nw.gls
    assert call(formula, data, residual=residual).solver == said
