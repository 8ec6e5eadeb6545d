"""The commands print what the calls answer; errors are one line on stderr and exit code 2."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import nestwise as nw
from nestwise.cli.main import main

FORMULA = "Reaction ~ Days + (Days | Subject)"


def test_fit_prints_the_summary(sleepstudy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(sleepstudy), FORMULA]) == 0
    printed = capsys.readouterr().out
    assert "REML criterion at convergence: 1743.6" in printed
    assert printed == f"{nw.lmer(FORMULA, pd.read_csv(sleepstudy)).summary()}\n"


def test_fit_by_maximum_likelihood(sleepstudy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(sleepstudy), FORMULA, "--ml", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["criterion"] == pytest.approx(1751.939344, abs=1e-6)


def test_fit_as_json(sleepstudy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(sleepstudy), FORMULA, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["nobs"], answer["n_groups"]) == (180, {"Subject": 18})
    assert answer["criterion"] == pytest.approx(1743.628272, abs=1e-6)
    assert [row["term"] for row in answer["fixed"]] == ["(Intercept)", "Days"]
    assert answer["fixed"][1]["estimate"] == pytest.approx(10.467286, abs=1e-5)
    assert answer["random"][-1]["group"] == "Residual"
    assert answer["converged"] is True


def test_fit_without_a_bar_is_least_squares(
    sleepstudy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", str(sleepstudy), "Reaction ~ Days"]) == 0
    assert "Residual standard error: 47.71 on 178 degrees of freedom" in capsys.readouterr().out
    assert main(["fit", str(sleepstudy), "Reaction ~ Days", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["df_resid"] == 178


def test_fit_to_a_file(
    sleepstudy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "summary.txt"
    assert main(["fit", str(sleepstudy), FORMULA, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    assert "1743.6" in out.read_text(encoding="utf-8")


def test_fit_tells_what_the_data_cannot(tutorial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formula = "math_score ~ intervention * ses + (1 + intervention | classroom_id)"
    assert main(["fit", str(tutorial), formula, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["criterion"] == pytest.approx(1685.691912, abs=1e-5)
    assert "not-identifiable" in [d["code"] for d in answer["diagnostics"]]


def test_fit_from_standard_input(
    sleepstudy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(sleepstudy.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert main(["fit", "-", FORMULA]) == 0
    assert "1743.6" in capsys.readouterr().out


def test_describe(tutorial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["describe", str(tutorial), "--columns", "math_score", "--by", "classroom_id"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert lines[1].split()[:5] == ["1", "math_score", "20", "51.42", "9.73"]
    out = tmp_path / "d.csv"
    assert main([*words, "--out", str(out)]) == 0
    assert pd.read_csv(out)["mean"].iloc[0] == pytest.approx(51.416238024746, rel=1e-13)


def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "plots"
    assert main(["demo", "--out", str(folder)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "REML criterion at convergence: 3882.7",  # lme4 on the same data
        "Residual standard error: 7.071 on 595 degrees of freedom",  # R's lm
        "(Intercept) 1.54 against 2.13 (1.4 times)",
        "classroom is nested in school",
        "REML criterion at convergence: 1687",
        "wrote",
    ):
        assert words in printed
    assert sorted(p.name for p in folder.iterdir()) == [
        "caterpillar.png",
        "observed_vs_predicted.png",
        "pooling.png",
        "report.html",
        "variance_shares.png",
    ]
    assert all(p.stat().st_size > 10_000 for p in folder.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "no.csv", "y ~ x"], "'no.csv' does not exist"),
        (["fit", "DATA", "Reaction ~ Dayz + (1 | Subject)"], "did you mean 'Days'"),
        (["fit", "DATA", "Reaction ~ Days + (1 | Subject"], "Subject"),
        (["fit", "DATA", "Reaction ~ Days", "--ml"], "--ml: the formula has no random term"),
        (["fit", "DATA", FORMULA, "--weights", "w"], "w"),
        (["fit", "DATA", FORMULA, "--out", "no/folder/x"], "does not exist; make it first"),
        (["describe", "DATA", "--by", "subject"], "did you mean 'Subject'"),
        (["describe", "DATA", "--columns", "Subjec"], "did you mean 'Subject'"),
    ],
)
def test_errors_are_told_without_a_traceback(
    words: list[str], message: str, sleepstudy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(sleepstudy) if w == "DATA" else w for w in words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("nestwise: ")
    assert message in told.err


def test_wrong_words_exit_with_two(sleepstudy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["fit", str(sleepstudy), FORMULA, "--ddf", "none"])
    assert "invalid choice: 'none'" in capsys.readouterr().err
    assert main(["fit", str(sleepstudy), FORMULA, "--family", "binomia"]) == 2
    assert "did you mean 'binomial'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([])


def test_the_installed_command(sleepstudy: Path) -> None:
    program = Path(sys.executable).with_name("nestwise")
    if not program.exists():
        program = program.with_suffix(".exe")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"nestwise {nw.__version__}\n"
    wrong = subprocess.run(
        [program, "fit", sleepstudy, "Reaction ~ Dayz"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert "did you mean 'Days'" in wrong.stderr
