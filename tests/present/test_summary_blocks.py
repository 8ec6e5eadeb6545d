"""Each block of a summary, made from R's frozen numbers, reads as R's printed text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nestwise._base.table import Table
from nestwise.inference.coefficients import Coefficients
from nestwise.present.correlation import correlation_lines
from nestwise.present.quantiles import criteria_lines, quantile_lines
from nestwise.present.randomtable import random_effects_lines
from nestwise.present.rformat import cat, round_places
from nestwise.present.summary import fixed_lines, header_lines, observation_line

ORACLE = Path(__file__).parents[1] / "oracle"
NAMES = sorted(p.stem.removeprefix("summary_") for p in ORACLE.glob("summary_*.txt"))


def printed(name: str) -> list[str]:
    text = (ORACLE / f"summary_{name}.txt").read_text(encoding="utf-8")
    return text.splitlines()


def block(lines: list[str], first: str) -> list[str]:
    """The lines from one that begins so up to the next empty one."""
    start = next(i for i, line in enumerate(lines) if line.startswith(first))
    end = next((i for i in range(start, len(lines)) if not lines[i]), len(lines))
    return lines[start:end]


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest, oracle: Callable[[str], Any]) -> Any:
    return printed(request.param), oracle("lmm")[request.param]


def test_there_are_cases() -> None:
    assert len(NAMES) > 15


def test_formula(case: Any) -> None:
    lines, r = case
    got = header_lines(
        r["reml"], "satterthwaite", r["formula"].replace("intervention*ses", "intervention * ses")
    )
    start = next(i for i, line in enumerate(lines) if line.startswith("Formula:"))
    assert [g.rstrip() for g in got[1:]] == [
        x.rstrip() for x in lines[start : start + len(got) - 1]
    ]
    assert lines[start + len(got) - 1].startswith("   Data:")


def test_criterion(case: Any) -> None:
    lines, r = case
    if r["reml"]:
        text = f"REML criterion at convergence: {cat(round_places(r['criterion'], 1))}"
        assert text in lines
    else:
        got = criteria_lines(r["aic"], r["bic"], r["loglik"], -2 * r["loglik"], r["df_resid"])
        assert got == block(lines, "     AIC")


def test_residual_quantiles(case: Any) -> None:
    lines, r = case
    assert quantile_lines(r["quantiles"]) == block(lines, "Scaled residuals")[1:]


def test_random_effects(case: Any) -> None:
    lines, r = case
    v = r["varcorr"]
    table = Table(
        {
            "group": np.array(v["grp"], dtype=object),
            "var1": np.array(v["var1"], dtype=object),
            "var2": np.array(v["var2"], dtype=object),
            "vcov": np.array(v["vcov"]),
            "sdcor": np.array(v["sdcor"]),
        }
    )
    got = [*random_effects_lines(table), observation_line(r["n"], list(r["n_groups"].items()))]
    assert got == block(lines, "Random effects")[1:]


def test_fixed_effects(case: Any) -> None:
    lines, r = case
    columns = ("estimate", "std_error", "df", "statistic", "p_value")
    values = [np.atleast_1d(np.array(r[c], dtype=np.float64)) for c in columns]
    table = Coefficients(tuple(np.atleast_1d(r["names"])), *values, "satterthwaite")
    assert fixed_lines(table) == block(lines, "Fixed effects")[1:]


def test_correlations(case: Any) -> None:
    lines, r = case
    names = list(np.atleast_1d(r["names"]))
    heading = "Correlation of Fixed Effects:"
    shown = block(lines, heading)[1:] if heading in lines else []
    if len(names) <= 12:
        vcov = np.array(r["vcov"]).reshape(len(names), -1)
        assert correlation_lines(names, vcov) == shown
    else:
        assert shown == []
