"""The models that R's emmeans answered for (tests/oracle/emmeans.json), fitted by nestwise."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pandas as pd

import nestwise as nw
from inference.r_models import ORACLE, table

R: dict[str, Any] = json.loads((ORACLE / "emmeans.json").read_text(encoding="utf-8"))


def printed() -> dict[str, list[str]]:
    """What emmeans prints, by name; blanks at line ends left out."""
    texts: dict[str, list[str]] = {}
    for line in (ORACLE / "emmeans.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            texts[line[3:]] = []
        else:
            texts[list(texts)[-1]].append(line.rstrip())
    for lines in texts.values():
        while not lines[-1]:
            lines.pop()
    return texts


@functools.cache
def model(name: str) -> Any:
    """One of the fits."""
    if name in R["lm"]:
        spec = R["lm"][name]
        frame = pd.DataFrame(R["frames"][spec["data"]])
        for column, levels in R["levels"].items():
            if column in frame:
                frame[column] = pd.Categorical(frame[column], levels)
        return nw.lm(spec["formula"], frame)
    spec = R["lmer"][name]
    data = table(spec["data"])
    if name == "oats":
        gone = [0, 1, 2, 4, 7, 12, 20, 33, 54]
        data = data.drop(index=data.index[gone])
    return nw.lmer(spec["formula"], data)


def means(name: str) -> Any:
    """One set of marginal means."""
    r = R["means"][name]
    return model(r["model"]).emmeans(**r["call"])


def assert_same(ours: pd.DataFrame, theirs: dict[str, Any], tolerance: float, skip: int) -> None:
    """Compare by position the numeric columns; the first `skip` columns are labels."""
    columns = [c for c in theirs if c != "null"]
    for column, (name, values) in zip(
        list(ours)[skip:], [(c, theirs[c]) for c in columns][skip:], strict=True
    ):
        values = values if isinstance(values, list) else [values]
        expected = np.array([np.nan if v in (None, "NA") else float(v) for v in values])
        if name == "df" and np.isnan(expected).all():
            expected[:] = np.inf  # JSON has no infinity
        got = ours[column].to_numpy(dtype=np.float64)
        small = 2e-4 if name == "p.value" else 1e-7
        np.testing.assert_allclose(
            got, expected, rtol=tolerance, atol=small * 0.5, err_msg=f"{column} beside {name}"
        )
