"""Shared by all tests: frozen answers of R, the shared data sets, the hypothesis profile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
SHARED_DATA = TESTS.parents[1] / "shared" / "data"

mpl.use("Agg")
settings.register_profile("nestwise", deadline=None, derandomize=True)
settings.load_profile("nestwise")


@pytest.fixture(scope="session")
def oracle() -> Callable[[str], Any]:
    """`oracle("lm")`: what R answered, from tests/oracle/lm.json (made by lm.R beside it)."""

    def load(name: str) -> Any:
        return json.loads((TESTS / "oracle" / f"{name}.json").read_text(encoding="utf-8"))

    return load


@pytest.fixture(scope="session")
def shared_file() -> Callable[[str], Path]:
    """`shared_file("Exam.csv")`: a data set that is not in the repository, else a skip."""

    def find(name: str) -> Path:
        path = SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"{name} is not in ../shared/data")
        return path

    return find
