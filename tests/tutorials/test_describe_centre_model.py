"""Every number that a tutorial for R prints comes out of one script (oracle: hlm_tutorial.json)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tutorials.pages import NUMBER

SCRIPT = Path(__file__).parents[2] / "docs" / "tutorials" / "describe_centre_model.py"
RIDGE = {3.199, 1.789, 0.56}
"""What R printed of the direction that the data do not tell."""


@pytest.fixture(scope="module", params=["made", "file"])
def sections(request: pytest.FixtureRequest) -> dict[str, str]:
    """The parts that the script prints, by title; with made data and with the file."""
    arguments = []
    if request.param == "file":
        arguments.append(str(request.getfixturevalue("shared_file")("hlm_tutorial.csv")))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=True
    )
    parts = re.split(r"^## (.*)\n", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def numbers(text: str) -> list[float]:
    """All numbers in a text; NaN counts as one and is left out."""
    return [float(x) for x in NUMBER.findall(text)]


def rows(text: str, first: int) -> list[list[str]]:
    """The words of a table's rows, without the header and the first columns."""
    return [line.split()[first:] for line in text.strip().splitlines()[1:]]


def test_summary(sections: dict[str, str], oracle: Callable[[str], Any]) -> None:
    printed = [[float(x) for x in row[-5:]] for row in rows(sections["Summary"], 0)]
    assert printed == oracle("hlm_tutorial")["summary"]


def test_classes(sections: dict[str, str], oracle: Callable[[str], Any]) -> None:
    answers = oracle("hlm_tutorial")
    counts = [[int(x) for x in row] for row in rows(sections["Pupils per class"], 0)]
    assert counts == answers["counts"]
    means = [[float(x) for x in row] for row in rows(sections["Mean and spread per class"], 0)]
    for (label, mean, sd), (number, r_mean, r_sd) in zip(means, answers["means"], strict=True):
        # R's tibble prints three digits.
        assert [label, float(f"{mean:.3g}"), sd] == [number, r_mean, r_sd]


def test_describe_by(sections: dict[str, str], oracle: Callable[[str], Any]) -> None:
    answers = oracle("hlm_tutorial")["describe_by"]
    assert len(answers) == 12
    for label, variables in answers.items():
        printed = {row[0]: row[1:] for row in rows(sections[f"Class {label}"], 0)}
        assert list(printed) == list(variables)
        for name, values in variables.items():
            got = [None if x == "NaN" else float(x) for x in printed[name]]
            assert got == values, (label, name)


def test_head_after_centring(sections: dict[str, str], oracle: Callable[[str], Any]) -> None:
    printed = [[float(x) for x in row[:7]] for row in rows(sections["Centred"], 1)]
    for mine, theirs in zip(printed, oracle("hlm_tutorial")["head"], strict=True):
        for a, b in zip(mine, theirs, strict=True):
            assert float(f"{a:.3g}") == b


def test_null_model(sections: dict[str, str], oracle: Callable[[str], Any]) -> None:
    expected = numbers("\n".join(oracle("hlm_tutorial")["null_model"]))
    assert numbers(sections["Null model"]) == expected


def test_full_model(sections: dict[str, str], oracle: Callable[[str], Any]) -> None:
    expected = numbers("\n".join(oracle("hlm_tutorial")["full_model"]))
    printed = numbers(sections["Full model"].split("Diagnostics:")[0])
    ridge = numbers(sections["Elsewhere on the ridge"])
    assert set(ridge) >= RIDGE
    assert ridge[-1] == pytest.approx(ridge[-2], abs=2e-4)
    assert len(printed) == len(expected)
    for mine, theirs in zip(printed, expected, strict=True):
        if theirs not in RIDGE:
            assert mine == pytest.approx(theirs, rel=1e-5)


def test_the_ridge_is_told(sections: dict[str, str]) -> None:
    assert "cannot tell apart" in sections["Full model"]
