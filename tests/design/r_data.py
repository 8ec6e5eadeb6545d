"""The small table that R's answers in tests/oracle/design.json were computed from."""

from __future__ import annotations

from typing import Any

import pandas as pd


def r_table(answers: dict[str, Any]) -> pd.DataFrame:
    """The table as R had it: factors with their levels, ``o`` an ordered one."""
    data = pd.DataFrame(answers["data"])
    for name, levels in answers["levels"].items():
        data[name] = pd.Categorical(data[name], categories=levels, ordered=name == "o")
    return data
