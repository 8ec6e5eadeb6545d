"""GLMMs that several tests ask: each is fitted once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pandas as pd

import nestwise as nw


@lru_cache(maxsize=1)
def cbpp() -> nw.GeneralizedMixedModel:
    """Infections of cattle, binomial with trials."""
    return nw.glmer(
        "cbind(incidence, size - incidence) ~ period + (1 | herd)", nw.load_dataset("cbpp")
    )


@lru_cache(maxsize=1)
def contraception(path: Path) -> nw.GeneralizedMixedModel:
    """Use of contraception by district: 0 and 1 from text."""
    data = pd.read_csv(path, dtype={"livch": "category"})
    return nw.glmer("use ~ age + I(age^2) + urban * livch + (1 | district)", data)


@lru_cache(maxsize=1)
def ticks(path: Path) -> nw.GeneralizedMixedModel:
    """Ticks on grouse chicks: negative binomial counts."""
    data = pd.read_csv(path, dtype={"YEAR": str, "BROOD": str})
    formula = "TICKS ~ YEAR + cHEIGHT + (1 | BROOD)"
    return nw.glmer(formula, data, family="negative_binomial")
