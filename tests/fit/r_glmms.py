"""The generalised models that tests/oracle/glmm.R froze, and their data."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nestwise.core.families.family import Family
from nestwise.core.families.registry import family_named
from nestwise.core.links.link import Link
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.design.model import Design

TESTS = Path(__file__).parents[1]
SHARED = TESTS.parents[1] / "shared" / "data"
ORACLE: dict[str, Any] = json.loads((TESTS / "oracle" / "glmm.json").read_text(encoding="utf-8"))
PROPORTIONS = ("binomial", "beta_binomial")


@lru_cache(maxsize=4)
def _table(name: str) -> pd.DataFrame:
    local = TESTS / "data" / f"{name}.csv.gz"
    if local.exists():
        return pd.read_csv(local)
    path = next(
        (p for p in (SHARED / f"{name}.csv", SHARED / f"{name}.csv.gz") if p.exists()), None
    )
    if path is None:
        pytest.skip(f"{name} is not in ../shared/data")
    schema = json.loads((SHARED / "schema.json").read_text(encoding="utf-8"))[name]["columns"]
    text = {c: str for c, k in schema.items() if k["type"] == "factor"}
    data = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=["", "NA"])
    for column, kind in schema.items():
        if kind["type"] == "factor":
            data[column] = pd.Categorical(data[column], kind["levels"])
    if name == "cbpp":
        data["obs"] = np.arange(1, len(data) + 1)
    return data


def design_of(name: str) -> tuple[Design, Family, Link]:
    """A model's design, family and link."""
    case = ORACLE[name]
    response = "proportion" if case["family"] in PROPORTIONS else "number"
    weights = case.get("weights") or None
    design = build(case["formula"], _table(case["data"]), weights=weights, response=response)
    return design, family_named(case["family"]), link_named(case["link"])


def best_loglik(name: str) -> float:
    """The largest log-likelihood of the same criterion that R found."""
    case = ORACLE[name]
    found = [case["tmb"]["loglik"]] if "tmb" in case else []
    if "glmer" in case and (case["link"] in ("logit", "log") or not found):
        found += [case["glmer"][k]["loglik"] for k in ("default", "tight")]
    return max(found)
