"""The models of tests/oracle/laplace.R."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nestwise.design import build
from nestwise.design.model import Design

URBAN = "use1 ~ age + I(age^2) + urban + livch"
MODELS = {
    "cbpp": ("prop ~ period + (1 | herd)", "cbpp", "binomial", "logit"),
    "cbpp_probit": ("prop ~ period + (1 | herd)", "cbpp", "binomial", "probit"),
    "cbpp_cloglog": ("prop ~ period + (1 | herd)", "cbpp", "binomial", "cloglog"),
    "cbpp_rows": ("prop ~ period + (1 | herd) + (1 | obs)", "cbpp", "binomial", "logit"),
    "bacteria": ("yes ~ trt + late + (1 | ID)", "bacteria", "binomial", "logit"),
    "epil": ("y ~ lbase4 * trt + lage + V4 + (1 | subject)", "epil", "poisson", "log"),
    "budworm": ("prop ~ sex + ldose + (1 | obs)", "budworm", "binomial", "logit"),
    "contraception": (f"{URBAN} + (1 | district)", "Contraception", "binomial", "logit"),
    "contraception_slope": (
        f"{URBAN} + (1 + urban | district)",
        "Contraception",
        "binomial",
        "logit",
    ),
    "grouseticks": (
        "TICKS ~ YEAR + h + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)",
        "grouseticks",
        "poisson",
        "log",
    ),
    "verbagg": (
        "yes ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)",
        "VerbAgg",
        "binomial",
        "logit",
    ),
}
"""Formula, data, family and link of each."""


def table_of(name: str, frozen: Any, find: Callable[[str], Path]) -> pd.DataFrame:
    """A data set with the columns that the formulas need."""
    if name in frozen["data"]:
        table = pd.DataFrame(frozen["data"][name])
        if name == "bacteria":
            table["trt"] = pd.Categorical(table["trt"], ["placebo", "drug", "drug+"])
        return table
    table = pd.read_csv(find("VerbAgg.csv.gz" if name == "VerbAgg" else f"{name}.csv"))
    if name == "cbpp":
        table["prop"] = table["incidence"] / table["size"]
        table["obs"] = np.arange(len(table))
        table["period"] = table["period"].astype(str)
    elif name == "Contraception":
        table["use1"] = (table["use"] == "Y").astype(float)
    elif name == "grouseticks":
        table["h"] = (table["HEIGHT"] - 460) / 100
        table["YEAR"] = table["YEAR"].astype(str)
    else:
        table["yes"] = (table["r2"] == "Y").astype(float)
    return table


def design_of(model: str, frozen: Any, find: Callable[[str], Path]) -> Design:
    """The design of one of the models."""
    formula, data, family, _ = MODELS[model]
    table = table_of(data, frozen, find)
    weights = {"cbpp": "size", "budworm": np.full(len(table), 20.0)}.get(data)
    return build(formula, table, weights=weights if family == "binomial" else None)
