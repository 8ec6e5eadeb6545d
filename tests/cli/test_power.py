"""`nestwise power`: tables, JSON, parameters from a file, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nestwise as nw
from nestwise.cli.main import main

FORMULA = "math_gain ~ intervention + (1 | classroom)"


@pytest.fixture
def schools(tmp_path: Path) -> str:
    file = tmp_path / "schools.csv"
    nw.simulate_schools(3, 12, 120, seed=1).to_csv(file, index=False)
    return str(file)


def test_estimates_are_the_truth(schools: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["power", schools, FORMULA, "--term", "intervention", "--n-sim", "20", "--seed", "1"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("Power to find intervention at the 5 % level")
    assert main([*words, "--json", "--n-groups", "6", "12", "--effect", "0", "5"]) == 0
    found = json.loads(capsys.readouterr().out)["power"]
    assert [(r["n_groups"], r["effect"]) for r in found] == [(6, 0), (6, 5), (12, 0), (12, 5)]
    model = nw.lmer(FORMULA, nw.read_table(schools))
    same = nw.power(
        model, term="intervention", n_sim=20, seed=1, n_groups=[6, 12], effect=[0.0, 5.0]
    )
    assert same.table["power"].tolist() == [r["power"] for r in found]


def test_parameters_from_a_file(
    schools: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text('{"fixef": {"intervention": 9}, "sd": {"classroom": 1}, "sigma": 2}')
    out = tmp_path / "power.txt"
    words = ["power", schools, FORMULA, "--term", "intervention", "--params", str(truth)]
    assert main([*words, "--n-sim", "10", "--out", str(out)]) == 0
    assert "Power to find intervention" in out.read_text()
    truth.write_text("{")
    assert main(words) == 2
    assert "is no JSON" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_a_wrong_term_is_refused(schools: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", schools, FORMULA, "--term", "interventoin"]) == 2
    assert "did you mean 'intervention'" in capsys.readouterr().err
