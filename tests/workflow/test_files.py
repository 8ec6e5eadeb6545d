"""Files of every kind come in as the table they hold; bad ones say what is wrong."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest

from nestwise._base.errors import DataError, MissingExtraError, OptionError
from nestwise.workflow.datasets import load_dataset
from nestwise.workflow.files import read_table


def _write(kind: str, data: pd.DataFrame, path: Path) -> None:
    if kind == "sav":
        plain = data.assign(recipe=data["recipe"].cat.codes.astype(float))
        plain["replicate"] = data["replicate"].astype(int)
        plain["temperature"] = data["temperature"].astype(str)
        labels = {"recipe": {0.0: "A", 1.0: "B", 2.0: "C"}}
        pyreadstat.write_sav(plain, str(path), variable_value_labels=labels)
        return
    writers: dict[str, Callable[..., Any]] = {
        "csv": lambda: data.to_csv(path, index=False),
        "csv.gz": lambda: data.to_csv(path, index=False),
        "tsv": lambda: data.to_csv(path, index=False, sep="\t"),
        "txt": lambda: data.to_csv(path, index=False),
        "parquet": lambda: data.to_parquet(path),
        "feather": lambda: data.to_feather(path),
        "arrow": lambda: data.to_feather(path, compression="uncompressed"),
        "dta": lambda: data.to_stata(path, write_index=False),
        "xlsx": lambda: data.to_excel(path, index=False),
    }
    writers[kind]()


@pytest.mark.parametrize(
    "kind", ["csv", "csv.gz", "tsv", "txt", "parquet", "feather", "arrow", "dta", "sav", "xlsx"]
)
def test_every_kind_comes_back(kind: str, tmp_path: Path) -> None:
    cake = load_dataset("cake")
    path = tmp_path / f"cake.{kind}"
    _write(kind, cake, path)
    frame = read_table(path)
    assert list(frame) == list(cake)
    assert frame["angle"].astype(int).tolist() == cake["angle"].tolist()
    assert frame["recipe"].astype(str).tolist() == cake["recipe"].tolist()


def test_labelled_values_become_unordered_categories(tmp_path: Path) -> None:
    for kind in ("dta", "sav"):
        path = tmp_path / f"cake.{kind}"
        _write(kind, load_dataset("cake"), path)
        recipe = read_table(path)["recipe"]
        assert recipe.cat.categories.tolist() == ["A", "B", "C"]
        assert not recipe.cat.ordered


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    data = load_dataset("hlm_tutorial")
    data.to_csv(tmp_path / "t.csv", index=False)
    assert read_table(tmp_path / "t.csv")["ses"].tolist() == data["ses"].tolist()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x;y\n1;2\n", {"x": [1], "y": [2]}),
        (b"x;y\n1,5;a\n-2;b,c\n", {"x": [1.5, -2.0], "y": ["a", "b,c"]}),
        (b"x\ty\n1,5e2\t3\n", {"x": [150.0], "y": [3]}),
        (b"x|y\n1.5|3\n", {"x": [1.5], "y": [3]}),
        (b'"a;b",c\n1,2\n', {"a;b": [1], "c": [2]}),
        (b"x;y\n1.5;1,5\n", {"x": ["1.5"], "y": [1.5]}),
        (b"code;y\n01,AB;2\n", {"code": ["01,AB"], "y": [2]}),
        (b"\r\nx,y\r\n1,2\r\n", {"x": [1], "y": [2]}),
    ],
)
def test_separators_and_decimal_commas_are_found_out(
    content: bytes, expected: dict[str, list[Any]], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert read_table(tmp_path / "a.csv").to_dict("list") == expected


def test_what_the_caller_knows_about_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("ort,x\nKöln,1\n".encode("latin-1"))
    assert read_table(path, encoding="latin-1")["ort"].tolist() == ["Köln"]
    path.write_bytes("x\ty\n1\t2\n".encode("utf-16"))
    assert read_table(path, encoding="utf-16").to_dict("list") == {"x": [1], "y": [2]}
    path.write_bytes(b"x;y,z\n1;2,5\n")
    assert read_table(path, separator=",").columns.tolist() == ["x;y", "z"]
    assert read_table(path, separator=";", decimal=",")["y,z"].tolist() == [2.5]
    for options, message in (
        ({"separator": "ab"}, "separator='ab' is not one sign"),
        ({"decimal": "x"}, "decimal='x' is neither"),
        ({"decimal": ",", "separator": ","}, "both ','"),
        ({"encoding": "utf-99"}, "encoding='utf-99' is not known"),
        ({"sheet": "one"}, "is no Excel file"),
    ):
        with pytest.raises(OptionError, match=message):
            read_table(path, **options)  # type: ignore[arg-type]


def test_sheets_of_a_book(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="one", index=False)
        pd.DataFrame({"y": [2]}).to_excel(book, sheet_name="two", index=False)
    assert list(read_table(path)) == ["x"]
    assert list(read_table(path, sheet="two")) == list(read_table(path, sheet=1)) == ["y"]
    with pytest.raises(OptionError, match="sheet='three' is not in .*; it has one, two"):
        read_table(path, sheet="three")


def test_labels_of_variables_come_with_the_file(tmp_path: Path) -> None:
    data = pd.DataFrame({"rt": [1.0, 2.0], "n": [1.0, 2.0]})
    data.to_stata(tmp_path / "a.dta", write_index=False, variable_labels={"rt": "Reaction time"})
    pyreadstat.write_sav(data, str(tmp_path / "a.sav"), column_labels={"rt": "Reaction time"})
    for name in ("a.dta", "a.sav"):
        assert read_table(tmp_path / name).attrs["labels"] == {"rt": "Reaction time"}


def test_binary_standard_input() -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    for write in (frame.to_parquet, frame.to_feather):
        stream = io.BytesIO()
        write(stream)
        assert read_table("-", stdin=io.BytesIO(stream.getvalue())).equals(frame)
    with pytest.raises(DataError, match="standard input cannot be read as parquet"):
        read_table("-", stdin=io.BytesIO(b"PAR1 broken"))


def test_standard_input() -> None:
    frame = read_table("-", stdin=io.BytesIO(b"\xef\xbb\xbfx,g\n1,a\n2,b\n"))
    assert frame.to_dict("list") == {"x": [1, 2], "g": ["a", "b"]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", r"a\.csv' is empty"),
        ("a.csv", b" \n\n", r"a\.csv' is empty"),
        ("a.csv", b"x,y\n", r"has a header \(x, y\) but no rows"),
        ("a.csv", b"x,y\n1,2\n1,2,3\n", "is not a table: Expected 2 fields in line 3, saw 3"),
        ("a.csv", b"x,x\n1,2\n", "column names occur more than once: 'x'"),
        ("a.csv", "x,ort\n1,Köln\n".encode("latin-1"), "is not UTF-8 text .byte 0xf6"),
        ("a.csv", "x,y\n1,2\n".encode("utf-16"), "is UTF-16 text"),
        ("a.csv", b"PAR1\x00\x00\x01", "is no text but binary"),
        ("a.parquet", b"x,y\n1,2\n", "cannot be read as Parquet"),
        ("a.feather", b"x,y\n1,2\n", "cannot be read as Feather"),
        ("a.dta", b"x,y\n1,2\n", "cannot be read as Stata"),
        ("a.sav", b"x,y\n1,2\n", "cannot be read as SPSS"),
        ("a.xlsx", b"x,y\n1,2\n", "cannot be read as Excel"),
        ("a.csv.gz", b"\x1f\x8b broken", "cannot be read as CSV"),
        ("a.docx", b"x", "the ending '.docx' is not a known kind of table; use one of .arrow"),
        ("a", b"x", "the ending '' is not a known kind of table"),
    ],
)
def test_bad_files_say_what_is_wrong(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.csv' does not exist"):
        read_table(tmp_path / "no.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path / "folder.csv")


def test_excel_with_a_column_twice(tmp_path: Path) -> None:
    pd.DataFrame([[1, 2]], columns=["x", "x"]).to_excel(tmp_path / "a.xlsx", index=False)
    with pytest.raises(DataError, match="column names occur more than once: 'x'"):
        read_table(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ("parquet", "pyarrow", "arrow"),
        ("feather", "pyarrow", "arrow"),
        ("sav", "pyreadstat", "spss"),
        ("xlsx", "openpyxl", "excel"),
    ],
)
def test_a_missing_library_names_its_extra(
    kind: str, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"cake.{kind}"
    _write(kind, load_dataset("cake"), path)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == module else found(name, *a)
    )
    with pytest.raises(MissingExtraError, match=rf'pip install "nestwise\[{extra}\]"'):
        read_table(path)
