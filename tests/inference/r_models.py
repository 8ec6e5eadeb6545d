"""The models that lme4 answered for (tests/oracle/lmm.json), fitted by nestwise."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw

ORACLE = Path(__file__).parents[1] / "oracle"
SHARED = Path(__file__).parents[3] / "shared" / "data"

LMM: dict[str, Any] = json.loads((ORACLE / "lmm.json").read_text(encoding="utf-8"))
LM: dict[str, Any] = json.loads((ORACLE / "lm.json").read_text(encoding="utf-8"))
MODELS = [name for name in LMM if name != "anova"]
LINEAR = [name for name in LM if name != "two"]
ROWWISE = [name for name in MODELS if "fitted" in LMM[name]]


BUNDLED = frozenset(nw.list_datasets()["name"])


@functools.cache
def table(name: str) -> pd.DataFrame:
    """A data set with R's factor levels and the oracle's made-up weights and offset."""
    data = nw.load_dataset(name) if name in BUNDLED else _shared(name)
    rows = np.arange(len(data))
    return data.assign(w=1.0 + rows % 3, off=10.0 * (rows % 5))


def _shared(name: str) -> pd.DataFrame:
    """A data set that is not bundled, else a skip."""
    if not (SHARED / "schema.json").exists():
        pytest.skip(f"{name} is not in ../shared/data")
    spec = json.loads((SHARED / "schema.json").read_text(encoding="utf-8"))[name]
    factors = [c for c, k in spec["columns"].items() if k["type"] == "factor"]
    data = pd.read_csv(SHARED / spec["file"], dtype=dict.fromkeys(factors, "str"))
    for column in factors:
        kind = spec["columns"][column]
        ordered = kind.get("ordered", False)
        data[column] = pd.Categorical(data[column], kind["levels"], ordered=ordered)
    return data


@functools.cache
def mixed(name: str) -> nw.MixedModel:
    """The fit of one model of lmm.json."""
    r = LMM[name]
    return nw.lmer(r["formula"], table(r["data"]), REML=r["reml"], weights=r["weights"])


@functools.cache
def linear(name: str) -> nw.LinearModel:
    """The fit of one model of lm.json."""
    r = LM[name]
    return nw.lm(r["formula"], table(r["data"]), weights=r["weights"])


def new_rows(name: str) -> pd.DataFrame:
    """The rows that lmm.R predicted."""
    data = table(LMM[name]["data"]).iloc[[0, 1, 10, 16, 24, 29]].copy()
    for column in ("Days", "ses", "standLRT", "day"):
        if column in data:
            data[column] = data[column] + 0.5
    return data


def listed(value: Any) -> list[Any]:
    """A one-element list that jsonlite wrote as a scalar."""
    return value if isinstance(value, list) else [value]
