"""What the commands do with bad files and taken names: exit codes, one line, nothing written."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import nestwise as nw
from nestwise.cli import compare, fit, report
from nestwise.cli import main as program
from nestwise.cli.main import main
from nestwise.cli.style import painted

FORMULA = "Reaction ~ Days + (Days | Subject)"


def told(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("nestwise: ")
    assert captured.err.count("\n") == 1
    return captured.err


BAD = {
    "missing.csv": (None, "does not exist"),
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"Reaction,Days,Subject\n", "no rows"),
    "twice.csv": (b"x,x\n1,2\n", "more than once: 'x'"),
    "ragged.csv": (b"a,b\n1,2\n1,2,3\n", "is not a table"),
    "latin.csv": ("a,ö\n1,2\n".encode("latin-1"), "is not UTF-8 text"),
    "binary.csv": (b"\x00\x01\x02,\x00", "binary"),
    "broken.parquet": (b"PAR1 no", "cannot be read as Parquet"),
    "broken.xlsx": (b"no", "cannot be read as Excel"),
    "page.docx": (b"x", "not a known kind of table"),
    "other.csv": (b"a,b\n1,2\n2,3\n", "is not in the data; known names are: a, b"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_told_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = BAD[name]
    folder = tmp_path / "in"
    folder.mkdir()
    if content is not None:
        (folder / name).write_bytes(content)
    data = str(folder / name)
    out = ["--out", str(tmp_path / "out.html")]
    for words in (
        ["fit", data, FORMULA],
        ["report", data, FORMULA],
        ["compare", data, "Reaction ~ Days", "--groups", "Subject"],
        ["describe", data, "--columns", "Reaction"],
    ):
        assert main([*words, *out]) == 2
        assert message in told(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "DATA", FORMULA],
        ["report", "DATA", FORMULA],
        ["compare", "DATA", "Reaction ~ Days", "--groups", "Subject"],
        ["describe", "DATA"],
    ],
)
def test_an_output_that_exists_is_kept(
    words: list[str],
    sleepstudy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "taken"
    out.write_text("mine", encoding="utf-8")
    full = [str(sleepstudy) if w == "DATA" else w for w in words] + ["--out", str(out)]
    with monkeypatch.context() as closed:
        for module in (compare, fit, report):
            closed.setattr(module, "read_data", lambda _: pytest.fail("read before looking"))
        assert main(full) == 2
    assert "exists; give another name, or --overwrite to replace it" in told(capsys)
    assert out.read_text(encoding="utf-8") == "mine"
    assert main([*full, "--overwrite"]) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    assert out.read_text(encoding="utf-8") != "mine"


def test_report_writes_the_page(
    sleepstudy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r.html"
    words = ["report", str(sleepstudy), FORMULA, "-o", str(out), "--title", "Sleep & time"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["report"] == str(out)
    assert answer["criterion"] == pytest.approx(1743.628272, abs=1e-6)
    page = out.read_text(encoding="utf-8")
    assert "<h1>Sleep &amp; time</h1>" in page
    assert "nestwise report" in page
    assert "a difference of 10.47 in Reaction" in page


def test_compare(sleepstudy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", str(sleepstudy), "Reaction ~ Days", "--groups", "Subject"]
    assert main(words) == 0
    found = nw.compare_approaches("Reaction ~ Days", pd.read_csv(sleepstudy), groups="Subject")
    assert capsys.readouterr().out == f"{found}\n"
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["estimates"]) == len(found.table)
    assert answer["reference"] == found.reference


def test_levels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "schools.parquet"
    nw.load_dataset("schools").to_parquet(file)
    words = ["describe", str(file), "--levels", "school", "classroom"]
    assert main(words) == 0
    assert "classroom is nested in school" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    sizes = json.loads(capsys.readouterr().out)["sizes"]
    assert [row["n_groups"] for row in sizes] == [5, 5, 40]
    assert main([*words, "--by", "sex"]) == 2
    assert "--levels and --by" in told(capsys)


def test_describe_as_json(sleepstudy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", str(sleepstudy), "--json", "--columns", "Reaction"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["mean"] == pytest.approx(298.507892, abs=1e-6)


def test_semicolons_and_decimal_commas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "german.csv"
    data = nw.load_dataset("sleepstudy")
    data.to_csv(file, index=False, sep=";", decimal=",")
    assert main(["fit", str(file), FORMULA, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["criterion"] == pytest.approx(1743.628272, abs=1e-6)
    with_sign = ["--separator", ",", "--decimal", ","]
    assert main(["fit", str(file), FORMULA, *with_sign]) == 2
    assert "could not be told apart" in told(capsys)


def test_binomial_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cbpp.csv"
    data = nw.load_dataset("cbpp")
    data.assign(share=data["incidence"] / data["size"]).to_csv(file, index=False)
    formula = "share ~ C(period) + (1 | herd)"
    words = ["fit", str(file), formula, "--family", "binomial", "--weights", "size"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["loglik"] == pytest.approx(-92.0266, abs=1e-3)  # lme4's glmer
    assert (answer["family"], answer["link"]) == ("binomial", "logit")
    assert main(words) == 0
    assert "binomial" in capsys.readouterr().out
    for more, message in (
        (["--ml"], "always fitted by maximum likelihood"),
        (["--residual", "ar1(period | herd)"], "are for gaussian"),
    ):
        assert main([*words, *more]) == 2
        assert message in told(capsys)
    assert main(["fit", str(file), "share ~ period", "--nagq", "5"]) == 2
    assert "--nagq is for families other than gaussian" in told(capsys)


def test_residual_structures(sleepstudy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", str(sleepstudy), "Reaction ~ Days", "--residual", "ar1(Days | Subject)"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    model = nw.gls("Reaction ~ Days", pd.read_csv(sleepstudy), residual="ar1(Days | Subject)")
    assert answer["criterion"] == pytest.approx(model.criterion)
    own = model.residual_parameters()
    assert [list(row) for row in answer["residual"]] == [list(own)] * len(own)
    assert main(words) == 0
    assert main([*words[:2], FORMULA, "--ddf", "kenward-roger"]) == 0
    assert "Kenward-Roger" in capsys.readouterr().out


def test_what_is_not_found_exits_with_one(
    sleepstudy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nw.lmer(FORMULA, pd.read_csv(sleepstudy), control={"max_evaluations": 2})
    assert not model.converged
    monkeypatch.setattr(fit, "fit_model", lambda *_: model)
    assert main(["fit", str(sleepstudy), FORMULA]) == 1
    assert "Days" in capsys.readouterr().out


def test_a_missing_library_exits_with_three(
    sleepstudy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def no_page(*_: object, **__: object) -> str:
        raise nw.MissingExtraError("reports need Jinja2; run: pip install 'nestwise[report]'")

    monkeypatch.setattr(report, "report_html", no_page)
    out = tmp_path / "r.html"
    assert main(["report", str(sleepstudy), FORMULA, "-o", str(out)]) == 3
    assert "nestwise[report]" in told(capsys)
    assert not out.exists()


def test_ctrl_c(sleepstudy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "fit_model", stop)
    assert main(["fit", str(sleepstudy), FORMULA, "--out", str(tmp_path / "o")]) == 130
    assert "interrupted; nothing was written" in told(capsys)
    assert not (tmp_path / "o").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert painted("x", "1", Terminal()) == "\x1b[1mx\x1b[0m"
    assert painted("x", "1", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("x", "1", Terminal()) == "x"


def test_progress_is_shown_to_those_who_look(
    sleepstudy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert main(["fit", str(sleepstudy), FORMULA]) == 0
    assert "Reading" in stream.getvalue()
    assert "Fitting ..." in stream.getvalue()
    assert "\x1b" not in capsys.readouterr().out


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    for command in program._COMMANDS:
        assert command in shown
    assert "130  interrupted" in shown


def test_piped_demo_has_no_colours(tmp_path: Path) -> None:
    code = "import sys; from nestwise.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "demo", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "\x1b" not in run.stdout
    assert run.stderr == ""
    assert len(json.loads(run.stdout)["approaches"]) == 13
    assert list(tmp_path.iterdir()) == []
