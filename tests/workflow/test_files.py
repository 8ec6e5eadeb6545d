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

from nestwise._base.errors import DataError, MissingExtraError
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
        ("a.csv", b"x;y\n1;2\n", "is separated by ';'; save it with ','"),
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
