"""The designs of tests/oracle/tests.R, made by the same formulas, and their fits."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

import numpy as np
import pandas as pd

import nestwise as nw
from inference.r_models import ORACLE, table

R: dict[str, Any] = json.loads((ORACLE / "tests.json").read_text(encoding="utf-8"))
MODELS: dict[str, Any] = R["models"]
FACTORS = (
    "info",
    "product",
    "consumer",
    "gender",
    "size",
    "a",
    "b",
    "g",
    "sow",
    "harvest",
    "block",
)


def wave(i: np.ndarray, a: float) -> np.ndarray:
    """Numbers without a pattern that two languages compute alike."""
    return np.asarray(np.sin(a * i) + np.sin(2.3 * a * i + 1))


def grid(**levels: Any) -> tuple[pd.DataFrame, np.ndarray]:
    """R's expand.grid (the first varies fastest) and the row numbers from 1."""
    rows = [r[::-1] for r in itertools.product(*reversed(list(levels.values())))]
    d = pd.DataFrame(rows, columns=list(levels))
    return d, np.arange(1, len(d) + 1)


def _ham() -> pd.DataFrame:
    d, i = grid(info=["1", "2"], product=list("1234"), consumer=range(1, 31))
    d["gender"] = np.where(d.consumer % 3 == 0, "m", "f")
    product = d["product"].astype(int)
    d["y"] = 5 + wave(d.consumer, 7.1) + 0.6 * wave(d.consumer * 10 + product, 3.7)
    d["y"] += 0.3 * product * (d["info"] == "1") + wave(i, 12.9)
    return d[i % 7 != 3]


def _carrots() -> pd.DataFrame:
    d, i = grid(product=list("ABCDEFGHIJKL"), consumer=range(1, 25))
    d["sens"] = np.tile(np.round(wave(np.arange(1, 13), 5.3), 3), 24)
    d["size"] = np.where(d.consumer % 2 == 0, "1", "3")
    d["y"] = 4 + wave(d.consumer, 7.1) + (0.4 + 0.4 * wave(d.consumer, 4.9)) * d.sens
    d["y"] += wave(i, 12.9)
    return d[i % 11 != 5]


def _cells() -> pd.DataFrame:
    d, i = grid(a=list("pqr"), b=list("uv"), g=range(1, 13))
    d["x"] = np.round(wave(i, 2.1), 3)
    d["o"] = np.array(["lo", "mid", "hi"])[i % 3]
    d["y"] = wave(d.g, 7.1) + d.x * (d.a == "q") + wave(i, 12.9)
    return d[(i % 5 != 2) & ~((d.a == "r") & (d.b == "u"))]


def _full() -> pd.DataFrame:
    d, i = grid(a=list("pqr"), b=list("uv"), g=range(1, 15))
    d["x"] = np.round(wave(i, 2.1), 3)
    d["o"] = np.array(["lo", "mid", "hi"])[(i * 7) // 4 % 3]
    d["y"] = wave(d.g, 7.1) + d.x * (d.a == "q") + (d.b == "v") * (d.o == "hi") + wave(i, 12.9)
    return d[i % 4 != 2]


def _beets() -> pd.DataFrame:
    d, i = grid(sow=list("12345"), harvest=["h1", "h2"], block=list("123"))
    block, sow, late = d.block.astype(int), d.sow.astype(int), (d.harvest == "h2").astype(int)
    d["y"] = 17 + 0.3 * wave(block, 1.3) + 0.1 * wave(block * 2 + late, 7.7)
    d["y"] += -0.3 * late - 0.1 * sow + 0.05 * wave(i, 12.9)
    return d


MADE = {"ham": _ham, "carrots": _carrots, "cells": _cells, "full": _full, "beets": _beets}


@functools.cache
def prepared(name: str) -> pd.DataFrame:
    """A data set of the oracle with R's factors."""
    if name not in MADE:
        return table(name)
    d = MADE[name]().reset_index(drop=True)
    for column in d.columns.intersection(list(FACTORS)):
        d[column] = pd.Categorical(d[column])
    if "o" in d:
        d["o"] = pd.Categorical(d["o"], ["lo", "mid", "hi"], ordered=True)
    return d


@functools.cache
def fitted(name: str) -> nw.MixedModel:
    """The fit of one model of tests.json."""
    return nw.lmer(MODELS[name]["formula"], prepared(MODELS[name]["data"]))
